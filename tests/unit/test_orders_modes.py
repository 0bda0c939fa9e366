"""Orders: which upgrades may go to a boot without the application, by the agent's mode."""

from enos_ota.errors import StarvedError
from fakeagent import Upgrade, WithAgent
from inmode import InMode


class TestLive(InMode):
    def test_starved_upgrade_is_reported(self):
        for error in (StarvedError("TLS: no block"), MemoryError("4096 bytes")):
            self.upgrade(error, upgrade="live")
            self.is_over("-1", "not enough memory", str(error))

    def test_upgrade_that_cannot_even_be_made_is_reported(self):
        Upgrade.trouble = MemoryError("import")
        self.upgrade(upgrade="live")
        self.is_over("-1", "not enough memory")


class TestAlone(InMode):
    def test_starved_upgrade_is_reported_in_every_mode(self):
        for mode in ("auto", "live", "reboot"):
            self.upgrade(StarvedError("TLS: no block"), upgrade=mode, alone=True)
            self.is_over("-1", "not enough memory", "no block")


class TestReboot(InMode):
    def test_upgrade_is_left_to_the_next_boot_without_a_try(self):
        self.upgrade(upgrade="reboot")
        self.is_left_to_the_next_boot()
        self.assertEqual(Upgrade.begun, [])

    def test_boot_alone_upgrades(self):
        self.upgrade("reset", upgrade="reboot", alone=True)
        self.assertEqual(Upgrade.begun, ["2.0"])

    def test_full_nvs_is_reported_instead_of_a_reset(self):
        self.chip.nvs_full = True
        self.upgrade(upgrade="reboot")
        self.is_over("-1")


class TestMode(WithAgent):
    def test_wrong_mode_is_a_value_error(self):
        for mode in ("now", "", None, True):
            self.raised(ValueError, lambda: self.make(upgrade=mode))
