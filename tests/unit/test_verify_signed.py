"""What is in the slot is signed by who may sign it: judged before the switch."""

import images
from contents import SECTOR, File
from enos_ota.errors import VerifyError
from inslot import Judged
from release import Plain, Release
from signed import KEY, block

ANOTHER = "the signature is another file's"


class TestSignature(Judged):
    def test_signed_release_is_accepted_where_that_is_required(self):
        for method in ("sha256", "md5"):
            self.lines.clear()
            self.verify(Release(), sign_method=method)
            self.assertTrue(self.lines[-1].endswith(method + ", signature"))
            self.assertFalse(self.is_armed())  # that is the switch's

    def test_release_without_a_signature_is_refused_where_it_is_required(self):
        self.assertEqual(self.refused(VerifyError, Release(signed=False)), "not signed")
        self.assertEqual(self.refused(VerifyError, File()), "not signed")
        self.settings(signature="if_present")
        self.verify(Release(signed=False))
        self.assertFalse("signature" in self.lines[-1])

    def test_signature_of_another_content_is_refused(self):
        # Whoever commands the digest of an altered file cannot sign it.
        for policy in ("required", "if_present"):
            self.settings(signature=policy)
            for place in ("image", "app", "second record"):
                file = Release()
                good = file.byte
                at = {"image": 700, "app": 9000, "second record": 5 * SECTOR - 1}[place]
                file.byte = lambda n, at=at, good=good: good(n) ^ (n == at)
                self.assertEqual(self.refused(VerifyError, file), ANOTHER, place)

    def test_signature_by_a_key_that_is_not_trusted_or_is_revoked_is_refused(self):
        self.settings(keys=["00" * 32])
        self.assertIn("not trusted", self.refused(VerifyError, Release()))
        self.settings(keys=[KEY], revoked=[KEY])
        self.assertIn("revoked", self.refused(VerifyError, Release()))
        self.settings(signature="off")
        self.verify(Release())
        self.assertFalse("signature" in self.lines[-1])

    def test_signature_that_is_wrong_is_refused(self):
        file = Release()
        file.block[900] ^= 1
        self.assertEqual(self.refused(VerifyError, file), "the signature block is damaged")
        file.block = block(bytes(32), 1, n=(1 << 3072) - 1)
        self.assertIn("not trusted", self.refused(VerifyError, file))

    def test_signature_that_does_not_begin_a_sector_is_none(self):
        plain, sector = File(with_record=False), Plain()
        start = plain.size
        plain.byte = lambda n: plain.image[n] if n < start else sector.byte(n - start + SECTOR)
        plain.size += SECTOR
        self.assertEqual(self.refused(VerifyError, plain), "not signed")

    def test_plain_image_that_is_signed_is_accepted_and_its_version_kept(self):
        self.chip.nvs.clear()
        self.verify(Plain(), version="free text")
        self.assertEqual(self.chip.nvs[("enos_ota", "plain1")], images.ELF + b"free text")
        file = Plain()
        file.image = images.image(fill=0x11)
        self.assertEqual(self.refused(VerifyError, file), ANOTHER)
