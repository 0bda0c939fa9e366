"""The settings as the agent uses them: its own, and what the release says about whom to trust."""

import json
import os

from enos_ota import settings
from enos_ota.config import ConfigError
from helpers import SCRATCH
from trusting import Trusting

SIGN = "ab" * 32
KEYS = {"product_key": "pk", "device_key": "dk", "device_secret": "s", "mqtt": "mqtts://h"}


class TestSettings(Trusting):
    def test_settings_from_a_dict_are_checked(self):
        found = settings.load(KEYS)
        self.assertEqual(found.device_key, "dk")
        self.assertEqual(settings.login(found)[1], "dk&pk")
        self.raised(ConfigError, settings.load, {"product_key": "pk"})

    def test_settings_hold_what_the_release_adds_or_else_what_it_revokes(self):
        path = SCRATCH + ".json"
        with open(path, "w") as file:
            file.write(json.dumps(KEYS))
        try:
            for source in (KEYS, path):
                self.release(ntp="new", revoked=[SIGN])
                found = settings.load(source)
                self.assertEqual((found.ntp, found.revoked), ("new", [SIGN]))
                self.release(ntp="new", revoked=[SIGN], pins=[SIGN])  # one is too few
                found = settings.load(source)
                self.assertEqual((found.ntp, found.revoked), ("", [SIGN]))
        finally:
            os.remove(path)

    def test_settings_from_a_path_that_is_not_there_are_refused(self):
        self.raised(ConfigError, settings.load, "/tmp/enos-unit-nowhere.json")
