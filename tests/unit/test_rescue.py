"""The way back to the former release: each condition of it, and what it leaves behind."""

import images
import machine
from enos_ota import board, journal, rescue
from enos_ota.rescue import go_back
from tworeleases import ABORTED, FS, FS_OFFSET, NEW, PENDING, VALID, TwoReleases, put


class OnBoard(TwoReleases):
    def goes_back(self) -> None:
        board.save_blob("why", b"KeyError: 7", board.STUBS)
        self.assertTrue(self.is_reset(go_back))
        self.assertEqual(self.chip.states(), [(3, VALID), (4, NEW)])
        self.assertEqual(journal.load()["back"], 1)
        self.assertEqual(board.load_blob("why", board.STUBS).strip(), b"")

    def stays(self, back=0) -> None:
        states = self.chip.states()
        self.assertFalse(self.is_reset(go_back))
        self.assertEqual(self.chip.states(), states)
        self.assertEqual(journal.load()["back"], back)


class TestGoes(OnBoard):
    def test_whole_release_that_was_confirmed_is_selected_and_the_board_reset(self):
        self.goes_back()

    def test_boots_of_its_trial_are_counted_anew_and_nothing_is_healed_in_it(self):
        self.power_up(boots=7, wakes=7, heal=1)
        self.goes_back()
        entry = journal.load()
        self.assertEqual((entry["boots"], entry["wakes"], entry["heal"]), (0, 0, 0))

    def test_return_that_a_power_cut_put_off_is_made(self):
        self.power_up(back=2)
        self.goes_back()

    def test_return_whose_entry_a_power_cut_tore_is_made(self):
        # set_boot erases what says that the release was confirmed, the bootloader what says that it is selected.
        for back in (1, 2):
            self.power_up((3, VALID), None, back=back)
            self.goes_back()

    def test_return_is_noted_before_the_other_release_can_start(self):
        # Its first boot may lose NVS: what nobody noted then is no return, but a rollback that is owed a word.
        seen = []
        self.chip.on = lambda operation, *_: (
            operation == "set_boot" and seen.append(journal.load()["back"])
        )
        self.goes_back()
        self.assertEqual(seen, [2])

    def test_last_word_that_is_owed_is_no_obstacle_and_stays(self):
        self.power_up(state=journal.REPORT, step=-3, desc="3.0: digest")
        self.goes_back()
        self.assertEqual(journal.load()["desc"], "3.0: digest")

    def test_plain_image_without_a_record_is_a_release_too_where_the_running_one_has_no_least(self):
        put("ota_0", "2.0", elf=b"N" * 32, min_sequence=0)
        images.put("ota_1", bytes(240), 4096)
        self.goes_back()
        self.power_up()
        images.put("ota_0", bytes(240), 4096)  # plain itself
        images.put("ota_1", bytes(240), 4096)
        self.goes_back()

    def test_release_of_the_least_sequence_of_the_running_one_is_selected(self):
        put("ota_0", "2.0", elf=b"N" * 32, sequence=9, min_sequence=6)
        put("ota_1", "1.0", sequence=6)
        self.goes_back()

    def test_release_without_an_app_file_system_is_whole(self):
        image = images.image()
        images.put("ota_1", images.record_bytes(image, "1.0"), 4096)
        images.put("ota_1", b"\xff" * len(FS), FS_OFFSET)
        self.goes_back()

    def test_file_that_the_journal_names_for_the_running_slot_is_no_obstacle(self):
        self.power_up(slot=0, size=12_288)
        self.goes_back()

    def test_app_file_systems_of_all_lengths_are_read_to_their_end(self):
        for size in (1, 1023, 1024, 1025, 2560):
            self.power_up()
            put("ota_1", "1.0", fs=FS[:size])
            self.goes_back()


class TestStays(OnBoard):
    def test_board_that_went_back_already_stays(self):
        self.power_up(back=1)
        self.stays(back=1)

    def test_release_that_failed_the_trial_of_the_return_is_not_selected_again(self):
        # Even if it did so before it could note its first boot.
        for back in (1, 2):
            for state in (ABORTED, PENDING):
                self.power_up((3, VALID), (4, state), back=back)
                machine.State.cause = machine.PWRON_RESET
                self.stays(back=back)

    def test_upgrade_at_work_is_a_better_way_out(self):
        for state in (journal.FETCH, journal.VERIFY, journal.TRIAL):
            self.power_up(state=state)
            self.stays()

    def test_slot_that_was_never_confirmed_is_not_selected(self):
        for entry in (None, (2, ABORTED), (2, PENDING), (2, NEW)):
            self.power_up((3, VALID), entry)
            self.stays()

    def test_file_of_the_journal_that_was_never_tried_is_not_selected(self):
        # The otadata entry is of what the slot held before.
        self.power_up(slot=1, size=12_288)
        self.stays()

    def test_part_of_a_file_over_the_former_release_is_not_selected(self):
        # The size is known when all of it is there.
        self.power_up(slot=1, size=0)
        journal.save_blocks(1)
        self.stays()

    def test_release_below_the_least_sequence_of_the_running_one_is_not_selected(self):
        # Whoever can make the application fail would get it.
        put("ota_0", "2.0", elf=b"N" * 32, sequence=9, min_sequence=6)
        put("ota_1", "1.0", sequence=5, min_sequence=0)
        self.stays()
        put("ota_0", "2.0", elf=b"N" * 32, min_sequence=1)
        images.put("ota_1", bytes(240), 4096)  # a plain image has 0
        self.stays()

    def test_image_that_was_never_proven_is_not_selected(self):
        # All of it is there, but for the first byte: the switch writes that.
        images.put("ota_1", b"\xff")
        self.stays()
        images.put("ota_1", b"\xe9")
        self.assertTrue(self.is_reset(go_back))

    def test_slot_without_an_image_is_not_selected(self):
        images.put("ota_1", b"\xff" * 64)
        self.stays()

    def test_damaged_app_file_system_is_not_selected(self):
        for at in (0, 1024, len(FS) - 1):
            self.power_up()
            images.put("ota_1", b"?", FS_OFFSET + at)
            self.stays()

    def test_damaged_image_is_not_selected(self):
        images.put("ota_1", b"?", 300)
        self.stays(back=2)  # that is to say, it may try again

    def test_image_on_trial_does_not_touch_its_way_back(self):
        self.power_up((3, PENDING), (2, VALID))
        self.stays(back=2)

    def test_table_with_one_slot_has_no_way_back(self):
        self.chip.table = tuple([row for row in self.chip.table if row[4] != "ota_1"])
        self.stays()

    def test_flash_that_cannot_be_read_leaves_the_board_where_it_is(self):
        def fails(operation, label, offset, size):
            if label == "ota_1":
                raise OSError(-24577)

        self.chip.on = fails
        self.stays()

    def test_log_tells_where_it_goes_and_why_it_cannot(self):
        lines = []
        self.patch(rescue, "log", lambda level, text: lines.append(text))
        self.goes_back()
        self.assertIn("1.0", lines[-1])
        self.power_up()
        images.put("ota_1", b"?", 300)
        self.stays(back=2)
        self.assertIn("-5379", lines[-1])
