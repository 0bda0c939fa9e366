"""The judgement of a file's first bytes by itself: which error, and what its text tells an operator."""

import struct

import images
from enos_ota import preflight
from enos_ota.errors import UpgradeError, VerifyError
from helpers import Case

RUNNING = images.image()[:24]
NO_LIMIT = (0, 0xFFFF)


class Judged(Case):
    def accepted(self, data, total_bytes=8192, running=RUNNING) -> None:
        preflight.check(memoryview(data)[: preflight.HEAD_BYTES], total_bytes, running)

    def refused(self, kind, data, total_bytes=8192, running=RUNNING):
        """The text of the refusal."""
        return str(self.raised(kind, self.accepted, data, total_bytes, running))


class TestKind(Judged):
    def test_preflight_of_an_app_image_has_no_objection(self):
        self.accepted(images.image())

    def test_preflight_needs_no_more_than_its_288_bytes(self):
        self.assertEqual(preflight.HEAD_BYTES, 288)
        self.accepted(images.image(sizes=(256,), hashed=False)[:288])

    def test_preflight_of_288_bytes_less_one_is_a_verify_error(self):
        self.refused(VerifyError, images.image()[:287], 287)

    def test_preflight_of_an_image_without_magic_is_a_verify_error(self):
        for byte in (0x00, 0xE8, 0x69, 0xFF):
            data = bytearray(images.image())
            data[0] = byte
            self.refused(VerifyError, data)

    def test_preflight_of_other_kinds_of_files_says_what_they_are(self):
        for start, name in (
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"\r\n  <html>", "HTML"),
            (b'{"code": 1204}', "JSON"),
            (b'\n{"code": 1204}', "JSON"),
            (b"PK\x03\x04", "zip"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\xff" * 300, "full-flash"),
        ):
            for size in (10, 300):
                data = (start + bytes(300))[:size]
                text = self.refused(VerifyError, data, len(data))
                self.assertIn("not an app image but ", text)
                self.assertIn(name, text)

    def test_preflight_of_a_text_or_nothing_says_it_is_no_app_image(self):
        for data in (b"", b"x", b"404 not found\n" * 30):
            text = self.refused(VerifyError, data, len(data))
            self.assertEqual(text, "not an app image")

    def test_preflight_of_a_bootloader_first_says_so(self):
        # ESP32's firmware.bin: the bootloader is an image, too, but of no application.
        for magic in (b"\x32\x54\xcd\xaa", b"\x50\0\0\0", b"\xab\xcd\x54\x32", bytes(4)):
            data = bytearray(images.image(sizes=(512, 512)))
            data[32:36] = magic
            text = self.refused(VerifyError, data)
            self.assertIn("bootloader", text)
            self.assertIn("full-flash", text)


class TestChip(Judged):
    def test_preflight_of_another_chip_names_both(self):
        for chip_id, name in (
            (2, "ESP32-S2"),
            (5, "ESP32-C3"),
            (9, "ESP32-S3"),
            (13, "ESP32-C6"),
            (77, "77"),
        ):
            text = self.refused(UpgradeError, images.image(chip_id=chip_id))
            self.assertEqual(text, "image for %s, not ESP32" % name)

    def test_preflight_compares_with_the_chip_that_runs(self):
        running = images.image(chip_id=9)[:24]
        self.accepted(images.image(chip_id=9), running=running)
        text = self.refused(UpgradeError, images.image(), running=running)
        self.assertEqual(text, "image for ESP32, not ESP32-S3")

    def test_preflight_of_a_chip_id_looks_at_both_bytes(self):
        data = bytearray(images.image())
        data[13] = 1
        self.assertIn("256", self.refused(UpgradeError, data))


class TestRevision(Judged):
    def limits(self, wanted, known):
        return images.image(revisions=wanted), 8192, images.image(revisions=known)[:24]

    def test_preflight_of_revisions_this_chip_cannot_have_names_them(self):
        for wanted, known in (
            ((0, 99), (100, 0xFFFF)),  # too new a chip
            ((0, 299), (300, 399)),
            ((300, 399), (0, 299)),  # too old a one
            ((400, 0xFFFF), (0, 399)),
            ((400, 0), (0, 399)),
            ((0x0101, 0xFFFF), (0, 0x0100)),  # both bytes count
        ):
            text = self.refused(UpgradeError, *self.limits(wanted, known))
            self.assertIn("revision", text)
            self.assertIn(str(wanted[0]), text)
            self.assertIn(str(wanted[1]), text)

    def test_preflight_of_revisions_this_chip_may_have_has_no_objection(self):
        for wanted, known in (
            ((300, 399), (0, 0xFFFF)),  # known is nothing
            ((300, 399), (0, 0)),
            ((0, 0xFFFF), (300, 399)),
            ((0, 0), (300, 399)),
            ((300, 399), (300, 399)),
            ((0, 300), (300, 0xFFFF)),  # one revision in common
            ((399, 0xFFFF), (300, 399)),
            ((300, 0xFFFF), (100, 0)),
        ):
            self.accepted(*self.limits(wanted, known))


class TestSegments(Judged):
    def test_preflight_of_one_and_of_sixteen_segments_has_no_objection(self):
        for count in (1, 16):
            self.accepted(images.image(sizes=(512,) + (4,) * (count - 1)))

    def test_preflight_of_none_or_more_than_sixteen_segments_is_a_verify_error(self):
        for count in (0, 17, 255):
            data = bytearray(images.image())
            data[1] = count
            self.assertIn("%d segments" % count, self.refused(VerifyError, data))

    def first(self, size):
        data = bytearray(images.image())
        struct.pack_into("<I", data, 28, size)
        return data

    def test_preflight_of_a_first_segment_of_no_bytes_or_of_no_words_is_a_verify_error(self):
        for size in (0, 1, 509, 510, 511):
            self.assertIn("%d bytes" % size, self.refused(VerifyError, self.first(size)))

    def test_preflight_of_a_first_segment_longer_than_the_file_is_a_verify_error(self):
        # A byte of padding follows at least.
        self.accepted(self.first(512), 32 + 512 + 1)
        for size in (512, 516, 4096, 0x7FFFFFFC, 0x80000000, 0xFFFFFFFC):
            self.refused(VerifyError, self.first(size), 32 + 512)
