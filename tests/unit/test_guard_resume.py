"""Resume: no block stays counted that the upgrade is about to erase."""

from claiming import BLOCK, SIGN, Claims
from enos_ota import journal


class TestCounted(Claims):
    def test_block_that_is_fetched_again_counts_no_more_before_it_is_erased(self):
        # Power lost behind its erase, and the next command may tell the size that this one does not.
        for held, left in ((3, 2), (2, 1), (1, 0)):
            self.held(held, resets=0)
            self.claim(size_bytes=None)
            self.assertEqual(journal.blocks(), left)
            state, job = self.claim()
            self.begins_at(left * BLOCK, state, job)

    def test_count_that_cannot_be_is_forgotten(self):
        for held in (-1, 30, 1 << 20):
            self.held(held, resets=0)
            self.claim(size_bytes=None)
            self.assertEqual(journal.blocks(), 0)

    def test_count_that_holds_stays(self):
        for held in (0, 1, 4):
            self.held(held, resets=0)
            self.claim(SIGN)
            self.assertEqual(journal.blocks(), held)
