"""What the agent finds out at boot: who it is, whether it is on trial, and what it owes to EnOS."""

import esp32
import images
import machine
from enos_ota import journal, startup
from helpers import Case

NEW, PENDING, VALID, INVALID, ABORTED = range(5)
WHY = ("enos_boot", "why")


class OnChip(Case):
    def setUp(self) -> None:
        super().setUp()
        for module in (startup, journal):
            self.patch(module, "log", lambda level, text: None)
        machine.State.cause = machine.HARD_RESET
        self.boot((1, VALID))

    def boot(self, *entries, running="ota_0"):
        """A new board with these otadata entries, running a slot with release 1.0.0."""
        self.chip = esp32.power_up()
        self.chip.running = running
        for sector, entry in enumerate(entries):
            if entry:
                self.chip.entry(sector, *entry)
        for slot in ("ota_0", "ota_1"):
            self.put(slot, "1.0.0")

    def put(self, slot, version=None, elf=images.ELF):
        image = images.image(elf=elf)
        images.put(slot, image)
        images.put(slot, images.record_bytes(image, version) if version else bytes(240), 4096)

    def look_back(self, version="0", watchdog_s=0):
        return startup.look_back(version, watchdog_s)

    def word(self):
        return self.look_back()[3]


class TestIdentity(OnChip):
    def test_version_and_build_time_are_those_of_the_record(self):
        self.assertEqual(self.look_back("9")[:2], ("1.0.0", 1_700_000_000))

    def test_plain_image_has_the_version_commanded_for_it(self):
        self.put("ota_0")
        self.chip.nvs[("enos_ota", "plain0")] = images.ELF + "3.0 ü".encode()
        self.assertEqual(self.look_back("9")[:2], ("3.0 ü", 0))

    def test_plain_image_of_another_digest_has_the_version_given(self):
        self.put("ota_0")
        self.chip.nvs[("enos_ota", "plain0")] = b"F" * 32 + b"3.0"
        self.assertEqual(self.look_back("9")[:2], ("9", 0))
        del self.chip.nvs[("enos_ota", "plain0")]
        self.assertEqual(self.look_back("9")[:2], ("9", 0))

    def test_slot_that_cannot_be_told_does_not_stop_the_agent(self):
        images.put("ota_0", b"\xff" * 64)
        self.assertEqual(self.look_back("9"), ("9", 0, False, None, None))

    def test_table_without_otadata_does_not_stop_the_agent(self):
        self.chip.table = tuple([row for row in self.chip.table if row[4] != "otadata"])
        version, _, on_trial, word, order = self.look_back()
        self.assertEqual((version, on_trial, word, order), ("1.0.0", False, None, None))

    def test_record_without_a_readable_version_keeps_the_trial(self):
        # An image that is not known to be on trial would never be judged, nor marked valid.
        self.boot((1, VALID), (2, PENDING), running="ota_1")
        image = images.image()
        images.put("ota_1", images.record_bytes(image, b"\xff\xfe"), 4096)
        self.assertTrue(self.look_back()[2])

    def test_watchdog_setting_is_kept_for_the_stub(self):
        self.look_back(watchdog_s=120)
        self.assertEqual(self.chip.nvs[("enos_boot", "wdt_s")], b"120")
        self.look_back(watchdog_s=0)
        self.assertEqual(self.chip.nvs[("enos_boot", "wdt_s")], b"0")


class TestOutcome(OnChip):
    """One row of the journal's states each; the word is what EnOS hears."""

    def test_nothing_under_way_owes_nothing(self):
        self.assertIsNone(self.word())

    def test_interrupted_download_and_verification_are_reported(self):
        for state in (journal.FETCH, journal.VERIFY):
            self.boot((1, VALID))
            journal.save(state=state, version="2.0", slot=1)
            step, desc = self.word()
            self.assertEqual(step, -1)
            self.assertTrue(desc.startswith("2.0: "), desc)

    def test_trial_that_passed_before_the_cut_is_a_success(self):
        self.boot((1, VALID), (2, VALID), running="ota_1")
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.assertEqual(self.word()[0], 100)

    def test_trial_under_way_owes_nothing_and_leaves_the_journal(self):
        self.boot((1, VALID), (2, PENDING), running="ota_1")
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.assertEqual(self.look_back()[2:], (True, None, None))
        self.assertEqual(journal.load()["state"], journal.TRIAL)

    def rolled_back(self, entry=(2, ABORTED)):
        self.boot((1, VALID), entry)
        journal.save(state=journal.TRIAL, version="2.0", slot=1)

    def test_rollback_is_reported_with_what_the_trial_wrote(self):
        self.rolled_back()
        journal.save(desc="self_test failed")
        step, desc = self.word()
        self.assertEqual(step, -6)
        self.assertTrue(desc.startswith("2.0: "), desc)
        self.assertIn("self_test failed", desc)

    def test_rollback_is_reported_with_what_the_stub_caught_and_only_once(self):
        self.rolled_back()
        self.chip.nvs[WHY] = b"ImportError: no module named 'app'"
        self.assertIn("ImportError", self.word()[1])
        self.rolled_back()
        self.chip.nvs[WHY] = b" "
        self.assertIn("reset", self.word()[1])

    def test_power_cut_while_it_healed_is_no_trial_and_the_rollback_is_reported(self):
        self.rolled_back()
        self.chip.entry(0, 3, 1)  # selected again by `heal`, started, and not marked yet
        self.assertEqual(self.word()[0], -6)
        self.assertEqual(self.chip.states()[0], (3, 2))

    def test_rollback_by_the_watchdog_is_told_from_a_reset(self):
        self.rolled_back()
        machine.State.cause = machine.WDT_RESET
        self.assertIn("watchdog", self.word()[1])
        self.rolled_back()
        machine.State.cause = machine.PWRON_RESET
        self.assertFalse("watchdog" in self.word()[1])

    def test_rollback_without_a_mark_in_otadata_is_reported_too(self):
        # Rule 7: a cut inside the bootloader's update leaves the entry empty.
        self.rolled_back(entry=None)
        self.assertEqual(self.word()[0], -6)

    def test_fallback_from_a_broken_image_is_healed_and_reported(self):
        self.rolled_back((2, PENDING))
        self.assertEqual(self.word()[0], -6)
        self.assertEqual(self.chip.states()[0], (3, VALID))

    def test_word_is_journaled_before_it_is_said_and_kept_by_the_next_reset(self):
        self.rolled_back()
        word = self.word()
        self.assertEqual(journal.load()["state"], journal.REPORT)
        self.assertEqual(self.word(), word)

    def test_tries_of_an_owed_word_are_not_counted_anew(self):
        journal.save(state=journal.REPORT, step=-3, desc="2.0: x", tries=4)
        self.assertEqual(self.word(), (-3, "2.0: x"))
        self.assertEqual(journal.load()["tries"], 4)

    def test_word_has_at_most_100_characters(self):
        self.rolled_back()
        journal.save(version="v" * 150)
        # The word of this boot is cut too, not only the copy in the journal.
        self.assertTrue(len(self.word()[1]) <= 100)

    def test_full_nvs_does_not_hide_the_word(self):
        self.rolled_back()
        self.chip.nvs_full = True
        self.assertEqual(self.word()[0], -6)

    def test_full_nvs_does_not_hide_a_word_with_a_reason_of_the_stub(self):
        # Nothing can be written, and the rollback is reported all the same.
        self.rolled_back()
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.chip.nvs_full = True
        self.assertEqual((self.word() or (0,))[0], -6)


COMMAND = {"version": "3.0", "sign": "cd" * 32}


class TestOrder(OnChip):
    """A command that was answered and not yet obeyed."""

    def test_command_kept_is_the_order(self):
        journal.save_command(COMMAND, 2)
        order = self.look_back()[4]
        self.assertEqual((order["version"], order["tries"]), ("3.0", 2))

    def test_command_kept_is_the_order_of_a_trial_and_of_a_rollback_too(self):
        for entries, running in (
            (((1, VALID), (2, PENDING)), "ota_1"),
            (((1, VALID), (2, ABORTED)), "ota_0"),
        ):
            self.boot(*entries, running=running)
            journal.save(state=journal.TRIAL, version="2.0", slot=1)
            journal.save_command(COMMAND, 0)
            self.assertEqual(self.look_back()[4]["version"], "3.0")
            self.assertEqual(journal.load_command()["version"], "3.0")

    def test_without_a_command_there_is_none(self):
        self.assertIsNone(self.look_back()[4])
        self.chip.nvs[("enos_ota", "command")] = b"{damaged"
        self.assertIsNone(self.look_back()[4])

    def test_cut_short_with_a_command_kept_is_no_failure(self):
        # It goes on with the command: a word about it would come too early.
        for state in (journal.FETCH, journal.VERIFY):
            self.boot((1, VALID))
            journal.save(state=state, version="3.0", slot=1)
            journal.save_command(COMMAND, 1)
            self.assertIsNone(self.word())

    def test_cut_short_with_a_command_that_no_boot_was_for_is_interrupted_and_forgets_it(self):
        # Nobody counts its tries: it would begin again at each reset that it causes.
        for state in (journal.FETCH, journal.VERIFY):
            self.boot((1, VALID))
            journal.save(state=state, version="3.0", slot=1)
            journal.save_command(COMMAND, 0)
            word, order = self.look_back()[3:]
            self.assertEqual(word, (-1, "3.0: interrupted by a reset"))
            self.assertIsNone(order)
            self.assertEqual(journal.load_command(), {})

    def test_cut_short_with_a_command_that_boots_were_for_keeps_it(self):
        for tries in (1, 3):
            self.boot((1, VALID))
            journal.save(state=journal.FETCH, version="3.0", slot=1)
            journal.save_command(COMMAND, tries)
            self.assertEqual(self.look_back()[3:], (None, dict(COMMAND, tries=tries)))

    def test_no_memory_for_the_command_does_not_stop_the_agent(self):
        def starved():
            raise MemoryError

        self.patch(journal, "load_command", starved)
        self.assertEqual(self.look_back()[2:], (False, None, None))


class TestWhy(OnChip):
    def rolled_back(self) -> None:
        self.boot((1, VALID), (2, ABORTED))
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.chip.nvs[WHY] = b"KeyError: 7"

    def test_reason_of_the_stub_is_reported_and_then_blank(self):
        # The next rollback, or the next boot alone, must not be told this one's.
        self.rolled_back()
        self.assertIn("KeyError: 7", self.word()[1])
        self.assertEqual(self.chip.nvs[WHY], b" ")

    def test_reason_is_blank_after_a_boot_that_owes_nothing(self):
        self.chip.nvs[WHY] = b"no memory for TLS"
        self.assertIsNone(self.word())
        self.assertEqual(self.chip.nvs[WHY], b" ")

    def test_reason_is_left_in_a_trial(self):
        # If it fails, the former image reports it.
        self.boot((1, VALID), (2, PENDING), running="ota_1")
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.look_back()
        self.assertEqual(self.chip.nvs[WHY], b"KeyError: 7")


class TestSettings(OnChip):
    def test_settings_from_a_dict_are_checked(self):
        keys = {"product_key": "pk", "device_key": "dk", "device_secret": "s", "mqtt": "mqtt://h"}
        settings = startup.settings(keys)
        self.assertEqual(settings.device_key, "dk")
        self.assertEqual(startup.login(settings)[1], "dk&pk")
        self.raised(startup.config.ConfigError, startup.settings, {"product_key": "pk"})

    def test_settings_from_a_path_that_is_not_there_are_refused(self):
        self.raised(startup.config.ConfigError, startup.settings, "/tmp/enos-unit-nowhere.json")
