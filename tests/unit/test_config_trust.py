"""The settings of whom to trust: signatures, keys, pins, and what may go without TLS."""

import json
import os

from enos_ota import config
from enos_ota.config import ConfigError, check
from helpers import SCRATCH, Case

LEAST = {"product_key": "p", "device_key": "d", "device_secret": "s", "mqtt": "mqtts://h"}
KEYS = ["%064x" % n for n in range(1, 40)]
PATH = SCRATCH + ".json"


class Logged(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(config, "log", lambda level, text: self.lines.append(level + " " + text))

    def check(self, **settings):
        return check(dict(LEAST, **settings))

    def refused(self, **settings):
        return str(self.raised(ConfigError, check, dict(LEAST, **settings)))


class TestSignature(Logged):
    def test_signature_is_required_once_a_key_is_known_and_off_before(self):
        self.assertEqual(self.check().signature, "off")
        self.assertEqual(self.check(keys=KEYS[:1]).signature, "required")

    def test_signature_is_what_the_settings_say(self):
        for keys in ([], KEYS[:2]):
            for word in ("required", "if_present", "off"):
                self.assertEqual(self.check(signature=word, keys=keys).signature, word)

    def test_any_other_word_is_refused(self):
        for word in ("Required", "on", "none", "if present", " off"):
            text = self.refused(signature=word)
            self.assertTrue(text.startswith("signature must be one of "), text)
            self.assertIn("required, if_present, off", text)

    def test_hosts_serve_files_only_where_a_signature_is_required(self):
        self.assertEqual(self.check(hosts=["cdn"], keys=KEYS[:1]).hosts, ["cdn"])
        self.assertEqual(self.check(hosts=["cdn"], signature="required").hosts, ["cdn"])
        self.assertEqual(self.lines, [])
        for settings in ({}, {"signature": "if_present"}, {"signature": "off", "keys": KEYS[:1]}):
            self.lines.clear()
            self.assertEqual(self.check(hosts=["cdn"], **settings).hosts, [])
            self.assertEqual(self.lines, ["W hosts are not used: signature is not required"])

    def test_downgrade_is_off_unless_the_settings_say_so(self):
        self.assertTrue(self.check().downgrade is False)
        self.assertTrue(self.check(downgrade=True).downgrade is True)
        for value in (1, "true", None):
            self.assertIn("downgrade", self.refused(downgrade=value))


class TestDigests(Logged):
    def test_digests_are_kept_in_lower_case(self):
        found = self.check(keys=[KEYS[10].upper()], pins=KEYS[:8], revoked=["AB" * 32])
        self.assertEqual(found.keys, [KEYS[10]])
        self.assertEqual(found.pins, KEYS[:8])
        self.assertEqual(found.revoked, ["ab" * 32])

    def test_as_many_as_each_may_have(self):
        for name, least, most in (("keys", 1, 3), ("pins", 2, 8), ("revoked", 1, 39)):
            self.assertEqual(getattr(self.check(**{name: []}), name), [])
            for count in (least, most):
                self.assertEqual(len(getattr(self.check(**{name: KEYS[:count]}), name)), count)
        for name, counts in (("keys", (4, 9)), ("pins", (1, 9))):
            for count in counts:
                self.assertIn(name + " must be", self.refused(**{name: KEYS[:count]}))

    def test_what_is_no_digest_is_refused_and_not_shown(self):
        for name in ("keys", "pins", "revoked"):
            for wrong in ("", "x" * 64, KEYS[0][1:], KEYS[0] + "0", " " + KEYS[0][1:]):
                text = self.refused(**{name: [KEYS[1], wrong]})
                self.assertEqual(text, name + " must be SHA-256 digests in hex")

    def test_list_holds_texts_and_that_of_wifi_objects(self):
        for name in ("keys", "pins", "revoked", "hosts", "plain", "ca"):
            for wrong, kind in ((7, "int"), ([], "list"), ({}, "dict")):
                text = self.refused(**{name: [KEYS[0], wrong]})
                self.assertEqual(text, "%s must not hold a %s" % (name, kind))
        self.assertEqual(self.refused(wifi=["secret"]), "wifi must not hold a str")

    def test_list_is_a_list(self):
        for name in ("keys", "pins", "revoked", "hosts", "plain", "ca"):
            for wrong in (KEYS[0], {KEYS[0]: 1}, None, 7):
                self.assertEqual(self.refused(**{name: wrong}), name + " must be a list")


class TestPlain(Logged):
    def test_address_without_tls_needs_the_word_and_is_warned_of(self):
        for name, scheme in (("mqtt", "mqtt"), ("http_broker", "http"), ("base_url", "http")):
            url = scheme + "://h"
            wanted = '%s is without TLS: plain must hold "%s"' % (name, scheme)
            self.assertEqual(self.refused(**{name: url}), wanted)
            other = "http" if scheme == "mqtt" else "mqtt"
            self.assertEqual(self.refused(plain=[other], **{name: url}), wanted)
            self.lines.clear()
            self.assertEqual(getattr(self.check(plain=[scheme], **{name: url}), name), url)
            self.assertEqual(self.lines, ["W without TLS, as configured: ['%s']" % scheme])

    def test_addresses_with_tls_need_no_word(self):
        found = self.check(http_broker="https://h", base_url="https://h")
        self.assertEqual(found.plain, [])
        self.assertEqual(self.lines, [])


class TestSeconds(Logged):
    def test_seconds_are_what_a_chip_can_measure(self):
        for name, most in (
            ("trial_s", 500_000),
            ("watchdog_s", 500_000),
            ("stuck_s", 500_000),
            ("upgrade_timeout_s", 500_000),
            ("spread_s", 500_000),
            ("keepalive_s", 65_535),  # of MQTT
            ("check_s", (1 << 30) - 1),  # a week, or longer: the agent clips it
        ):
            for value in (0, 1, most):
                self.assertEqual(getattr(self.check(**{name: value}), name), value)
            for value in (-1, most + 1, 1 << 40):
                self.assertEqual(self.refused(**{name: value}), "%s must be 0 to %d" % (name, most))


class TestWays(Logged):
    """What a release adds may not be usable: then the next way counts."""

    def tearDown(self) -> None:
        os.remove(PATH)
        super().tearDown()

    def load(self, *ways):
        with open(PATH, "w") as file:
            file.write(json.dumps(LEAST))
        return config.load(PATH, *ways)

    def test_first_way_that_can_be_used_counts(self):
        good = lambda settings: dict(settings, keys=KEYS[:1])  # noqa: E731
        bad = lambda settings: dict(settings, keys=KEYS[:4])  # noqa: E731
        self.assertEqual(self.load(good, bad).keys, KEYS[:1])
        self.assertEqual(self.lines, [])
        found = self.load(bad, lambda settings: dict(settings, revoked=KEYS[:1]))
        self.assertEqual((found.keys, found.revoked), ([], KEYS[:1]))
        self.assertIn("keys must be", self.lines[0])

    def test_no_way_that_can_be_used_is_an_error(self):
        bad = lambda settings: dict(settings, pins=KEYS[:1])  # noqa: E731
        self.assertTrue(type(self.trouble(self.load, bad)) is ConfigError)
