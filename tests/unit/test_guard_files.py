"""/boot.py: which files of a slot are mounted, and when the copy of the agent runs in their place."""

import builtins
import sys

import images
import machine
from bootstub import (
    FS_BLOCK,
    FS_BLOCKS,
    NVS,
    PENDING,
    VALID,
    Blocks,
    OnBoard,
    is_there,
    read,
    write,
)


class TestSlotFiles(OnBoard):
    def test_files_of_the_running_slot_are_mounted_read_only_before_all_others(self):
        for running in ("ota_0", "ota_1"):
            self.power_up((1, VALID), running=running)
            self.put_files()
            boot = self.boot()
            self.assertEqual(read("/app/mine.txt"), running)
            self.assertRaises(OSError, write, "/app/mine.txt", "x")
            self.assertEqual(sys.path, ["/app", "", ".frozen", "/lib"])
            self.assertEqual(boot.files_trouble, "")

    def test_record_of_another_image_mounts_nothing(self):
        for wrong in (
            {"magic": b"EnRX"},
            {"image_digest": b"x" * 32},
            {"image_length": 4096},
        ):
            self.power_up((1, VALID))
            self.put_files(**wrong)
            boot = self.boot()
            self.assertRaises(OSError, read, "/app/mine.txt")
            self.assertEqual(boot.files_trouble, "")
            self.assertEqual(sys.path[0], "/app")

    def test_files_that_do_not_mount_leave_the_rescue_copy_to_run(self):
        self.put_files()
        self.damage_files()
        boot = self.boot()
        self.assertEqual(sys.path, ["/rescue", "", ".frozen", "/lib"])
        self.assertIn("does not mount", boot.files_trouble)

    def test_files_that_do_not_mount_in_a_trial_are_no_rescue(self):
        # It would be the old agent that passed the trial of the new image.
        self.power_up((1, VALID), (2, PENDING), running="ota_1")
        self.put_files()
        self.damage_files()
        boot = self.boot()
        self.assertEqual(sys.path[0], "/app")
        self.assertIn("does not mount", boot.files_trouble)

    def test_slot_without_an_image_does_not_keep_main_from_running(self):
        images.put("ota_0", b"\xff" * 512)
        boot = self.boot()
        self.assertIn("does not mount", boot.files_trouble)
        self.assertEqual(sys.path[0], "/rescue")


class TestPlainImage(OnBoard):
    """No release record: the agent is frozen, lies in /lib, or was copied by `deploy`."""

    def test_copy_of_the_agent_is_used_after_all_others(self):
        self.put_files(magic=b"EnRX")
        copied(self)
        boot = self.boot()
        self.assertEqual(sys.path, ["/app", "", ".frozen", "/lib", "/rescue"])
        self.assertEqual(read("/rescue/mine.txt"), "ota_0")
        self.assertEqual(boot.files_trouble, "")

    def test_no_copy_of_the_agent_is_no_trouble(self):
        boot = self.boot()
        self.assertEqual(sys.path, ["/app", "", ".frozen", "/lib"])
        self.assertEqual(boot.files_trouble, "")

    def test_copy_that_is_damaged_keeps_nothing_from_running(self):
        self.put_files(magic=b"EnRX")
        copied(self)
        self.damage_files()
        boot = self.boot()
        self.assertEqual(sys.path, ["/app", "", ".frozen", "/lib"])
        self.assertEqual(boot.files_trouble, "")

    def test_release_with_files_of_its_own_does_not_see_the_copy(self):
        self.put_files()
        copied(self)
        self.boot()
        self.assertEqual(sys.path, ["/app", "", ".frozen", "/lib"])
        self.assertFalse(is_there("/rescue/mine.txt"))

    def test_sixth_failure_in_a_row_puts_the_copy_first(self):
        self.power_up((1, VALID), fails=6)
        self.put_files(magic=b"EnRX")
        copied(self)
        self.boot()
        self.assertEqual(sys.path, ["/rescue", "", ".frozen", "/lib"])


class TestRescue(OnBoard):
    def test_sixth_failure_in_a_row_leaves_the_slots_files_alone(self):
        for fails, first in ((4, "/app"), (5, "/rescue"), (69, "/rescue")):
            self.power_up((1, VALID), fails=fails)
            self.put_files()
            self.boot(machine.WDT_RESET)
            self.assertEqual(sys.path[0], first)
            self.assertEqual(is_there("/app/mine.txt"), first == "/app")

    def test_failures_that_a_full_nvs_cannot_count_are_believed_all_the_same(self):
        # Or a release that filled it could fail for ever.
        for fails, cause in ((5, machine.WDT_RESET), (6, machine.HARD_RESET)):
            self.power_up((1, VALID), fails=fails)
            self.put_files()
            self.chip.nvs_full = True
            self.boot(cause)
            self.assertEqual(self.fails(), fails)
            self.assertEqual(sys.path[0], "/rescue")

    def test_copy_that_fails_like_the_slots_files_takes_turns_with_them(self):
        # It may need the network that only the application brings, or another VM.
        self.power_up((1, VALID), fails=5)
        self.put_files()
        first = []
        for _ in range(4):
            self.boot(machine.WDT_RESET)
            first.append(sys.path[0])
        self.assertEqual(first, ["/rescue", "/app"] * 2)

    def test_image_on_trial_is_never_rescued(self):
        self.power_up((1, VALID), (2, PENDING), running="ota_1", fails=6)
        self.put_files()
        self.boot(machine.WDT_RESET)
        self.assertEqual(sys.path[0], "/app")
        self.assertTrue(is_there("/app/mine.txt"))

    def test_copy_of_the_agent_is_mounted_from_its_file(self):
        self.put_files()
        copy = copied(self)
        self.chip.nvs[(NVS, "fails")] = 6
        self.boot()
        self.assertEqual(copy.opened, [("/rescue.fs", "rb")])
        self.assertEqual(read("/rescue/mine.txt"), "ota_0")
        self.assertRaises(OSError, write, "/rescue/mine.txt", "x")

    def test_copy_that_is_damaged_does_not_keep_main_from_running(self):
        self.put_files()
        copied(self)
        self.damage_files()
        self.boot()
        self.assertFalse(is_there("/rescue/mine.txt"))
        self.assertEqual(sys.path[0], "/rescue")


def copied(case):
    """The files of the slot are what /rescue.fs holds, too."""
    copy = File("ota_0", builtins.open)
    case.patch(builtins, "open", copy.open)
    return copy


class File:
    """Stands for a file with the app file system of a slot."""

    def __init__(self, label, open_others) -> None:
        self.blocks = Blocks(label)
        self.open_others = open_others
        self.opened = []
        self.at = 0

    def open(self, name, mode="r"):
        if name != "/rescue.fs":
            return self.open_others(name, mode)
        self.opened.append((name, mode))
        return self

    def seek(self, offset, whence=0):
        self.at = FS_BLOCKS * FS_BLOCK if whence == 2 else offset
        return self.at

    def readinto(self, buf) -> None:
        self.blocks.readblocks(0, buf, self.at)


class TestGlobals(OnBoard):
    def test_only_what_is_mounted_and_the_trouble_are_left_to_main(self):
        left = [name for name in dir(self.boot()) if name[0] != "_"]
        for name in ("count", "on_trial", "mount_slot_files", "guarded", "trouble"):
            self.assertFalse(name in left, name)
        self.assertIn("files_trouble", left)
