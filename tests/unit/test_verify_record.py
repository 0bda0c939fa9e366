"""What the records in the slot say: that they are the same, and that the release may follow the one that runs."""

import images
from contents import SECTOR, File
from enos_ota.errors import RefusedError, UpgradeError, VerifyError
from inslot import Judged
from release import Plain, Release
from signed import block


class TestRecords(Judged):
    def test_records_that_differ_are_refused(self):
        self.settings(signature="off")
        for signed in (True, False):
            for at in (0, 11, 239, 300):
                file = Release(signed=False)
                file.size += signed * SECTOR
                file.block = block(bytes(32), 1) if signed else b""
                file.records[1] += b"\xff" * 100
                file.records[1][at] ^= 1
                text = self.refused(VerifyError, file)
                self.assertEqual(text, "the two release records differ", (signed, at))

    def test_last_byte_of_their_sectors_counts(self):
        self.settings(signature="off")
        file = Release(signed=False)
        good = file.byte
        file.byte = lambda n: good(n) ^ (n == 5 * SECTOR - 1)
        self.assertEqual(self.refused(VerifyError, file), "the two release records differ")

    def test_release_that_has_one_record_is_not_compared(self):
        self.settings(signature="off")
        self.verify(File())


class TestPermitted(Judged):
    """The running release, and what may follow it: the record in flash counts."""

    def setUp(self) -> None:
        super().setUp()
        image = images.image(elf=b"O" * 32)
        images.put("ota_0", images.record_bytes(image, "1.0"), SECTOR)

    def test_release_that_is_older_than_the_running_one_is_refused(self):
        self.assertIn("is older", self.refused(RefusedError, Release(sequence=6)))
        self.settings(downgrade=True)
        self.verify(Release(sequence=6))
        self.assertIn("below the least", self.refused(RefusedError, Release(sequence=4)))

    def test_release_of_another_kind_is_refused_with_its_step(self):
        self.assertIn("3.0", self.refused(VerifyError, Release(version="3.0")))
        self.assertIn("chip id 9", self.refused(UpgradeError, Release(chip_id=9)))
        self.assertIn("product", self.refused(UpgradeError, Release(product=b"valve")))
        self.assertIn("stub ABI 2", self.refused(RefusedError, Release(stub_abi=2)))

    def test_signature_is_judged_before_what_the_record_says(self):
        # Whoever signs nothing learns nothing, and moves nothing.
        text = self.refused(VerifyError, Release(signed=False, sequence=0, chip_id=9))
        self.assertEqual(text, "not signed")

    def test_plain_image_that_is_signed_is_older_than_any_release(self):
        self.assertIn("below the least", self.refused(RefusedError, Plain()))
