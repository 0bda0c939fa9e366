"""The image walk and the release record, against bytes made by the tables."""

import struct

import esp32
import images
from enos_ota.errors import VerifyError
from enos_ota.image import Image, read_record
from esp32 import Partition
from helpers import Case

RECORD = 0x1000  # where the record of a small image lies


class InSlot(Case):
    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        self.slot = Partition("ota_1")

    def image(self, data):
        images.put("ota_1", data)
        return Image(self.slot)


class TestImage(InSlot):
    def test_image_whole_gives_its_length_and_digests(self):
        data = images.image(chip_id=9)
        image = self.image(data)
        self.assertEqual(image.length_bytes, len(data))
        self.assertEqual(image.digest, data[-32:])
        self.assertEqual(image.elf_digest, images.ELF)

    def test_image_length_is_right_for_every_remainder(self):
        # 24 + 8 + size, then the checksum ends a line of 16.
        for size in range(512, 532, 4):
            data = images.image(sizes=(size,))
            self.assertEqual(self.image(data).length_bytes, len(data))

    def test_image_without_appended_hash_has_no_digest(self):
        data = images.image(hashed=False)
        image = self.image(data)
        self.assertEqual(image.length_bytes, len(data))
        self.assertEqual(image.digest, b"")

    def test_image_of_one_and_of_sixteen_segments_is_walked(self):
        for sizes in ((512,), (512,) + (4,) * 15):
            data = images.image(sizes=sizes)
            self.assertEqual(self.image(data).length_bytes, len(data))

    def test_image_of_none_or_more_than_sixteen_segments_is_refused(self):
        for count in (0, 17, 255):
            data = bytearray(images.image(sizes=(512,) + (4,) * 15))
            data[1] = count
            self.raised(VerifyError, self.image, data)

    def test_what_is_no_image_is_refused(self):
        full_flash = b"\xff" * 4096
        for data in (
            b"<!DOCTYPE html>" + bytes(100),
            b"\xff" * 64,
            bytes(64),
            b"PK\x03\x04" * 9,
            full_flash,
        ):
            self.raised(VerifyError, self.image, data)

    def test_image_whose_first_byte_is_blank_is_one_only_for_who_says_so(self):
        # What is not proven is none for the bootloader, nor for a way back.
        data = images.image()
        blank = b"\xff" + data[1:]
        self.raised(VerifyError, self.image, blank)
        self.assertEqual(Image(self.slot, False).length_bytes, len(data))
        for first in (b"\x00", b"\x69", b"\xe8", b"\xfe"):
            images.put("ota_1", first)
            self.raised(VerifyError, Image, self.slot, False)

    def test_image_longer_than_the_slot_is_refused(self):
        limit = self.slot.info()[3]
        for size in (limit, limit - 24, 0x7FFFFFFC, 0xFFFFFFFC):
            data = bytearray(images.image(sizes=(512, 4)))
            struct.pack_into("<I", data, 24 + 8 + 512 + 4, size)
            self.raised(VerifyError, self.image, data)

    def test_image_whose_next_segment_begins_behind_the_slot_is_refused(self):
        data = bytearray(images.image(sizes=(512, 4)))
        struct.pack_into("<I", data, 28, self.slot.info()[3] - 24 - 8 - 4)
        self.raised(VerifyError, self.image, data)

    def test_image_that_fills_the_slot_to_the_last_byte_is_walked(self):
        limit = self.slot.info()[3]
        data = bytearray(images.image(sizes=(512,)))
        struct.pack_into("<I", data, 28, limit - 32 - 32 - 16)  # header, segment header, hash, line
        self.assertEqual(self.image(data).length_bytes, limit)
        struct.pack_into("<I", data, 28, limit - 32 - 32)
        self.raised(VerifyError, self.image, data)


class TestRecord(InSlot):
    def read(self, data, sector):
        image = self.image(data)
        images.put("ota_1", sector, RECORD)
        found = read_record(self.slot, image)
        return found and (found.version, found.build_time)

    def test_record_of_this_image_gives_version_and_build_time(self):
        data = images.image()
        self.assertEqual(
            self.read(data, images.record(data, "1.2.0-β", build_time=0xFEDCBA98)),
            ("1.2.0-β", 0xFEDCBA98),
        )

    def test_record_with_a_version_of_63_bytes_is_read_whole(self):
        data = images.image()
        self.assertEqual(self.read(data, images.record(data, "v" * 63))[0], "v" * 63)

    def test_record_longer_than_ours_is_read_and_the_rest_ignored(self):
        data = images.image()
        for size in (241, 244, 1000, 4000):
            self.assertEqual(self.read(data, images.record(data, "2", size=size))[0], "2")

    def test_record_whose_longer_part_is_damaged_is_none(self):
        data = images.image()
        sector = bytearray(images.record(data, size=300))
        sector[299] ^= 1
        self.assertIsNone(self.read(data, sector))

    def test_record_of_another_image_is_none(self):
        data = images.image()
        self.assertIsNone(self.read(data, images.record(data, image_digest=bytes(32))))
        self.assertIsNone(self.read(data, images.record(data, image_length=len(data) + 16)))

    def test_record_with_any_byte_damaged_is_none(self):
        data = images.image()
        whole = images.record(data)
        for at in range(0, 240, 7):
            sector = bytearray(whole)
            sector[at] ^= 0x10
            self.assertIsNone(self.read(data, sector), at)

    def test_record_with_other_magic_format_or_size_is_none(self):
        data = images.image()
        for wrong in (
            {"magic": b"EnRS"},
            {"form": 0},
            {"form": 2},
            {"size_field": 239},
            {"size_field": 0},
            {"size_field": 4097},
            {"size_field": 65535},
        ):
            self.assertIsNone(self.read(data, images.record(data, **wrong)), wrong)

    def test_record_shorter_than_ours_is_none(self):
        data = images.image()
        self.assertIsNone(self.read(data, images.record(data, size=200)))

    def test_no_record_is_none(self):
        for sector in (b"\xff" * 4096, bytes(4096), b"EnRR" + b"\xff" * 4092):
            self.assertIsNone(self.read(images.image(), sector))

    def test_image_without_hash_has_no_record(self):
        data = images.image(hashed=False)
        self.assertIsNone(self.read(data, images.record(data)))

    def test_record_follows_an_image_that_ends_on_a_sector_border(self):
        data = images.image(sizes=(4096 - 32 - 32 - 16,))
        self.assertEqual(len(data), 4096)
        self.assertEqual(self.read(data, images.record(data, "3"))[0], "3")

    def test_image_up_to_the_slot_end_has_no_room_for_a_record(self):
        limit = self.slot.info()[3]
        data = bytearray(images.image(sizes=(512,)))
        struct.pack_into("<I", data, 28, limit - 32 - 32 - 16)
        self.assertIsNone(read_record(self.slot, self.image(data)))

    def test_record_whose_version_is_no_text_is_none_or_refused(self):
        # A UnicodeError would end the upgrade with step -1 instead of -3.
        data = images.image()
        try:
            found = self.read(data, images.record(data, b"\xff\xfe\x80"))
        except VerifyError:
            return
        self.assertIsNone(found)
