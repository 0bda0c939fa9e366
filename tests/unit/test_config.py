"""The settings: names, types, defaults, the copy, and what never shows."""

import json
import os

from enos_ota import config
from enos_ota.config import ConfigError, check
from helpers import SCRATCH, Case

SECRET = "s3cr3t-never-shown"
LEAST = {
    "product_key": "pk",
    "device_key": "dk",
    "device_secret": SECRET,
    "mqtt": "mqtts://localhost:18883",
}
PATH = SCRATCH + ".json"
COPY = SCRATCH + ".bak"


def but(**changes):
    return dict(LEAST, **changes)


class Logged(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(config, "log", lambda level, text: self.lines.append(level + " " + text))

    def write(self, path, content) -> None:
        with open(path, "w") as file:
            file.write(content)

    def tearDown(self) -> None:
        super().tearDown()
        for path in (PATH, COPY):
            try:
                os.remove(path)
            except OSError:
                pass


class TestConfig(Logged):
    def test_least_settings_get_the_defaults(self):
        settings = check(LEAST)
        self.assertEqual(settings.device_key, "dk")
        self.assertEqual(settings.trial_s, 600)
        self.assertEqual(settings.trial_app_s, 30)
        self.assertEqual(settings.check_s, 0)
        self.assertEqual(settings.watchdog_s, 120)
        self.assertEqual(settings.stuck_s, 3600)
        self.assertEqual(settings.upgrade_timeout_s, 7200)
        self.assertEqual(settings.spread_s, 32)
        self.assertEqual(settings.network, "wifi")
        self.assertEqual(settings.ca, [])
        self.assertEqual(self.lines, [])

    def test_given_settings_are_kept(self):
        settings = check(
            but(trial_s=5, ca=["/ca.der"], ntp="localhost", wifi=[{"ssid": "a", "password": "b"}])
        )
        self.assertEqual(settings.trial_s, 5)
        self.assertEqual(settings.ca, ["/ca.der"])
        self.assertEqual(settings.wifi[0]["ssid"], "a")

    def test_settings_show_no_value_when_printed(self):
        # They are at hand wherever a traceback or a user's print may be.
        values = {
            "product_key": "pk-shown",
            "device_key": "dk-shown",
            "mqtt": "mqtts://host-shown",
            "http_broker": "https://broker-shown",
            "base_url": "https://base-shown",
            "access_key": "ak-shown",
            "secret_key": SECRET,
            "org_id": "org-shown",
            "hosts": ["cdn-shown"],
            "wifi": [{"ssid": "ssid-shown", "password": SECRET}],
            "trial_s": 98765,
        }
        settings = check(but(**values))
        for text in (
            repr(settings),
            str(settings),
            "%s %r" % (settings, settings),
            repr(type(settings)),
        ):
            for secret in ("shown", "98765", SECRET):
                self.assertFalse(secret in text, text)

    def test_settings_keep_nothing_of_their_module_alive(self):
        settings = check(LEAST)
        kept = [name for name in dir(type(settings)) if not name.startswith("__")]
        self.assertEqual(kept, [])

    def test_required_key_missing_or_empty_is_named(self):
        for name in LEAST:
            for settings in (but(**{name: ""}), {k: LEAST[k] for k in LEAST if k != name}):
                error = self.raised(ConfigError, check, settings)
                self.assertIn(name, str(error))
                self.assertFalse(SECRET in str(error))

    def test_wrong_type_names_the_key_and_shows_no_value(self):
        for name, value in (
            ("product_key", 7),
            ("device_secret", [SECRET]),
            ("mqtt", None),
            ("trial_s", "600"),
            ("trial_s", 600.5),
            ("upgrade_timeout_s", "7200"),
            ("spread_s", 0.5),
            ("ca", "/ca.der"),
            ("wifi", {"ssid": "a", "password": SECRET}),
            ("secret_key", {"k": SECRET}),
            ("ntp", ["pool"]),
        ):
            error = self.raised(ConfigError, check, but(**{name: value}))
            self.assertIn(name, str(error))
            self.assertFalse(SECRET in str(error))

    def test_bool_is_not_a_number(self):
        for value in (True, False):
            self.assertIn("watchdog_s", str(self.raised(ConfigError, check, but(watchdog_s=value))))

    def test_network_is_one_of_three(self):
        for value in ("wifi", "hook", "external"):
            self.assertEqual(check(but(network=value)).network, value)
        for value in ("", "WiFi", "ethernet"):
            self.assertIn("network", str(self.raised(ConfigError, check, but(network=value))))

    def test_unknown_key_warns_and_is_ignored(self):
        check(but(trail_s=5, secret=SECRET))
        self.assertEqual(
            sorted(self.lines), ["W unknown setting secret", "W unknown setting trail_s"]
        )

    def test_error_is_a_value_error(self):
        self.assertTrue(issubclass(ConfigError, ValueError))


class TestLoad(Logged):
    def test_load_whole_file_reads_it_alone(self):
        self.write(PATH, json.dumps(but(trial_s=5)))
        self.assertEqual(config.load(PATH).trial_s, 5)
        self.assertEqual(self.lines, [])

    def test_load_damaged_or_gone_uses_the_copy_and_says_so(self):
        for damaged in (
            None,
            "",
            "{",
            "[]",
            "7",
            '{"product_key":"pk"}',
            json.dumps(but(trial_s="5")),
        ):
            self.lines.clear()
            self.tearDown()
            self.setUp()
            if damaged is not None:
                self.write(PATH, damaged)
            self.write(COPY, json.dumps(but(trial_s=6)))
            self.assertEqual(config.load(PATH).trial_s, 6, damaged)
            self.assertEqual(len(self.lines), 1)
            self.assertIn(PATH, self.lines[0])

    def test_load_bytes_that_are_no_text_uses_the_copy(self):
        with open(PATH, "wb") as file:
            file.write(b"\xff\xfe\x00{")
        self.write(COPY, json.dumps(LEAST))
        self.assertEqual(config.load(PATH).device_key, "dk")

    def test_load_both_unusable_raises_and_logs_each_reason(self):
        self.write(PATH, json.dumps(but(trial_s="5")))
        self.write(COPY, "{")
        self.raised(ConfigError, config.load, PATH)
        self.assertEqual(len(self.lines), 2)
        self.assertIn(PATH, self.lines[0])
        self.assertIn("trial_s", self.lines[0])
        self.assertIn(COPY, self.lines[1])

    def test_load_neither_there_raises(self):
        self.raised(ConfigError, config.load, PATH)
        self.assertIn(PATH, self.lines[0])

    def test_load_same_fault_in_both_names_the_key(self):
        for path in (PATH, COPY):
            self.write(path, json.dumps(but(trial_s="5")))
        self.assertIn("trial_s", str(self.raised(ConfigError, config.load, PATH)))

    def test_load_damaged_file_shows_no_secret(self):
        self.write(PATH, json.dumps(LEAST)[:-1])
        self.write(COPY, json.dumps(but(device_key=[SECRET])))
        error = self.raised(ConfigError, config.load, PATH)
        self.assertFalse(SECRET in str(error) + "".join(self.lines))
