"""The public key in a certificate: real ones, and whatever else a server may send."""

import binascii
import hashlib

from certificates import pins, read
from enos_ota.der import public_key
from helpers import Case

NAMES = ("ca", "server", "expired", "client", "rsa", "rsa-long", "version-1")


def element(tag, *content):
    content = b"".join(content)
    size = len(content)
    head = bytes((tag, size)) if size < 128 else bytes((tag, 0x82, size >> 8, size & 255))
    return head + content


KEY = element(0x30, b"key")
BEFORE = (
    element(0x02, b"\1"),
    element(0x30),
    element(0x30, b"issuer"),
    element(0x30),
    element(0x30, b"subject"),
)
VERSION = element(0xA0, b"\2\1\2")


def made(*fields, behind=b"rest"):
    """A certificate with these fields in its signed part."""
    return element(0x30, element(0x30, *fields) + behind)


class TestReal(Case):
    def test_key_of_each_kind_of_certificate_is_found(self):
        known = pins()
        for name in NAMES:
            digest = hashlib.sha256(public_key(read(name + ".der"))).digest()
            self.assertEqual(binascii.hexlify(digest).decode(), known[name], name)

    def test_renewed_certificate_has_the_same_key_as_the_former(self):
        self.assertEqual(public_key(read("server.der")), public_key(read("stranger.der")))

    def test_certificate_cut_short_anywhere_is_none(self):
        for name in ("server.der", "rsa.der", "version-1.der"):
            whole = read(name)
            for size in range(len(whole)):
                self.raised(ValueError, public_key, whole[:size])

    def test_certificate_with_any_byte_altered_gives_bytes_or_a_value_error(self):
        # Any other exception would come out of a callback of Mbed TLS.
        whole = bytearray(read("server.der"))
        for at in range(len(whole)):
            before = whole[at]
            for byte in (0, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, before ^ 1):
                whole[at] = byte
                error = self.trouble(public_key, whole)
                self.assertTrue(error is None or type(error) is ValueError, (at, error))
            whole[at] = before


class TestShape(Case):
    def none(self, data) -> None:
        self.assertEqual(str(self.raised(ValueError, public_key, data)), "not a certificate")

    def test_version_is_passed_over_where_there_is_one(self):
        self.assertEqual(public_key(made(VERSION, *BEFORE + (KEY,))), KEY)
        self.assertEqual(public_key(made(*BEFORE + (KEY, b"extensions"))), KEY)

    def test_lengths_of_one_and_two_bytes_are_read(self):
        for size in (1, 127, 128, 255, 256, 5000):
            key = element(0x30, bytes(size))
            self.assertEqual(public_key(made(*BEFORE + (key,))), key)
        short = b"\x30\x81\x03key"  # not the shortest form, but a length
        self.assertEqual(public_key(made(*BEFORE + (short,))), short)

    def test_lengths_of_no_or_more_bytes_are_none(self):
        for length in (b"\x80", b"\x83\0\0\3", b"\x84\0\0\0\3", b"\xff"):
            self.none(made(*BEFORE + (b"\x30" + length + b"key",)))
            self.none(b"\x30" + length + made(*BEFORE + (KEY,)))
        self.none(made(b"\x02\x80", *BEFORE[1:] + (KEY,)))

    def test_key_that_is_empty_or_no_sequence_is_none(self):
        self.none(made(*BEFORE + (element(0x30),)))
        self.none(made(*BEFORE + (element(0x31, b"key"),)))

    def test_fields_that_are_missing_are_none(self):
        for count in range(5):
            self.none(made(*BEFORE[:count], behind=b""))
        self.none(made(*BEFORE[:4] + (KEY,), behind=b""))
        self.none(element(0x30))
        self.none(element(0x30, element(0x30)))
        self.none(element(0x30, element(0x30), KEY * 9))

    def test_key_behind_the_signed_part_is_none(self):
        # Else what nobody signed would be compared.
        self.none(made(*BEFORE, behind=KEY))
        self.none(element(0x30, element(0x30, *BEFORE + (KEY[:2],)), b"key"))

    def test_what_is_no_certificate_is_none(self):
        for data in (b"", b"\x30", b"0\x82", bytes(400), b"\xff" * 400, b"-----BEGIN CERT"):
            self.none(data)
