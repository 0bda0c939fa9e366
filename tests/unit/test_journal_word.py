"""The journal: the last word of an upgrade, and the numbers kept beside the record."""

import esp32
from enos_ota import journal
from helpers import Case


class TestOwe(Case):
    """The last word of an upgrade."""

    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        self.patch(journal, "log", lambda level, text: None)

    def test_last_word_is_kept_and_returned_with_the_other_changes(self):
        self.assertEqual(journal.owe(-6, "2: watchdog", rolls=1), (-6, "2: watchdog"))
        entry = journal.load()
        self.assertEqual((entry["state"], entry["step"]), (journal.REPORT, -6))
        self.assertEqual((entry["desc"], entry["rolls"]), ("2: watchdog", 1))

    def test_last_word_is_cut_to_100_characters_in_both(self):
        self.assertEqual(journal.owe(-1, "ü" * 101), (-1, "ü" * 100))
        self.assertEqual(journal.load()["desc"], "ü" * 100)

    def test_tries_of_the_former_word_do_not_count(self):
        journal.save(tries=4)
        journal.owe(-1, "2: x")
        self.assertEqual(journal.load()["tries"], 0)

    def test_command_at_work_is_over_and_the_next_one_stays(self):
        journal.keep_command(journal.COMMAND, {"version": "2"})
        journal.keep_command(journal.NEXT, {"version": "3"})
        journal.owe(100, "2")
        self.assertEqual(journal.load_command(), {})
        self.assertEqual(journal.load_command(journal.NEXT), {"version": "3"})

    def test_what_the_slot_holds_stays_known(self):
        journal.save(state=journal.FETCH, sign="ab", slot=1, size=8192)
        journal.save_blocks(3)
        journal.owe(-7, "2: not done")
        entry = journal.load()
        self.assertEqual((entry["sign"], entry["slot"], entry["size"]), ("ab", 1, 8192))
        self.assertEqual(journal.blocks(), 3)

    def test_full_nvs_does_not_hide_the_word(self):
        esp32.chip.nvs_full = True
        self.assertEqual(journal.owe(-4, "2: NVS"), (-4, "2: NVS"))


class TestCounts(Case):
    """What is kept beside the record: blocks of the slot, and the rollback that was told."""

    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        self.lines = []
        self.patch(journal, "log", lambda level, text: self.lines.append(text))

    def test_new_board_holds_no_block(self):
        self.assertEqual(journal.blocks(), 0)

    def test_blocks_are_there_after_a_reset_and_a_full_nvs_raises(self):
        journal.save_blocks(7)
        esp32.chip.nvs_full = True
        self.raised(OSError, journal.save_blocks, 8)
        self.assertEqual(journal.blocks(), 7)

    def test_rollback_is_told_once_its_sequence_is_kept(self):
        self.assertFalse(journal.is_told(2))
        journal.tell(2)
        self.assertTrue(journal.is_told(2))
        self.assertFalse(journal.is_told(4))

    def test_rollback_with_a_lower_sequence_than_the_one_told_is_another_one(self):
        # The sequences begin anew where otadata was erased.
        journal.tell(4)
        self.assertFalse(journal.is_told(2))

    def test_no_rollback_has_nothing_to_tell_and_changes_nothing(self):
        self.assertTrue(journal.is_told(0))
        journal.tell(2)
        journal.tell(0)
        self.assertTrue(journal.is_told(2))
        self.assertTrue(journal.is_told(0))

    def test_full_nvs_is_only_logged_by_tell(self):
        esp32.chip.nvs_full = True
        journal.tell(2)
        self.assertEqual(len(self.lines), 1)
