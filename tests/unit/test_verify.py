"""The last acts of an upgrade: what is in the slot is what was commanded; then the switch."""

import images
import machine
from contents import File, LongFile
from enos_ota import journal
from enos_ota.errors import BurnError, VerifyError
from helpers import run
from upgrading import NEW, VALID, OnChip

WHY = ("enos_boot", "why")


class InSlot(OnChip):
    def saw(self, operation, label, offset, size) -> None:
        """There is no journal to note the state of."""

    def job(self, file, size=None, **command):
        """An upgrade whose file is in the slot already, `size` bytes of it."""
        size = size or file.size
        for at in range(0, size, 256):
            images.put("ota_1", bytes([file.byte(at + i) for i in range(min(256, size - at))]), at)
        job = self.work(file, **command)
        job.size_bytes = size
        return job

    def verify(self, *arguments, **command) -> None:
        job = self.job(*arguments, **command)
        from enos_ota import verify

        run(verify.verify(job))

    def refused(self, *arguments, **command):
        """The text of the refusal, which nothing was written before."""
        self.chip.nvs.clear()
        text = str(self.raised(VerifyError, lambda: self.verify(*arguments, **command)))
        self.assertEqual(self.chip.nvs, {})
        self.assertEqual(self.chip.states(), [(1, VALID), None])
        return text


class TestVerify(InSlot):
    def test_release_of_the_commanded_version_is_accepted_with_either_method(self):
        self.chip.nvs.clear()
        for method in ("md5", "sha256"):
            self.verify(File(), sign_method=method)
        self.assertEqual(self.chip.nvs, {})

    def test_right_digest_proves_that_resumed_pieces_fit(self):
        # What is found wrong afterwards is so in the file: it is not fetched once more.
        for file, wanted in ((File(version="3.0"), False), (File(), True)):
            job = self.job(file, **({} if wanted is False else {"sign": "0" * 64}))
            job.is_resumed = True
            from enos_ota import verify

            self.raised(VerifyError, run, verify.verify(job))
            self.assertEqual(job.is_resumed, wanted)

    def test_wrong_digest_is_refused_and_its_method_named(self):
        self.assertIn("sha256", self.refused(File(), sign="0" * 64))
        self.assertIn("md5", self.refused(File(), sign="0" * 32, sign_method="md5"))

    def test_digest_of_the_other_method_is_refused(self):
        file = File()
        self.refused(file, sign=file.digest("md5"))
        self.refused(file, sign=file.digest("sha256"), sign_method="md5")

    def test_one_wrong_bit_in_flash_is_refused(self):
        file = File()
        for at in (0, 700, file.size - 1):
            job = self.job(file)
            images.put("ota_1", bytes((file.byte(at) ^ 1,)), at)
            from enos_ota import verify

            self.raised(VerifyError, run, verify.verify(job))

    def test_record_of_another_version_is_refused_and_that_version_named(self):
        self.assertIn("3.0", self.refused(File(version="3.0")))

    def test_file_that_ends_before_its_image_is_refused(self):
        # Cut before it was uploaded, the file has the commanded digest, and what an older release left
        # in the slot could pass for its rest.
        file = LongFile((512, 3000))
        whole = file.size
        images.put("ota_1", bytes([file.byte(whole - 40 + i) for i in range(40)]), whole - 40)
        for missing in (1, 32):
            file.size = whole - missing
            self.assertIn("before its image", self.refused(file))
        file.size = whole
        self.verify(file)

    def test_plain_image_keeps_the_commanded_version_with_its_digest(self):
        self.verify(File(with_record=False, elf=b"P" * 32), version="free text ü")
        self.assertEqual(self.chip.nvs[("enos_ota", "plain1")], b"P" * 32 + "free text ü".encode())

    def test_plain_image_where_a_release_around_the_same_vm_was_loses_its_record(self):
        file = File(with_record=False)
        images.put("ota_1", file.image)
        images.put("ota_1", images.record_bytes(file.image, "1.5"), 4096)
        job = self.work(file)
        job.size_bytes = file.size
        from enos_ota import verify

        run(verify.verify(job))
        from enos_ota.image import Image, read_record

        self.assertEqual(read_record(job.target, Image(job.target)), None)

    def test_plain_image_in_the_first_slot_is_kept_apart(self):
        file = File(with_record=False)
        images.put("ota_0", file.image)
        job = self.work(file)
        from esp32 import Partition

        job.target = Partition("ota_0")
        job.size_bytes = file.size
        from enos_ota import verify

        run(verify.verify(job))
        self.assertEqual([key for _, key in self.chip.nvs if key != "erase"], ["plain0"])


class TestSwitch(InSlot):
    def switch(self, job) -> None:
        from enos_ota import verify

        try:
            run(verify.switch(job))
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
