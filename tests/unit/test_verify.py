"""What is in the slot is what was commanded."""

import images
from contents import File, LongFile
from enos_ota.errors import VerifyError
from helpers import run
from inslot import InSlot
from upgrading import VALID


class Verified(InSlot):
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


class TestVerify(Verified):
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
