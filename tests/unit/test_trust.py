"""What a release says about whom to trust, together with the settings and with what earlier ones revoked."""

import json

from enos_ota import trust
from enos_ota.trust import extended, with_revoked
from trusting import CA, FILE, KEPT, KEYS, OWN, Trusting

SETTINGS = {"mqtt": "mqtts://old", "ca": ["/ca.der"], "keys": [KEYS[0]], "wifi": [{"ssid": "x"}]}


class TestExtended(Trusting):
    def test_settings_are_as_they_are_where_no_release_says_anything(self):
        self.assertEqual(extended(SETTINGS), SETTINGS)
        for settings in ([], None, "x", 7):  # of a damaged file: that is what will be complained of
            self.release(keys=[KEYS[1]])
            self.assertEqual(extended(settings), settings)

    def test_lists_of_the_release_come_first_and_the_settings_behind(self):
        self.release(ca=[CA[0]], hosts=["cdn"], pins=KEYS[:2], keys=[KEYS[1]])
        found = extended(dict(SETTINGS, hosts=["old", "cdn"], pins=KEYS[1:4]))
        self.assertEqual(found["ca"], [OWN + CA[0], "/ca.der"])
        self.assertEqual(found["hosts"], ["cdn", "old"])
        self.assertEqual(found["pins"], KEYS[:4])
        self.assertEqual(found["keys"], [KEYS[1], KEYS[0]])
        self.assertEqual(found["revoked"], [])

    def test_texts_of_the_release_count_in_place_of_the_settings(self):
        texts = dict.fromkeys(("mqtt", "http_broker", "base_url", "ntp"), "https://new")
        self.release(**texts)
        found = extended(dict(SETTINGS, base_url="https://old", ntp="old"))
        for name in texts:
            self.assertEqual(found[name], "https://new")

    def test_texts_that_are_empty_leave_the_settings(self):
        self.release(mqtt="", ntp="new")
        self.assertEqual(extended(SETTINGS)["mqtt"], "mqtts://old")

    def test_nothing_else_of_a_release_counts(self):
        words = {"signature": "off", "downgrade": True, "plain": ["mqtt"], "device_secret": "x"}
        self.release(keys=[KEYS[1]], wifi=[], **words)
        found = extended(SETTINGS)
        self.assertEqual(found["keys"], [KEYS[1], KEYS[0]])
        for name in words:
            self.assertFalse(name in found, name)
        self.assertEqual(found["wifi"], SETTINGS["wifi"])

    def test_settings_themselves_are_not_changed(self):
        # The application may hold the dict.
        before = json.dumps(SETTINGS)
        self.release(ca=[CA[0]], keys=KEYS[1:3], mqtt="mqtts://new")
        extended(SETTINGS)
        self.assertEqual(json.dumps(SETTINGS), before)

    def test_settings_of_a_wrong_type_are_left_to_be_complained_of(self):
        self.release(keys=[KEYS[1]], ca=[CA[0]])
        found = extended(dict(SETTINGS, keys="x", ca=7))
        self.assertEqual((found["keys"], found["ca"]), ("x", 7))
        self.assertEqual(extended(dict(SETTINGS, keys=[7]))["keys"], [KEYS[1], 7])


class TestKeys(Trusting):
    def keys(self, *own, revoked=(), settings=()):
        self.release(keys=list(own), revoked=list(revoked))
        return extended({"keys": list(settings)})["keys"]

    def test_three_at_most_are_trusted_those_of_the_release_first(self):
        self.assertEqual(self.keys(*KEYS[:2], settings=KEYS[2:5]), KEYS[:3])
        self.assertEqual(self.keys(*KEYS[:4]), KEYS[:3])

    def test_revoked_keys_leave_their_place_to_others(self):
        found = self.keys(*KEYS[:2], revoked=[KEYS[0], KEYS[2]], settings=KEYS[2:6])
        self.assertEqual(found, [KEYS[1], KEYS[3], KEYS[4]])

    def test_key_that_both_know_is_one_however_it_is_written(self):
        self.assertEqual(self.keys(KEYS[0], settings=[KEYS[0].upper(), KEYS[1]]), KEYS[:2])
        self.assertEqual(
            self.keys(revoked=[KEYS[0]], settings=[KEYS[0].upper(), KEYS[1]]), [KEYS[1]]
        )

    def test_one_key_stays_though_all_are_revoked(self):
        # Without any, nothing would have to be signed any more.
        self.assertEqual(self.keys(revoked=KEYS[:2], settings=KEYS[:2]), [KEYS[0]])
        self.assertEqual(self.keys(KEYS[2], revoked=KEYS[:3], settings=KEYS[:1]), [KEYS[2]])
        from enos_ota.config import check

        known = {"product_key": "p", "device_key": "d", "device_secret": "s", "mqtt": "mqtts://h"}
        config = check(extended(dict(known, keys=KEYS[:1])))
        self.assertEqual(config.signature, "required")
        self.assertEqual(config.revoked, KEYS[:3])

    def test_no_keys_are_none(self):
        self.assertEqual(self.keys(revoked=KEYS[:1]), [])

    def test_eight_pins_at_most_are_known_those_of_the_release_first(self):
        pins = ["%064x" % n for n in range(12)]
        self.release(pins=pins[:5])
        self.assertEqual(extended({"pins": pins[4:]})["pins"], pins[:8])


class TestKept(Trusting):
    def test_copy_of_an_earlier_release_counts_where_this_one_says_nothing(self):
        self.kept(ca=[CA[0]], keys=[KEYS[1]], mqtt="mqtts://new")
        found = extended(SETTINGS)
        self.assertEqual(found["ca"], [KEPT + CA[0], "/ca.der"])
        self.assertEqual(found["keys"], [KEYS[1], KEYS[0]])
        self.assertEqual(found["mqtt"], "mqtts://new")

    def test_release_that_says_something_counts_alone_but_for_what_was_revoked(self):
        self.kept(ca=[CA[0]], keys=[KEYS[1]], revoked=[KEYS[2]], mqtt="mqtts://kept")
        self.release(keys=[KEYS[2], KEYS[3]], revoked=[KEYS[4]])
        found = extended(SETTINGS)
        self.assertEqual(found["ca"], ["/ca.der"])
        self.assertEqual(found["keys"], [KEYS[3], KEYS[0]])
        self.assertEqual(found["revoked"], [KEYS[2], KEYS[4]])
        self.assertEqual(found["mqtt"], "mqtts://old")

    def test_settings_revoke_too(self):
        self.kept(revoked=[KEYS[1]])
        found = extended({"revoked": [KEYS[2], KEYS[1]], "keys": KEYS[1:4]})
        self.assertEqual(found["revoked"], KEYS[1:3])


class TestRevokedAlone(Trusting):
    """Where the settings cannot be used with all that the release adds."""

    def test_nothing_else_is_added(self):
        self.kept(keys=KEYS[1:2], revoked=KEYS[2:3], mqtt="mqtts://kept")
        self.release(keys=KEYS[3:4], revoked=KEYS[4:5], ca=CA[:1], pins=KEYS[:1])
        self.assertEqual(with_revoked(SETTINGS), dict(SETTINGS, revoked=[KEYS[2], KEYS[4]]))
        found = with_revoked(dict(SETTINGS, revoked=KEYS[5:6]))
        self.assertEqual(sorted(found["revoked"]), [KEYS[2], KEYS[4], KEYS[5]])
        self.assertFalse("revoked" in SETTINGS)

    def test_without_any_the_settings_are_as_they_are(self):
        self.assertEqual(with_revoked(SETTINGS), SETTINGS)
        self.release(revoked=KEYS[:1])
        for settings in ([], None, 7):
            self.assertEqual(with_revoked(settings), settings)
        self.assertEqual(with_revoked({"revoked": "x"})["revoked"], "x")


class TestDamaged(Trusting):
    def test_file_that_cannot_be_used_is_named_and_the_copy_counts(self):
        for damaged in (
            "",
            "{",
            "[]",
            "7",
            "null",
            '{"keys": "x"}',
            '{"keys": [7]}',
            '{"keys": ["%s"]}' % KEYS[0][1:],
            '{"keys": ["%s"]}' % ("x" * 64),
            '{"keys": ["%s"]}' % KEYS[0].upper(),
            '{"revoked": {}}',
            '{"revoked": [""]}',
            '{"pins": null}',
            '{"pins": ["%s0"]}' % KEYS[0],
            '{"ca": "enos-1.der"}',
            '{"ca": ["/enos-1.der"]}',
            '{"ca": ["../enos-1.der"]}',
            '{"ca": ["enos-/../main.der"]}',
            '{"ca": ["enos.json"]}',
            '{"ca": ["boot.py"]}',
            '{"ca": ["main.der"]}',
            '{"ca": ["enos-link.py"]}',
            '{"ca": [""]}',
            '{"hosts": [7]}',
            '{"hosts": "cdn"}',
            '{"mqtt": ["mqtts://h"]}',
            '{"http_broker": 7}',
            '{"base_url": null}',
            '{"ntp": {}}',
        ):
            self.kept(keys=[KEYS[1]], revoked=[KEYS[2]])
            self.put(OWN + FILE, damaged)
            self.lines.clear()
            found = extended(SETTINGS)
            self.assertEqual(self.lines, [OWN + FILE + " cannot be used"], damaged)
            self.assertEqual(found["keys"], [KEYS[1], KEYS[0]], damaged)
            self.assertEqual(found["revoked"], [KEYS[2]])

    def test_copy_that_cannot_be_used_is_named_and_the_release_counts(self):
        self.release(keys=[KEYS[1]])
        self.put(KEPT + FILE, "{")
        self.assertEqual(extended(SETTINGS)["keys"], [KEYS[1], KEYS[0]])
        self.assertEqual(self.lines, [KEPT + FILE + " cannot be used"])

    def test_neither_that_can_be_used_leaves_the_settings(self):
        for folder in (OWN, KEPT):
            with open(folder + FILE, "wb") as file:
                file.write(b"\xff\xfe{}")
        self.assertEqual(extended(SETTINGS), SETTINGS)
        self.assertEqual(len(self.lines), 2)

    def test_file_that_takes_too_much_memory_cannot_be_used(self):
        class Json:
            @staticmethod
            def load(file):
                raise MemoryError

        self.release(keys=[KEYS[1]])
        self.patch(trust, "json", Json)
        self.assertEqual(extended(SETTINGS), SETTINGS)
        self.assertEqual(self.lines, [OWN + FILE + " cannot be used"])

    def test_keys_that_nobody_knows_are_ignored(self):
        self.release(keys=[KEYS[1]], later={"a": [1]})
        self.assertEqual(extended(SETTINGS)["keys"], [KEYS[1], KEYS[0]])
