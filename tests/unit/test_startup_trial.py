"""A boot on trial: how often it may happen, and which boots only look like it; the slot that is selected again."""

import machine
from booted import ABORTED, PENDING, SIGN, VALID, OnChip
from enos_ota import journal, outset


class TestOnTrial(OnChip):
    def test_trial_under_way_owes_nothing_and_leaves_the_journal(self):
        self.on_trial()
        self.assertEqual(self.look_back()[2:], (True, None, None))
        self.assertEqual(journal.load()["state"], journal.TRIAL)

    def test_trial_that_nobody_commanded_is_a_trial_too(self):
        # Safe mode returned to the former release.
        for state in (journal.IDLE, journal.REPORT, journal.FETCH):
            self.on_trial(state=state, step=-3)
            self.assertTrue(self.look_back()[2])

    def test_full_nvs_keeps_the_trial(self):
        self.on_trial()
        self.chip.nvs_full = True
        self.assertTrue(self.look_back()[2])


class TestBoots(OnChip):
    """A wake from deep sleep does not end a trial, but there are only so many."""

    def boots(self, most):
        """How often the image starts before it resets the board."""
        for count in range(most):
            if self.is_reset(self.look_back):
                return count
        return most

    def test_ten_boots_after_the_first_are_a_trial_and_the_eleventh_fails_it(self):
        self.on_trial()
        self.assertEqual(self.boots(20), 11)
        self.assertIn("no proof within 11 boots", journal.load()["desc"])
        self.chip.entry(1, 2, ABORTED)
        self.chip.running = "ota_0"
        self.assertEqual(self.word(), (-6, "2.0: rolled back: no proof within 11 boots"))

    def test_boots_of_a_trial_that_nobody_commanded_are_counted_too(self):
        self.on_trial(state=journal.IDLE)
        self.assertEqual(self.boots(20), 11)

    def test_boots_of_an_image_that_is_confirmed_are_not_counted(self):
        self.boot((1, VALID), (2, VALID), running="ota_1")
        self.assertEqual(self.boots(20), 20)
        self.assertEqual(journal.load()["boots"], 0)


class TestHeal(OnChip):
    """The bootloader fell back: this slot is selected again, and trusted."""

    def fell_back(self, **options) -> None:
        self.rolled_back(mark=(2, PENDING), **options)

    def test_fallback_from_a_broken_image_is_healed_and_reported(self):
        for cause in (machine.HARD_RESET, machine.PWRON_RESET, machine.WDT_RESET):
            self.fell_back(cause=cause)
            word = self.word()
            self.assertEqual(word, (-6, "2.0: rolled back: the bootloader cannot start it"))
            self.assertEqual(self.chip.states()[0], (3, VALID))

    def test_fallback_without_a_journal_is_healed_and_reported_once(self):
        self.boot((1, VALID), (2, PENDING))
        self.put("ota_1", "2.0", elf=b"N" * 32)
        self.assertEqual(self.word(), (-6, "2.0: rolled back"))
        self.assertEqual(self.chip.states()[0], (3, VALID))
        journal.clear()
        self.assertIsNone(self.word())

    def test_fallback_from_an_image_that_was_confirmed_is_healed_without_a_word(self):
        # Nothing was commanded: the version that is informed tells it.
        self.boot((1, VALID), (2, VALID))
        self.assertIsNone(self.word())
        self.assertEqual(self.chip.states()[0], (3, VALID))

    def test_intent_is_journaled_before_the_slot_is_selected_and_cleared_after_the_mark(self):
        seen = []

        def saw(operation, label, offset, size):
            if operation in ("set_boot", "valid"):
                seen.append((operation, label, journal.load()["heal"]))

        self.fell_back()
        self.chip.on = saw
        self.look_back()
        self.assertEqual(seen, [("set_boot", "ota_0", 1), ("valid", "ota_0", 1)])
        self.assertEqual(journal.load()["heal"], 0)

    def test_power_cut_between_selection_and_mark_is_confirmed_at_once(self):
        # The bootloader has started it like a new image: without the journal it would be a trial.
        self.boot((3, PENDING), (2, PENDING))
        journal.save(heal=1, state=journal.IDLE)
        self.assertFalse(self.look_back()[2])
        self.assertEqual(self.chip.states()[0], (3, VALID))
        self.assertEqual(journal.load()["heal"], 0)

    def test_power_cut_while_it_healed_after_a_trial_is_no_trial_and_the_rollback_is_reported(self):
        self.boot((3, PENDING), (2, ABORTED))
        journal.save(state=journal.TRIAL, version="2.0", slot=1, sign=SIGN, heal=1)
        self.assertEqual(self.word()[0], -6)
        self.assertEqual(self.chip.states()[0], (3, VALID))
        self.assertEqual(journal.load()["heal"], 0)

    def test_pending_boot_whose_journal_names_the_other_slot_is_no_trial(self):
        # NVS had no room for the intent.
        self.boot((3, PENDING), (2, ABORTED))
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.assertEqual(self.look_back()[2], False)
        self.assertEqual(self.chip.states()[0], (3, VALID))
        self.assertEqual(journal.load()["state"], journal.REPORT)

    def test_slot_that_the_chip_does_not_select_does_not_stop_the_agent(self):
        def refuses(operation, label, offset, size):
            if operation == "set_boot":
                raise OSError(-5379)

        self.fell_back()
        self.chip.on = refuses
        self.assertEqual(self.word()[0], -6)

    def test_boot_without_a_fallback_selects_and_writes_nothing(self):
        seen = []
        self.boot((1, VALID))
        self.chip.on = lambda operation, *rest: seen.append(operation)
        self.chip.on_nvs = lambda *entry: seen.append(entry)
        self.look_back()
        self.assertEqual([s for s in seen if s != "read"], [("enos_boot", "wdt_s", b"0")])


class TestBegin(OnChip):
    """What `begin` gives a new agent; the rest of it is tested with the agent itself."""

    class Agent:
        def __init__(self) -> None:
            self.config = self
            self.watchdog_s = 120
            self.network = "wifi"
            self.mode = "auto"
            self.trial = None

        def guard(self, timeout_s) -> None:
            self.guarded_s = timeout_s

    def test_past_of_the_board_is_the_agents(self):
        made = self.Agent()
        self.rolled_back()
        journal.keep_command(journal.NEXT, {"version": "3.0"})
        outset.begin(made, "9")
        self.assertEqual((made.version, made.floor_s), ("1.0.0", 1_700_000_000))
        self.assertEqual((made.word[0], made.order), (-6, {"version": "3.0"}))
        self.assertEqual((made.trial, made.guarded_s), (None, 120))

    def test_image_on_trial_has_a_trial_and_at_most_60_s(self):
        made = self.Agent()
        self.on_trial()
        outset.begin(made, "9")
        self.assertTrue(made.trial is not None)
        self.assertEqual(made.guarded_s, 60)
