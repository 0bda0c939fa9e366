"""otadata: what is read from it, and the guards of design.md §4 in front of each change."""

import esp32
import images
from enos_ota import board, otadata
from enos_ota.errors import BurnError, OtaError
from esp32 import Partition
from helpers import Case

NEW, PENDING, VALID, INVALID, ABORTED = range(5)
THREE_SLOTS = esp32.TWO_SLOTS[:2] + (
    (0, 0x10, 0x10000, 0x100000, "ota_0"),
    (0, 0x11, 0x110000, 0x100000, "ota_1"),
    (0, 0x12, 0x210000, 0x100000, "ota_2"),
)
WITH_FACTORY = ((0, 0, 0x3B0000, 0x10000, "factory"),) + esp32.TWO_SLOTS
WITH_TEST = WITH_FACTORY + ((0, 0x20, 0x3C0000, 0x10000, "test"),)


class OnChip(Case):
    def setUp(self) -> None:
        super().setUp()
        self.power_up()

    def power_up(self, *entries, table=esp32.TWO_SLOTS, running="ota_0"):
        """A board with the given otadata entries, (sequence, state) or None, that runs a slot."""
        chip = self.chip = esp32.power_up(table)
        chip.running = running
        for sector, entry in enumerate(entries):
            if entry:
                chip.entry(sector, *entry)
        self.acts = []
        chip.on = self.saw
        for slot in chip.slots():
            images.put(slot[4], images.image())

    def saw(self, operation, label, offset, size) -> None:
        if operation in ("set_boot", "valid"):
            self.acts.append((operation, label))


class TestStates(OnChip):
    def test_states_empty_otadata_names_no_slot(self):
        self.assertEqual(otadata.states(0), [])
        self.assertEqual(otadata.states(1), [])

    def test_states_each_slot_gets_its_own(self):
        self.power_up((1, VALID), (2, PENDING))
        self.assertEqual(otadata.states(0), [VALID])
        self.assertEqual(otadata.states(1), [PENDING])

    def test_states_entry_with_wrong_crc_does_not_count(self):
        self.power_up((1, VALID), (2, PENDING, 0xDEADBEEF))
        self.assertEqual(otadata.states(1), [])

    def test_states_crc_covers_the_sequence_only(self):
        # CRCs of ESP-IDF's otatool for the sequences 1 and 2.
        self.power_up((1, VALID, 0x4743989A), (2, ABORTED, 0x55F63774))
        self.assertEqual(otadata.states(0), [VALID])
        self.assertEqual(otadata.states(1), [ABORTED])

    def test_states_equal_sequence_numbers_give_both_entries(self):
        self.power_up((2, PENDING), (2, NEW))
        self.assertEqual(otadata.states(1), [PENDING, NEW])

    def test_states_three_slots_wrap_by_three(self):
        self.power_up((6, VALID), (4, PENDING), table=THREE_SLOTS)
        self.assertEqual([otadata.states(i) for i in range(3)], [[PENDING], [], [VALID]])

    def test_states_high_sequence_numbers_wrap_right(self):
        self.power_up((0xFFFFFFFE, VALID), (0xFFFFFFFD, NEW))
        self.assertEqual(otadata.states(1), [VALID])
        self.assertEqual(otadata.states(0), [NEW])

    def test_states_factory_is_not_counted_as_a_slot(self):
        self.power_up((1, VALID), (2, PENDING), table=WITH_FACTORY)
        self.assertEqual(otadata.states(0), [VALID])
        self.assertEqual(otadata.states(1), [PENDING])

    def test_states_wrap_by_the_ota_slots_alone(self):
        # Sequences that neither three slots nor four would give to the same ones.
        for sequence in (3, 5, 7):
            self.power_up((sequence, VALID), (sequence + 1, PENDING), table=WITH_TEST)
            self.assertEqual(board.slot_count(), 2)
            self.assertEqual(otadata.states(0), [VALID])
            self.assertEqual(otadata.states(1), [PENDING])


class TestEntries(OnChip):
    def test_entries_have_sequence_and_state_of_the_slot_first_sector_first(self):
        self.power_up((4, NEW), (2, VALID))
        self.assertEqual(otadata.entries(1), [(4, NEW), (2, VALID)])
        self.assertEqual(otadata.entries(0), [])

    def test_was_valid_needs_a_mark_of_that_slot(self):
        self.power_up((3, VALID), (2, VALID))
        self.assertTrue(otadata.was_valid(0) and otadata.was_valid(1))
        for state in (NEW, PENDING, INVALID, ABORTED):
            self.power_up((3, VALID), (2, state))
            self.assertFalse(otadata.was_valid(1))
        self.power_up((3, VALID), (2, VALID, 0xDEADBEEF))
        self.assertFalse(otadata.was_valid(1))


class TestAborted(OnChip):
    """The other slot was tried in vain."""

    def aborted(self, *entries, **options):
        self.power_up(*entries, **options)
        return otadata.aborted()

    def test_aborted_rolled_back_slot_is_told_by_its_sequence(self):
        self.assertEqual(self.aborted((1, VALID), (2, ABORTED)), 2)
        self.assertEqual(self.aborted((5, ABORTED), (4, VALID), running="ota_1"), 5)

    def test_aborted_slot_that_could_not_be_started_stays_pending(self):
        self.assertEqual(self.aborted((1, VALID), (2, PENDING)), 2)

    def test_aborted_running_slot_itself_does_not_count(self):
        self.assertEqual(self.aborted((1, ABORTED), None), 0)
        self.assertEqual(self.aborted((1, VALID), (2, PENDING), running="ota_1"), 0)

    def test_aborted_other_states_empty_and_torn_entries_do_not_count(self):
        for entry in ((2, VALID), (2, NEW), (2, INVALID), None, (2, ABORTED, 0xDEADBEEF)):
            self.assertEqual(self.aborted((1, VALID), entry), 0)


class TestOnTrial(OnChip):
    def test_on_trial_pending_entry_of_the_running_slot(self):
        self.power_up((1, VALID), (2, PENDING), running="ota_1")
        self.assertTrue(otadata.on_trial())

    def test_on_trial_pending_entry_of_the_other_slot_does_not_count(self):
        # As after a fallback: the broken image's entry stays PENDING while the old one runs.
        self.power_up((1, VALID), (2, PENDING), running="ota_0")
        self.assertFalse(otadata.on_trial())

    def test_on_trial_torn_pending_entry_does_not_count(self):
        self.power_up((1, VALID), (2, PENDING, 0), running="ota_1")
        self.assertFalse(otadata.on_trial())

    def test_on_trial_second_of_equal_entries_counts(self):
        self.power_up((2, NEW), (2, PENDING), running="ota_1")
        self.assertTrue(otadata.on_trial())

    def test_on_trial_valid_new_and_aborted_are_no_trial(self):
        for state in (NEW, VALID, INVALID, ABORTED):
            self.power_up((1, state), running="ota_0")
            self.assertFalse(otadata.on_trial())

    def test_on_trial_running_factory_is_no_trial(self):
        self.power_up((1, PENDING), table=WITH_FACTORY, running="factory")
        self.assertFalse(otadata.on_trial())


class TestSelect(OnChip):
    def test_select_other_slot_sets_boot(self):
        self.power_up((1, VALID))
        otadata.select(Partition("ota_1"))
        self.assertEqual(self.chip.states(), [(1, VALID), (2, NEW)])

    def test_select_while_the_running_image_is_on_trial_is_refused(self):
        # Rule 1: the other slot is the only way back.
        self.power_up((1, VALID), (2, PENDING), running="ota_1")
        self.assertRaises(OtaError, otadata.select, Partition("ota_0"))
        self.assertEqual(self.acts, [])

    def test_select_the_selected_slot_again_does_not_call_set_boot(self):
        # Rule 2: IDF 5.3 to 5.5.5 would give both entries the same sequence.
        self.power_up((1, VALID), (2, NEW))
        otadata.select(Partition("ota_1"))
        self.assertEqual(self.acts, [])
        self.assertEqual(self.chip.states(), [(1, VALID), (2, NEW)])

    def test_select_twice_keeps_the_way_back(self):
        self.power_up((1, VALID))
        otadata.select(Partition("ota_1"))
        otadata.select(Partition("ota_1"))
        self.assertEqual(self.chip.states(), [(1, VALID), (2, NEW)])

    def test_select_refused_image_raises_burn_error(self):
        self.power_up((1, VALID))
        images.put("ota_1", b"\xff" * 64)
        self.assertIn("-5379", str(self.raised(BurnError, otadata.select, Partition("ota_1"))))
        self.assertEqual(self.chip.states(), [(1, VALID), None])


class TestConfirm(OnChip):
    def test_confirm_marks_the_running_slot_valid(self):
        self.power_up((1, VALID), (2, PENDING), running="ota_1")
        otadata.confirm()
        self.assertEqual(self.chip.states(), [(1, VALID), (2, VALID)])

    def test_confirm_with_another_slot_selected_is_refused(self):
        # Rule 3: the mark would go to the entry of the broken image.
        self.power_up((1, VALID), (2, PENDING), running="ota_0")
        self.raised(BurnError, otadata.confirm)
        self.assertEqual(self.acts, [])
        self.assertEqual(self.chip.states(), [(1, VALID), (2, PENDING)])

    def test_confirm_twice_is_safe(self):
        self.power_up((1, VALID), (2, PENDING), running="ota_1")
        otadata.confirm()
        otadata.confirm()
        self.assertEqual(self.chip.states(), [(1, VALID), (2, VALID)])


class TestHeal(OnChip):
    def test_heal_running_slot_selected_changes_nothing(self):
        self.power_up((1, VALID), (2, VALID), running="ota_1")
        self.assertFalse(otadata.heal())
        self.assertEqual(self.acts, [])

    def test_heal_after_a_fallback_selects_and_trusts_the_running_slot(self):
        # Rule 4.
        self.power_up((1, VALID), (2, PENDING), running="ota_0")
        self.assertTrue(otadata.heal())
        self.assertEqual(self.acts, [("set_boot", "ota_0"), ("valid", "ota_0")])
        self.assertEqual(self.chip.states(), [(3, VALID), (2, PENDING)])
        self.assertEqual(Partition(Partition.BOOT).info()[4], "ota_0")
        self.assertFalse(otadata.heal())

    def test_heal_does_not_leave_the_healed_slot_on_trial(self):
        self.power_up((1, VALID), (2, NEW), running="ota_0")
        otadata.heal()
        self.assertFalse(NEW in otadata.states(0))
        self.assertFalse(PENDING in otadata.states(0))

    def test_heal_three_slots_selects_the_running_one(self):
        self.power_up((1, VALID), (2, PENDING), table=THREE_SLOTS, running="ota_2")
        self.assertTrue(otadata.heal())
        self.assertEqual(Partition(Partition.BOOT).info()[4], "ota_2")


class TestFullLife(OnChip):
    def test_two_upgrades_and_a_confirmation_each_leave_what_idf_documents(self):
        self.power_up((1, VALID))
        otadata.select(Partition("ota_1"))
        self.chip.entry(1, 2, PENDING)  # the bootloader starts it
        self.chip.running = "ota_1"
        otadata.confirm()
        otadata.select(Partition("ota_0"))
        self.assertEqual(self.chip.states(), [(3, NEW), (2, VALID)])
        self.chip.entry(0, 3, PENDING)
        self.chip.running = "ota_0"
        otadata.confirm()
        self.assertEqual(self.chip.states(), [(3, VALID), (2, VALID)])
