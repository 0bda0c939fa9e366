"""What a boot finds out about an upgrade before it: one row of the table each; the word is what EnOS hears."""

import images
import machine
from booted import ABORTED, COMMAND, PENDING, SIGN, VALID, WHY, OnChip
from enos_ota import journal

TEXT = "2.0: rolled back: "


class TestNothing(OnChip):
    def test_nothing_under_way_owes_nothing(self):
        self.assertIsNone(self.word())

    def test_interrupted_download_and_verification_owe_nothing(self):
        # They go on.
        for state in (journal.FETCH, journal.VERIFY):
            self.boot((1, VALID))
            journal.save(state=state, version="2.0", slot=1)
            self.assertIsNone(self.word())
            self.assertEqual(journal.load()["state"], state)


class TestOwed(OnChip):
    def test_tries_of_an_owed_word_are_not_counted_anew(self):
        journal.save(state=journal.REPORT, step=-3, desc="2.0: x", tries=4)
        self.assertEqual(self.word(), (-3, "2.0: x"))
        self.assertEqual(journal.load()["tries"], 4)

    def test_100_of_the_slot_that_runs_is_owed(self):
        self.boot((1, VALID), (2, VALID), running="ota_1")
        journal.save(state=journal.REPORT, step=100, desc="2.0", version="2.0", slot=1)
        self.assertEqual(self.word(), (100, "2.0"))

    def test_100_of_a_slot_that_no_longer_runs_is_a_rollback(self):
        # It was damaged after its trial, or safe mode returned to the former release.
        for entries, running in (
            (((1, VALID), (2, VALID)), "ota_0"),
            (((3, PENDING), (2, VALID)), "ota_0"),
        ):
            self.boot(*entries, running=running)
            journal.save(state=journal.REPORT, step=100, desc="2.0", version="2.0", slot=1)
            self.assertEqual(self.word(), (-6, "2.0: runs no longer"))
            self.assertEqual(journal.load()["step"], -6)
            self.assertEqual(self.word(), (-6, "2.0: runs no longer"))

    def test_word_owed_in_a_trial_that_nobody_commanded_is_kept_with_the_trial(self):
        self.on_trial(state=journal.REPORT, step=-3, desc="2.0: x")
        self.assertEqual(self.look_back()[2:4], (True, (-3, "2.0: x")))


class TestPassed(OnChip):
    def test_trial_that_passed_before_the_cut_is_a_success(self):
        # Marked valid; the cut came before the journal.
        self.boot((1, VALID), (2, VALID), running="ota_1")
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.assertEqual(self.word(), (100, "2.0"))
        self.assertEqual(journal.load()["state"], journal.REPORT)
        self.assertEqual(self.word(), (100, "2.0"))


class TestRolledBack(OnChip):
    """The journal says trial, and the former slot runs."""

    def test_watchdog_is_the_reason_of_a_chip_that_was_reset_by_it(self):
        self.rolled_back(cause=machine.WDT_RESET)
        self.assertEqual(self.word(), (-6, TEXT + "watchdog"))

    def test_what_the_stub_caught_is_the_reason(self):
        for cause in (machine.HARD_RESET, machine.WDT_RESET, machine.PWRON_RESET):
            self.rolled_back(cause=cause)
            self.chip.nvs[WHY] = b"ImportError: no module named 'app'"
            self.assertEqual(self.word(), (-6, TEXT + "ImportError: no module named 'app'"))

    def test_reason_that_is_no_text_is_told_as_far_as_it_is(self):
        # Of a damaged NVS: the last word must not be lost with it.
        self.rolled_back()
        self.chip.nvs[WHY] = b"Key\xff\xfeError\x80"
        self.assertEqual(self.word(), (-6, TEXT + "Key??Error?"))

    def test_blank_reason_of_the_stub_is_none(self):
        self.rolled_back()
        self.chip.nvs[WHY] = b" "
        self.assertEqual(self.word(), (-6, TEXT + "reset during the trial"))

    def test_what_the_trial_wrote_is_the_reason_before_all_others(self):
        for cause in (machine.HARD_RESET, machine.WDT_RESET, machine.PWRON_RESET):
            self.rolled_back(cause=cause, desc="self_test failed")
            self.chip.nvs[WHY] = b"KeyError: 7"
            self.assertEqual(self.word(), (-6, TEXT + "self_test failed"))

    def test_reset_without_a_reason_is_a_failure(self):
        # A release that resets the chip would do so for ever.
        for cause in (machine.HARD_RESET, machine.SOFT_RESET, machine.DEEPSLEEP_RESET):
            self.rolled_back(cause=cause)
            self.assertEqual(self.word(), (-6, TEXT + "reset during the trial"))

    def test_rollback_without_a_mark_in_otadata_is_reported_too(self):
        # Rule 7: a cut inside the bootloader's update leaves the entry empty.
        # Or it was not tried: once more, then reported.
        self.rolled_back(mark=None)
        self.assertEqual(self.word(), None)
        self.rolled_back(mark=None, repeats=1)
        self.assertEqual(self.word()[0], -6)

    def test_word_is_journaled_before_it_is_said_and_kept_by_the_next_reset(self):
        self.rolled_back()
        word = self.word()
        self.assertEqual(journal.load()["state"], journal.REPORT)
        self.assertEqual(self.word(), word)

    def test_word_has_at_most_100_characters(self):
        self.rolled_back(version="v" * 150)
        # The word of this boot is cut too, not only the copy in the journal.
        self.assertTrue(len(self.word()[1]) <= 100)

    def test_full_nvs_does_not_hide_the_word(self):
        for cause in (machine.HARD_RESET, machine.PWRON_RESET):
            self.rolled_back(cause=cause)
            self.chip.nvs_full = True
            self.assertEqual((self.word() or (0,))[0], -6)

    def test_full_nvs_does_not_hide_a_word_with_a_reason_of_the_stub(self):
        # Nothing can be written, and the rollback is reported all the same.
        self.rolled_back()
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.chip.nvs_full = True
        self.assertEqual((self.word() or (0,))[0], -6)


class TestRepeated(OnChip):
    """A trial that ended without a fault of the image is repeated once, from what the slot holds."""

    def repeats(self) -> None:
        journal.save_command(COMMAND, 0)
        _, _, on_trial, word, order = self.look_back()
        self.assertEqual((on_trial, word), (False, None))
        self.assertEqual(order, dict(COMMAND, tries=0, unfinished=True))
        entry = journal.load()
        self.assertEqual((entry["state"], entry["repeats"]), (journal.VERIFY, 1))
        self.assertEqual((entry["desc"], entry["alibi"], entry["size"]), ("", 0, 8192))
        self.assertEqual((entry["sign"], entry["rolled"]), (SIGN, ""))

    def test_power_on_without_a_reason_repeats_the_trial_once(self):
        for mark in ((2, ABORTED), None):
            self.rolled_back(mark=mark, cause=machine.PWRON_RESET, size=8192)
            self.repeats()
            journal.save(state=journal.TRIAL)  # and once more
            self.assertEqual(self.word(), (-6, TEXT + "power was lost in its trial"))

    def test_trial_that_never_had_a_link_is_repeated_once(self):
        desc = "not proven within 600 s: Wi-Fi"
        for cause in (machine.HARD_RESET, machine.WDT_RESET, machine.PWRON_RESET):
            self.rolled_back(cause=cause, size=8192, desc=desc, alibi=1)
            self.repeats()
            journal.save(state=journal.TRIAL, desc=desc, alibi=1)
            self.assertEqual(self.word(), (-6, TEXT + desc))

    def test_repeated_trial_that_fails_by_itself_is_reported_with_its_reason(self):
        self.rolled_back(cause=machine.PWRON_RESET, repeats=1)
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.assertEqual(self.word(), (-6, TEXT + "KeyError: 7"))

    def test_repeat_that_nvs_cannot_count_is_not_made(self):
        # Or it could go on for ever.
        self.rolled_back(cause=machine.PWRON_RESET)
        self.chip.nvs_full = True
        self.assertEqual(self.word(), (-6, TEXT + "power was lost in its trial"))


class TestRolls(OnChip):
    """How often one digest rolled back in a row: the second time it is refused from then on."""

    def rolls(self, **entry):
        self.rolled_back(**entry)
        self.assertEqual(self.word()[0], -6)
        entry = journal.load()
        return entry["rolled"], entry["rolls"]

    def test_first_rollback_of_a_digest_is_counted(self):
        self.assertEqual(self.rolls(), (SIGN, 1))

    def test_second_rollback_of_the_same_digest_is_counted_on(self):
        self.assertEqual(self.rolls(rolled=SIGN, rolls=1), (SIGN, 2))

    def test_rollback_of_another_digest_begins_anew(self):
        self.assertEqual(self.rolls(rolled="ef" * 32, rolls=2), (SIGN, 1))

    def test_image_of_which_otadata_shows_no_try_is_not_counted(self):
        self.assertEqual(self.rolls(mark=None, repeats=1), (SIGN, 0))

    def test_trial_that_is_repeated_is_no_rollback(self):
        self.rolled_back(cause=machine.PWRON_RESET, rolled=SIGN, rolls=1)
        self.assertIsNone(self.word())
        self.assertEqual(journal.load()["rolls"], 1)


class TestWithoutJournal(OnChip):
    """NVS was lost in a trial: otadata and the other slot tell what happened."""

    def test_aborted_entry_yields_6_with_the_version_of_the_other_slots_record(self):
        self.boot((1, VALID), (2, ABORTED))
        self.put("ota_1", "2.0", elf=b"N" * 32)
        self.assertEqual(self.word(), (-6, "2.0: rolled back"))
        self.assertEqual(journal.load()["state"], journal.REPORT)

    def test_aborted_entry_of_a_slot_that_nobody_can_read_yields_6(self):
        self.boot((1, VALID), (2, ABORTED))
        images.put("ota_1", b"\xff" * 64)
        self.assertEqual(self.word(), (-6, "?: rolled back"))

    def test_rollback_is_told_once(self):
        self.boot((1, VALID), (2, ABORTED))
        self.assertEqual(self.word()[0], -6)
        journal.clear()  # EnOS has answered
        self.assertIsNone(self.word())

    def test_rollback_that_the_journal_told_is_not_told_again(self):
        self.rolled_back()
        self.assertEqual(self.word()[0], -6)
        journal.clear()
        self.assertIsNone(self.word())

    def test_later_rollback_is_told_again(self):
        self.boot((1, VALID), (4, ABORTED))
        journal.tell(2)
        self.assertEqual(self.word()[0], -6)

    def test_rollback_before_an_upgrade_at_work_is_not_told_in_its_place(self):
        self.boot((1, VALID), (2, ABORTED))
        journal.save(state=journal.FETCH, version="3.0", slot=1)
        self.assertIsNone(self.word())

    def test_other_slot_that_is_valid_was_not_rolled_back(self):
        self.boot((3, VALID), (2, VALID))
        self.assertIsNone(self.word())

    def cut_at(self, wanted) -> None:
        """A boot whose power goes as this key is written."""

        def cut(namespace, key, value):
            if key == wanted:
                raise KeyboardInterrupt

        self.chip.on_nvs = cut
        try:
            self.look_back()
            raise AssertionError("no cut")
        except KeyboardInterrupt:
            self.chip.on_nvs = None

    def test_rollback_is_told_once_wherever_power_is_lost(self):
        # The word is owed before the rollback counts as told, or nobody would ever say it.
        for key in ("journal", "told"):
            self.boot((1, VALID), (2, ABORTED))
            self.cut_at(key)
            self.assertEqual((self.word() or (0,))[0], -6)
            journal.clear()  # EnOS has answered
            self.assertIsNone(self.word())

    def test_return_that_failed_is_told_to_nobody(self):
        # Safe mode tried the former release: EnOS commanded nothing, and waits for no word.
        for back in (1, 2):
            self.boot((1, VALID), (2, ABORTED))
            journal.save(back=back)
            self.assertIsNone(self.word())
            self.assertEqual(journal.load()["state"], journal.IDLE)
            journal.save(back=0)  # by the next upgrade
            self.assertIsNone(self.word())
