"""What a claim counts: resets that brought nothing."""

from claiming import BLOCK, OTHER, SIGN, Claims
from enos_ota import journal
from enos_ota.errors import GaveUpError


class TestResets(Claims):
    def given_up(self):
        """The fourth claim: its error."""
        return str(self.raised(GaveUpError, self.claim))

    def test_fourth_reset_without_a_new_block_is_given_up_and_nothing_is_forgotten(self):
        for blocks in (0, 2):
            self.power_up()
            self.held(blocks, state=journal.REPORT)
            for position in [blocks * BLOCK] * 4:  # the command, and three resets
                self.begins_at(position, *self.claim())
            self.assertIn("3 resets", self.given_up())
            entry = journal.load()
            self.assertEqual((entry["sign"], entry["slot"]), (SIGN, 1))
            self.assertEqual(journal.blocks(), blocks)

    def test_resets_in_verification_count_too(self):
        self.held(5, state=journal.REPORT, size=5 * BLOCK + 100)
        for _ in range(4):
            self.assertEqual(self.claim()[0], journal.VERIFY)
        self.given_up()

    def test_new_block_renews_the_count(self):
        self.claim()
        for blocks in (0, 1, 2, 4):
            journal.save_blocks(blocks)
            for _ in range(3):
                self.claim()
        self.given_up()

    def test_command_given_anew_renews_the_count_and_goes_on(self):
        self.claim()
        journal.save_blocks(2)
        for _ in range(3):
            self.claim()
        self.given_up()
        journal.owe(-7, "2.0: 3 resets")
        for _ in range(4):
            self.begins_at(2 * BLOCK, *self.claim())
        self.given_up()

    def test_other_digest_begins_the_count_anew(self):
        for _ in range(4):
            self.claim()
        for _ in range(4):
            self.claim(OTHER)
        self.assertIn("3 resets", str(self.raised(GaveUpError, self.claim, OTHER)))

    def test_boots_without_the_application_are_not_counted(self):
        # Those for the command have a count of their own.
        for _ in range(3):
            self.claim()
        journal.save_command({"sign": "s"}, 1)
        for _ in range(10):
            self.claim()
        journal.clear_command(journal.COMMAND)
        self.claim()
        self.given_up()

    def test_count_is_stored_with_the_claim(self):
        self.claim()
        for resets in (1, 2, 3):
            self.claim()
            self.assertEqual(journal.load()["resets"], resets)

    def test_repeated_trials_begin_anew_with_a_command(self):
        self.held(2, state=journal.REPORT, repeats=1)
        self.claim()
        self.assertEqual(journal.load()["repeats"], 0)
