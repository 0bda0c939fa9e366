"""The copy of what a confirmed release says about whom to trust: also where the power is cut while it is made."""

import builtins
import os

from enos_ota import trust
from trusting import CA, FILE, KEPT, KEYS, OWN, Trusting

OLD = {"ca": CA[:2], "keys": KEYS[:1], "revoked": KEYS[4:5]}
NEW = {"ca": CA[1:3], "keys": KEYS[1:2], "revoked": KEYS[5:6], "mqtt": "mqtts://new"}
REVOKED = [KEYS[4], KEYS[5]]


class Cut(BaseException):
    """The power is gone."""


class Config:
    ca = [KEPT + CA[3]]


class Flash:
    """Stands for `os` and for `open`: the power is cut at the act with this number, before it or within."""

    stat = staticmethod(os.stat)

    def __init__(self, number=None, is_torn=False) -> None:
        self.number = number
        self.is_torn = is_torn
        self.acts = []

    def act(self, *what) -> bool:
        """Whether to do the half of it before the end."""
        self.acts.append(what)
        if len(self.acts) - 1 != self.number:
            return False
        if not self.is_torn:
            raise Cut
        return True

    def open(self, path, mode="r"):
        if "w" in mode:
            if self.act("open", path):
                builtins.open(path, mode).close()
                raise Cut
            return File(self, builtins.open(path, mode))
        return builtins.open(path, mode)

    def rename(self, old, new) -> None:
        if self.act("rename", new):
            os.rename(old, new)
            raise Cut
        os.rename(old, new)

    def remove(self, path) -> None:
        if self.act("remove", path):
            os.remove(path)
            raise Cut
        os.remove(path)


class File:
    def __init__(self, flash, file) -> None:
        self._flash = flash
        self._file = file

    def write(self, data) -> None:
        if self._flash.act("write"):
            self._file.write(data[: len(data) // 2])
            raise Cut
        self._file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self._file.close()


class TestKeep(Trusting):
    def test_first_release_that_says_something_is_kept_with_its_cas(self):
        self.release(ca=CA[:2], keys=KEYS[:1])
        trust.keep(Config)
        wanted = {FILE: {"ca": CA[:2], "keys": KEYS[:1], "revoked": []}}
        wanted.update({name: "certificate " + name for name in CA[:2]})
        self.assertEqual(self.root(), wanted)
        self.assertEqual(self.lines, ["trust kept"])

    def test_release_that_says_nothing_leaves_the_copy(self):
        self.kept(**OLD)
        before = self.root()
        trust.keep(Config)
        self.put(OWN + FILE, "{")  # and one that says nothing usable
        trust.keep(Config)
        self.assertEqual(self.root(), before)

    def test_copy_that_says_the_same_is_not_written_again(self):
        # At each boot: flash wears.
        self.release(**NEW)
        trust.keep(Config)
        flash = Flash()
        self.patch(trust, "os", flash)
        trust.open = flash.open
        try:
            trust.keep(Config)
        finally:
            del trust.open
        self.assertEqual(flash.acts, [])
        self.assertEqual(self.lines, ["trust kept"])

    def test_ca_that_is_gone_is_copied_again(self):
        self.release(**NEW)
        trust.keep(Config)
        os.remove(KEPT + CA[1])
        trust.keep(Config)
        self.assertEqual(self.root()[CA[1]], "certificate " + CA[1])

    def test_what_was_revoked_once_stays_so_whatever_later_releases_say(self):
        for says in (
            {"revoked": KEYS[:1]},
            {"revoked": KEYS[1:2]},
            {"keys": KEYS[:2]},
            {"ntp": "x"},
        ):
            self.release(**says)
            trust.keep(Config)
        self.assertEqual(self.root()[FILE]["revoked"], KEYS[:2])
        self.empty(OWN)
        self.assertEqual(trust.extended({"keys": KEYS[:3]})["keys"], [KEYS[2]])

    def test_cas_that_are_no_longer_named_are_removed_but_for_those_of_the_settings(self):
        self.kept(ca=[CA[0], CA[1], CA[3]])
        self.put(KEPT + "enos.json", "settings")
        self.release(ca=[CA[1]])
        trust.keep(Config)
        self.assertEqual(sorted(self.root()), sorted([CA[1], CA[3], FILE, "enos.json"]))

    def test_former_ca_that_is_gone_already_is_no_error(self):
        self.kept(**OLD)
        os.remove(KEPT + CA[0])
        self.release(**NEW)
        trust.keep(Config)
        self.assertEqual(self.lines, ["trust kept"])

    def test_damaged_copy_is_replaced(self):
        self.put(KEPT + FILE, "{")
        self.release(**NEW)
        trust.keep(Config)
        self.assertEqual(self.root()[FILE], NEW)

    def test_no_room_leaves_the_former_copy(self):
        self.kept(**OLD)
        self.release(**NEW)

        def full(path, mode="r"):
            if "w" in mode:
                raise OSError(28)
            return builtins.open(path, mode)

        trust.open = full
        try:
            self.raised(OSError, trust.keep, Config)
        finally:
            del trust.open
        self.assertEqual(self.root()[FILE], OLD)


class TestCut(Trusting):
    def begin(self) -> None:
        for folder in (OWN, KEPT):
            self.empty(folder)
        self.kept(**OLD)
        self.release(**NEW)

    def cut(self, *where):
        """Keep, with the power cut there: the acts until then."""
        flash = Flash(*where)
        trust.os = flash
        trust.open = flash.open
        try:
            trust.keep(Config)
        except Cut:
            pass
        finally:
            del trust.open
            trust.os = os
        return flash.acts

    def test_acts_are_in_an_order_in_which_none_names_what_is_not_there(self):
        self.begin()
        acts = [act for act in self.cut() if act[0] in ("rename", "remove")]
        wanted = [("rename", CA[2]), ("rename", FILE), ("remove", CA[0])]
        self.assertEqual(acts, [(act, KEPT + name) for act, name in wanted])

    def test_power_cut_anywhere_leaves_the_old_or_the_new_copy_with_its_cas(self):
        self.begin()
        count = len(self.cut())
        self.assertTrue(count >= 7, count)
        for number in range(count):
            for is_torn in (False, True):
                self.begin()
                self.cut(number, is_torn)
                root = self.root()
                copy = root[FILE]
                self.assertTrue(copy in (OLD, dict(NEW, revoked=REVOKED)), (number, copy))
                for name in copy["ca"]:
                    self.assertEqual(root[name], "certificate " + name, number)
                trust.keep(Config)
                root = self.root()
                self.assertEqual(root[FILE], dict(NEW, revoked=REVOKED), number)
                for name in NEW["ca"]:
                    self.assertEqual(root[name], "certificate " + name)
