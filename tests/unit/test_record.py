"""The release record: its fields at the offsets of the README's table, and that nothing damaged passes for one."""

import binascii
import struct

import images
from enos_ota.record import is_record, size_of, unpack
from helpers import Case

IMAGE = images.image()


def by_hand(**other):
    """A record whose every field has bytes of its own; `other`: offset -> bytes, as atN."""
    made = bytearray(240)
    made[0:8] = b"EnRR\x01\x00\xf0\x00"
    for at in range(12, 112):
        made[at] = at
    made[112:176] = b"1.2.0-\xce\xb2" + bytes(56)
    made[176:240] = b"pump" + bytes(60)
    for name, data in other.items():
        at = int(name[2:])
        made[at : at + len(data)] = data
    struct.pack_into("<I", made, 8, binascii.crc32(memoryview(made)[12:]))
    return made


class TestFields(Case):
    def test_fields_are_where_the_table_says(self):
        record = unpack(by_hand())
        for name, at, size in (
            ("image_bytes", 12, 4),
            ("app_offset", 16, 4),
            ("app_bytes", 20, 4),
            ("stub_abi", 32, 2),
            ("chip_id", 34, 2),
            ("sequence", 36, 4),
            ("min_sequence", 40, 4),
            ("build_time", 44, 4),
        ):
            wanted = int.from_bytes(bytes(range(at, at + size)), "little")
            self.assertEqual(getattr(record, name), wanted, name)
        self.assertEqual(record.image_digest, bytes(range(48, 80)))
        self.assertEqual(record.app_digest, bytes(range(80, 112)))
        self.assertEqual((record.version, record.product), ("1.2.0-β", "pump"))

    def test_numbers_are_unsigned(self):
        record = unpack(by_hand(at36=b"\xff" * 12))
        most = (1 << 32) - 1
        self.assertEqual((record.sequence, record.min_sequence, record.build_time), (most,) * 3)

    def test_texts_of_all_lengths_are_read_without_their_zeros(self):
        for text in ("", "1", "v" * 63, "v" * 64):
            record = unpack(by_hand(at112=text.encode() + bytes(64 - len(text))))
            self.assertEqual(record.version, text)
        record = unpack(by_hand(at176=bytes(64)))
        self.assertEqual((record.version, record.product), ("1.2.0-β", ""))

    def test_record_keeps_nothing_of_its_buffer(self):
        # It is the buffer of the download: the next sector is read into it.
        buf = by_hand()
        record = unpack(buf)
        for i in range(len(buf)):
            buf[i] = 0
        self.assertEqual(record.image_digest, bytes(range(48, 80)))
        self.assertEqual(record.version, "1.2.0-β")


class TestWhole(Case):
    def test_record_longer_than_ours_is_read_and_the_rest_ignored(self):
        for size in (240, 241, 1000, 4096):
            made = images.record_bytes(IMAGE, "2", size=size)
            self.assertEqual(unpack(made).version, "2")
            self.assertEqual(unpack(made + b"\xff" * 100).version, "2")
            self.assertEqual(size_of(made), size)

    def test_record_of_which_a_part_is_missing_is_none(self):
        made = images.record_bytes(IMAGE, "2", size=300)
        self.assertIsNone(unpack(made[:240]))
        self.assertIsNone(unpack(made[:299]))
        # Though the CRC is that of the part that is there.
        made = bytearray(images.record_bytes(IMAGE, "2", size_field=300))
        self.assertIsNone(unpack(made))

    def test_every_byte_counts(self):
        whole = by_hand()
        for at in range(240):
            made = bytearray(whole)
            made[at] ^= 1 << at % 8
            self.assertIsNone(unpack(made), at)

    def test_other_magic_format_or_size_is_none_with_a_right_crc(self):
        for at, data in (
            (0, b"EnRS"),
            (0, b"\xe9\0\0\0"),
            (4, b"\0\0"),
            (4, b"\2\0"),
            (4, b"\1\1"),
            (6, b"\xef\0"),
            (6, b"\0\0"),
            (6, b"\1\x10"),
            (6, b"\xff\xff"),
        ):
            made = by_hand()
            made[at : at + len(data)] = data
            self.assertIsNone(unpack(made), (at, data))
            self.assertEqual(size_of(made), 0)

    def test_record_too_short_for_its_fields_is_none(self):
        made = images.record_bytes(IMAGE, "2", size=200)
        self.assertIsNone(unpack(made + b"\xff" * 100))

    def test_what_is_no_record_is_none(self):
        for data in (b"\xff" * 240, bytes(240), bytes(range(240)), b"EnRR" + b"\xff" * 236):
            self.assertIsNone(unpack(data))

    def test_texts_that_are_none_are_no_record(self):
        # A UnicodeError would end the upgrade with step -1 instead of -3.
        for wrong in (b"\xff\xfe\x80", b"\xce", b"\xf0\x9f\x98"):
            self.assertIsNone(unpack(by_hand(at112=wrong + bytes(64 - len(wrong)))))
            self.assertIsNone(unpack(by_hand(at176=wrong + bytes(64 - len(wrong)))))

    def test_magic_alone_tells_a_record_of_whatever_image(self):
        self.assertTrue(is_record(b"EnRR"))
        for other in (b"EnRr", b"\xff\xff\xff\xff", b"\xe7\x02\0\0", b""):
            self.assertFalse(is_record(other))
