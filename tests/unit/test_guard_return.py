"""A trial that nobody commanded, of the release that safe mode returned to: once, and no word is lost by it."""

import booted
import ontrial
from enos_ota import journal

WORD = {"state": journal.REPORT, "step": -3, "desc": "3.0: digest"}


class TestReturned(booted.OnChip):
    """The boot into the former release."""

    def test_return_is_noted_with_its_first_boot(self):
        # Two releases that fail must not be returned to in turn.
        for entry in ({"state": journal.IDLE}, WORD):
            for back in (1, 2):
                self.on_trial(**dict(entry, back=back))
                self.look_back()
                self.assertEqual(journal.load()["back"], 1)

    def test_trial_of_a_release_whose_journal_was_lost_is_no_return(self):
        # A rollback of it must not pass for one that nobody commanded.
        self.on_trial(state=journal.IDLE)
        self.look_back()
        self.assertEqual(journal.load()["back"], 0)

    def test_new_release_may_be_returned_from_again(self):
        self.on_trial(back=1)
        self.look_back()
        self.assertEqual(journal.load()["back"], 0)

    def test_last_boot_of_it_leaves_a_word_that_is_owed(self):
        self.on_trial(**dict(WORD, boots=11))
        self.assertTrue(self.is_reset(self.look_back))
        self.assertEqual(journal.load()["desc"], "3.0: digest")


class TestFailed(ontrial.OnTrial):
    """It fails its trial."""

    def test_failure_leaves_a_word_that_is_owed(self):
        journal.save(**WORD)
        self.agent.ended = "the application returned"
        self.assertTrue(self.is_reset(self.trial.watch))
        entry = journal.load()
        self.assertEqual((entry["step"], entry["desc"]), (-3, "3.0: digest"))
        self.assertEqual(entry["state"], journal.REPORT)
