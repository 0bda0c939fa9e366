"""The switch to what is proven: the slot is armed, selected, and the board reset."""

import images
import machine
from contents import File
from enos_ota import journal
from enos_ota.errors import BurnError, VerifyError
from esp32 import Partition
from helpers import run
from inslot import InSlot
from upgrading import NEW, VALID

WHY = ("enos_boot", "why")


class Cut(BaseException):
    """The power is gone."""


class TestSwitch(InSlot):
    def switch(self, job) -> None:
        from enos_ota.switch import switch

        try:
            run(switch(job))
        except machine.Reset:
            return
        raise AssertionError("no reset")

    def test_switch_selects_the_slot_closes_the_session_and_resets(self):
        self.switch(self.job(File()))
        self.assertEqual(self.chip.states(), [(1, VALID), (2, NEW)])
        self.assertTrue(self.agent.closed)

    def test_last_progress_has_time_to_leave_before_the_slot_is_selected(self):
        selected = []
        self.chip.on = lambda operation, *rest: (
            selected.append(self.clock.now_ms) if operation == "set_boot" else None
        )
        begin_ms = self.clock.now_ms
        self.switch(self.job(File()))
        self.assertEqual(selected, [begin_ms + 300])

    def test_what_an_earlier_boot_died_of_is_forgotten(self):
        # Or it would be the reason of a rollback that had another.
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.switch(self.job(File()))
        self.assertEqual(self.chip.nvs[WHY], b" ")

    def test_command_that_arrives_before_the_reset_is_kept_for_the_next_boot(self):
        # EnOS has its answer already.
        newer = {"version": "3.0", "sign": "cd" * 32}

        def arrive():
            self.agent.order = newer

        self.clock.on_sleep = arrive
        self.switch(self.job(File()))
        self.assertEqual(journal.load_command(journal.NEXT), newer)
        self.assertEqual(journal.load_command(), {})

    def test_image_that_the_chip_refuses_is_a_burn_error_and_the_session_stays(self):
        file = File(with_record=False)
        file.image[600] ^= 1
        self.assertIn("5379", str(self.raised(BurnError, self.switch, self.job(file))))
        self.assertEqual(self.chip.states(), [(1, VALID), None])
        self.assertFalse(self.agent.closed)

    def test_command_at_work_stays_through_the_switch(self):
        # The new image proves by its address that it can download.
        journal.save_command({"version": "2.0"}, 2)
        self.succeeds()
        self.assertEqual(journal.load_command(), {"version": "2.0", "tries": 2})
        self.assertEqual(journal.load_command(journal.NEXT), {})


class TestArmed(InSlot):
    """Until the switch, what is there is no image for the bootloader."""

    def setUp(self) -> None:
        super().setUp()
        self.file = File()

    def switch(self, kind=machine.Reset) -> None:
        from enos_ota.switch import switch

        try:
            run(switch(self.made))
        except kind:
            return
        raise AssertionError("%s not raised" % kind)

    def test_slot_is_armed_by_one_byte_without_an_erase_and_then_selected(self):
        self.made = self.job(self.file)
        acts = []
        self.chip.on = lambda *act: acts.append(act) if act[0] != "read" else None
        self.switch()
        selected = ("set_boot", "ota_1", 0, 0x1D0000)
        self.assertEqual(acts, [("program", "ota_1", 0, 1), selected])
        self.assertTrue(images.same("ota_1", 0, self.file.image))

    def test_slot_that_is_not_armed_is_nothing_that_could_be_booted(self):
        self.made = self.job(self.file)
        self.raised(OSError, Partition("ota_1").set_boot)
        from enos_ota.image import Image

        self.raised(VerifyError, Image, self.made.target)
        Image(self.made.target, False)
        self.assertEqual(self.chip.states(), [(1, VALID), None])

    def test_power_cut_before_the_slot_is_armed_leaves_it_and_the_switch_can_be_repeated(self):
        self.made = self.job(self.file)
        self.cut("program")
        self.assertFalse(self.is_armed())
        self.assertEqual(self.chip.states(), [(1, VALID), None])
        self.repeated()

    def test_power_cut_behind_it_leaves_the_former_slot_selected_and_can_be_repeated(self):
        self.made = self.job(self.file)
        self.cut("set_boot")
        self.assertTrue(self.is_armed())
        self.assertEqual(self.chip.states(), [(1, VALID), None])
        self.repeated()

    def cut(self, act) -> None:
        def cut(operation, label, offset, size):
            if operation == act:
                raise Cut

        self.chip.on = cut
        self.switch(Cut)
        self.chip.on = None

    def repeated(self) -> None:
        """As the next boot would: what was armed is verified like what was not."""
        from enos_ota.verify import verify

        run(verify(self.made))
        self.switch()
        self.assertEqual(self.chip.states(), [(1, VALID), (2, NEW)])

    def test_flash_that_does_not_take_the_byte_is_refused_by_the_chip(self):
        self.made = self.job(self.file)
        self.chip.on = lambda operation, *rest: operation == "program"
        self.switch(BurnError)
        self.assertEqual(self.chip.states(), [(1, VALID), None])
        self.assertFalse(self.agent.closed)
