"""What is refused by its first bytes: nothing of the other slot is erased, nothing programmed."""

import struct

import images
from contents import SECTOR, File, Other
from enos_ota.errors import UpgradeError, VerifyError
from lossy import Server
from upgrading import OnChip

NEEDED = 288  # bytes, to judge a file by
CUTS = ([100], [NEEDED - 1], [1, 1, 200])


class TestFirstBytes(OnChip):
    def after_its_first_bytes(self, kind, file):
        for chunk in (SECTOR, 1):
            server = Server(file)
            server.chunk = chunk
            text = self.refused(kind, file, server)
            self.assertEqual(server.received, min(NEEDED, file.size))
            self.assertEqual(server.opened, [0])
        return text

    def test_upgrade_to_a_full_flash_image_is_refused_before_any_erase(self):
        text = self.after_its_first_bytes(VerifyError, Other(b"\xff" * NEEDED, 2 * SECTOR))
        self.assertIn("full-flash image", text)

    def test_upgrade_to_an_image_of_the_bootloader_is_refused_before_any_erase(self):
        file = File()
        file.image[32:36] = bytes(4)
        self.assertIn("full-flash image", self.after_its_first_bytes(VerifyError, file))

    def test_upgrade_to_another_kind_of_file_is_refused_before_any_erase(self):
        for start in (
            b"<!DOCTYPE html>",
            b'{"code": 1204, "msg": "unauthorized"}',
            b"PK\x03\x04",
            b"\x1f\x8b\x08",
            b"no such file",
        ):
            for size in (2 * SECTOR, SECTOR, NEEDED, NEEDED - 1, len(start), 1):
                self.after_its_first_bytes(VerifyError, Other(start + b"\n" * 400, size))

    def test_upgrade_to_an_empty_file_is_refused_before_any_erase(self):
        # Its digest is right, and the slot may hold an image of an older release.
        images.put("ota_1", images.image())
        for size_bytes in (0, None):
            self.assertIn(
                " 0 bytes", self.refused(VerifyError, Other(b"", 0), size_bytes=size_bytes)
            )
        self.assertEqual(self.agent.reports, [])

    def test_upgrade_to_an_image_too_short_for_a_descriptor_is_refused_before_any_erase(self):
        file = File(with_record=False, sizes=(200,))
        self.assertTrue(file.size < NEEDED)
        self.after_its_first_bytes(VerifyError, file)

    def test_upgrade_to_another_chips_image_is_refused_before_any_erase(self):
        text = self.after_its_first_bytes(UpgradeError, File(chip_id=9))
        self.assertIn("ESP32-S3", text)
        self.assertIn("not ESP32", text)

    def test_upgrade_to_another_revisions_image_is_refused_before_any_erase(self):
        images.put("ota_0", images.image(elf=b"O" * 32, revisions=(300, 399)))
        self.after_its_first_bytes(UpgradeError, File(revisions=(400, 0xFFFF)))

    def test_upgrade_to_a_wrong_number_of_segments_is_refused_before_any_erase(self):
        for count in (0, 17):
            file = File()
            file.image[1] = count
            self.after_its_first_bytes(VerifyError, file)

    def test_upgrade_to_an_unusable_first_segment_is_refused_before_any_erase(self):
        for size in (0, 510, 2 * SECTOR):
            file = File()
            struct.pack_into("<I", file.image, 28, size)
            self.after_its_first_bytes(VerifyError, file)

    def cut(self, file, cuts):
        server = Server(file)
        server.cuts = list(cuts)
        return file, server

    def test_first_bytes_in_two_connections_are_judged_together(self):
        for cuts in CUTS:
            self.power_up()
            self.succeeds(*self.cut(File(), cuts))

    def test_first_bytes_in_two_connections_are_refused_together(self):
        for cuts in CUTS:
            self.power_up()
            self.refused(UpgradeError, *self.cut(File(chip_id=9), cuts))
