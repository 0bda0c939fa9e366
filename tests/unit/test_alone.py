"""The boot in which the agent goes first: when it does, and for which reason."""

import sys

import machine
from enos_ota import alone, journal
from firstboot import ABORTED, COMMAND, PENDING, RESETS, WHY, Agent, OnBoard


class TestWhether(OnBoard):
    def imported(self):
        return [n for n in ("agent", "head_start") if "enos_ota." + n in sys.modules]

    def test_boot_with_nothing_to_do_returns_without_importing_the_agent(self):
        self.assertIsNone(alone.first())
        self.assertEqual(self.imported(), [])

    def test_image_on_trial_starts_its_application(self):
        # Whatever else there is: the application is what the trial is about.
        self.chip.entry(1, 2, PENDING)
        self.chip.running = "ota_1"
        self.chip.nvs[WHY] = b"KeyError: 7"
        machine.State.cause = machine.WDT_RESET
        journal.save_command(COMMAND, 1)
        self.assertIsNone(alone.first())
        self.assertEqual(self.imported(), [])
        self.assertEqual(journal.load_command()["tries"], 1)

    def test_after_a_rollback_the_application_starts(self):
        # It was the other image that failed; this one is as good as it was.
        self.chip.entry(1, 2, ABORTED)
        journal.save(state=journal.TRIAL, version="3.0", slot=1)
        self.chip.nvs[WHY] = b"KeyError: 7"
        machine.State.cause = machine.WDT_RESET
        self.assertIsNone(self.first())
        self.assertEqual(self.chip.nvs[WHY], b"KeyError: 7")

    def test_command_kept_for_afterwards_does_not_keep_the_application_waiting(self):
        journal.save_command(COMMAND, 0)
        self.assertIsNone(self.first())

    def test_reason_kept_by_the_stub_or_the_agent_lets_the_agent_go_first(self):
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.assertTrue(self.first() is not None)

    def test_reason_that_is_no_text_does_so_too(self):
        self.chip.nvs[WHY] = b"\xff\xfe"
        self.assertTrue(self.first() is not None)

    def test_blank_reason_does_not(self):
        self.chip.nvs[WHY] = b" "
        self.assertIsNone(self.first())

    def test_watchdog_reset_lets_the_agent_go_first_and_other_causes_do_not(self):
        for cause in (machine.PWRON_RESET, machine.DEEPSLEEP_RESET, machine.SOFT_RESET):
            machine.State.cause = cause
            self.assertIsNone(self.first())
        machine.State.cause = machine.WDT_RESET
        self.assertTrue(self.first() is not None)

    def test_fifth_reset_in_a_row_without_a_reason_lets_the_agent_go_first(self):
        # The application panics, or resets the chip: three would be a developer's.
        for cause in (machine.HARD_RESET, machine.PWRON_RESET):
            machine.State.cause = cause
            for resets, is_first in ((0, False), (4, False), (5, True), (9, True)):
                self.chip.nvs[RESETS] = resets
                self.assertEqual(self.first() is not None, is_first)

    def test_resets_without_a_reason_are_no_safe_mode(self):
        self.chip.nvs[RESETS] = 100
        self.script(lambda agent, second: setattr(agent, "is_informed", True))
        self.assertTrue(self.first() < 30)
        self.assertEqual(Agent.made[-1].version, "1.0.0")

    def test_wakes_of_an_image_on_trial_are_counted_before_its_application_is_imported(self):
        self.chip.entry(1, 2, PENDING)
        self.chip.running = "ota_1"
        for cause, wakes in ((machine.HARD_RESET, 0), (machine.DEEPSLEEP_RESET, 1)):
            machine.State.cause = cause
            self.assertIsNone(alone.first())
            self.assertEqual(journal.load()["wakes"], wakes)

    def test_image_on_trial_that_wakes_too_often_is_reset_with_the_reason(self):
        self.chip.entry(1, 2, PENDING)
        self.chip.running = "ota_1"
        machine.State.cause = machine.DEEPSLEEP_RESET
        for state, desc in ((journal.TRIAL, "no proof within 10 wakes"), (journal.IDLE, "")):
            journal.save(state=state, wakes=10, desc="")
            self.assertTrue(self.is_reset(alone.first))
            self.assertEqual(journal.load()["desc"], desc)
        journal.save(wakes=9)
        self.assertFalse(self.is_reset(alone.first))

    def test_agent_that_cannot_be_made_is_the_stubs_to_catch(self):
        self.chip.nvs[WHY] = b"KeyError: 7"
        Agent.error = ValueError("mqtt is missing")
        self.raised(ValueError, self.first)


class TestTries(OnBoard):
    def test_each_boot_for_a_command_is_counted_before_the_agent_is_made(self):
        for tries in (1, 2, 3):
            journal.save_command(COMMAND, tries)
            self.assertTrue(self.first() is not None)
            self.assertEqual(Agent.made[-1].command["tries"], tries + 1)

    def test_boot_that_brought_a_new_block_counts_as_the_first(self):
        # A long download over a bad network may take many boots.
        journal.save_command(COMMAND, 1)
        for blocks in (0, 0, 1, 1, 1, 7, 7, 7):
            journal.save_blocks(blocks)
            self.assertTrue(self.first() is not None)
        self.assertEqual(journal.load_command()["tries"], 4)
        self.given_up("given up after 3 restarts")

    def test_tries_before_the_first_counted_boot_are_kept(self):
        # Of boots beside the application, which saw no block.
        journal.save_blocks(5)
        journal.save_command(COMMAND, 3)
        self.first()
        self.assertEqual(journal.load_command(), dict(COMMAND, tries=4, seen=5))

    def test_command_whose_last_word_is_owed_gets_no_boot(self):
        # The cut came before it was cleared.
        journal.save_command(COMMAND, 1)
        journal.save(state=journal.REPORT, step=-3, desc="3.0: digest")
        self.assertIsNone(self.first())
        self.assertEqual(journal.load_command()["tries"], 1)

    def given_up(self, *words) -> None:
        """The agent serves without a command, and owes EnOS what became of it."""
        self.assertEqual(self.first(), 61)
        self.assertEqual(Agent.made[-1].command, {})
        self.assertEqual(journal.load_command(), {})
        entry = journal.load()
        self.assertEqual((entry["state"], entry["step"], entry["tries"]), (journal.REPORT, -7, 0))
        self.assertTrue(entry["desc"].startswith("3.0: "), entry["desc"])
        for word in words:
            self.assertIn(word, entry["desc"])

    def test_command_that_had_three_boots_is_given_up_with_7(self):
        journal.save_command(COMMAND, 4)
        self.given_up("given up after 3 restarts")

    def test_command_that_cannot_be_counted_is_given_up(self):
        # Or it would be tried for ever.
        journal.save_command(COMMAND, 1)

        def full(params, tries):
            raise OSError(-4357)

        self.patch(journal, "save_command", full)
        self.given_up("-4357")

    def test_long_version_leaves_a_text_of_100_characters(self):
        journal.save_command(dict(COMMAND, version="v" * 128), 4)
        self.first()
        self.assertEqual(len(journal.load()["desc"]), 100)
