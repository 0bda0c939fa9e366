"""/boot.py: the watchdog that a trial cannot do without, and what is counted."""

import esp32
import machine
from bootstub import ABORTED, NEW, NVS, PENDING, VALID, OnBoard

WITH_FACTORY = ((0, 0, 0x3B0000, 0x10000, "factory"),)
WITH_TEST = ((0, 0x20, 0x3C0000, 0x10000, "test"),)


class TestWatchdog(OnBoard):
    def test_image_on_trial_has_a_watchdog_whatever_is_set(self):
        for setting, timeout_ms in (
            (None, 60_000),
            (b"0", 60_000),
            (b"120", 60_000),
            (b"30", 30_000),
            (b"-5", 60_000),
            (b"soon", 60_000),
        ):
            self.power_up((1, VALID), (2, PENDING), running="ota_1")
            if setting is not None:
                self.chip.nvs[(NVS, "wdt_s")] = setting
            self.boot()
            self.assertEqual(machine.State.watchdog_ms, timeout_ms, setting)

    def test_image_on_trial_has_a_watchdog_though_nvs_is_broken(self):
        def broken(namespace):
            raise OSError(-4353)

        self.power_up((1, VALID), (2, PENDING), running="ota_1")
        self.patch(esp32, "NVS", broken)
        self.boot()
        self.assertEqual(machine.State.watchdog_ms, 60_000)

    def test_confirmed_image_has_the_watchdog_that_is_set(self):
        for setting, timeout_ms in ((None, None), (b"0", None), (b"120", 120_000), (b"x", None)):
            self.power_up((1, VALID))
            if setting is not None:
                self.chip.nvs[(NVS, "wdt_s")] = setting
            self.boot()
            self.assertEqual(machine.State.watchdog_ms, timeout_ms, setting)

    def test_entry_of_another_slot_or_a_torn_one_is_no_trial(self):
        for entries in (
            ((1, VALID), (2, PENDING)),
            ((1, VALID), (3, PENDING, 0xDEADBEEF)),
            ((1, VALID), (3, NEW)),
            ((1, VALID), (3, ABORTED)),
        ):
            self.power_up(*entries)
            self.boot()
            self.assertIsNone(machine.State.watchdog_ms)

    def test_trial_is_known_beside_app_partitions_that_are_no_slots(self):
        # Counted, each of them would give a sequence to another slot.
        for table in (WITH_FACTORY, WITH_TEST, WITH_FACTORY + WITH_TEST):
            self.power_up((3, VALID), (4, PENDING), running="ota_1")
            self.chip.table = esp32.TWO_SLOTS + table
            self.boot()
            self.assertEqual(machine.State.watchdog_ms, 60_000)


class TestCount(OnBoard):
    def test_failure_after_a_trial_is_forgiven_since_it_was_the_other_images(self):
        self.power_up((1, VALID), (2, PENDING), running="ota_1", fails=5)
        self.boot()
        self.chip.entry(1, 2, ABORTED)
        self.chip.running = "ota_0"
        self.boot(machine.WDT_RESET)
        self.assertEqual(self.fails(), 0)
        self.boot(machine.WDT_RESET)
        self.assertEqual(self.fails(), 1)
