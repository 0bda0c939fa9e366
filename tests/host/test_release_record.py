"""The release record: packed here, read by literal offsets; and back."""

from __future__ import annotations

import binascii
import dataclasses
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_fixtures import RECORD_FIELDS, U32

from host_tools.release import record
from host_tools.release.errors import RecordError
from host_tools.release.record import ReleaseRecord

PLAIN = ReleaseRecord(
    image_length=1_672_976,
    appfs_offset=0x19A000,
    appfs_size_bytes=0x7000,
    appfs_block_size=1024,
    appfs_block_count=28,
    stub_abi=1,
    chip_id=9,
    sequence=0x01020304,
    min_sequence=0x00020304,
    build_time=0x66778899,
    image_sha256=bytes(range(32)),
    appfs_sha256=bytes(range(100, 132)),
    version="1.2.0-β",
    product="pump",
)

TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=63).filter(
    lambda text: text.isprintable() and len(text.encode()) <= 63
)
RECORDS = st.builds(
    lambda low, high, **fields: ReleaseRecord(
        sequence=max(low, high), min_sequence=min(low, high), **fields
    ),
    low=U32,
    high=U32,
    version=TEXT.filter(bool),
    product=TEXT,
    **RECORD_FIELDS,
)


def test_pack_puts_every_field_where_the_table_says() -> None:
    sector = record.pack(PLAIN)
    assert len(sector) == 4096
    assert sector[0:4] == b"EnRR"
    assert sector[4:6] == b"\x01\x00"
    assert sector[6:8] == b"\xf0\x00"
    assert int.from_bytes(sector[8:12], "little") == binascii.crc32(sector[12:240])
    assert int.from_bytes(sector[12:16], "little") == 1_672_976
    assert int.from_bytes(sector[16:20], "little") == 0x19A000
    assert int.from_bytes(sector[20:24], "little") == 0x7000
    assert int.from_bytes(sector[24:28], "little") == 1024
    assert int.from_bytes(sector[28:32], "little") == 28
    assert sector[32:34] == b"\x01\x00"
    assert sector[34:36] == b"\x09\x00"
    assert sector[36:40] == b"\x04\x03\x02\x01"
    assert sector[40:44] == b"\x04\x03\x02\x00"
    assert sector[44:48] == b"\x99\x88\x77\x66"
    assert sector[48:80] == bytes(range(32))
    assert sector[80:112] == bytes(range(100, 132))
    assert sector[112:176] == "1.2.0-β".encode().ljust(64, b"\0")
    assert sector[176:240] == b"pump".ljust(64, b"\0")
    assert sector[240:] == b"\xff" * 3856


@given(RECORDS)
@settings(max_examples=200, deadline=None)
def test_unpack_of_pack_gives_the_record_back(entry: ReleaseRecord) -> None:
    assert record.unpack(record.pack(entry)) == entry


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"EnRR" + tail))
@settings(max_examples=200, deadline=None)
def test_unpack_of_random_bytes_raises_only_record_errors(data: bytes) -> None:
    with pytest.raises(RecordError):
        record.unpack(data)


def sealed(body: bytes, form: int = 1, length: int = 240) -> bytes:
    head = struct.pack("<4sHHI", b"EnRR", form, length, binascii.crc32(body[: length - 12]))
    return (head + body).ljust(4096, b"\xff")


@given(st.binary(min_size=228, max_size=228))
@settings(max_examples=100, deadline=None)
def test_unpack_of_random_fields_with_a_right_crc_raises_only_record_errors(body: bytes) -> None:
    try:
        entry = record.unpack(sealed(body))
    except RecordError:
        return
    assert record.pack(entry) == sealed(body)


def test_unpack_of_any_flipped_byte_is_refused() -> None:
    sector = record.pack(PLAIN)
    for position in range(240):
        with pytest.raises(RecordError):
            damaged = bytearray(sector)
            damaged[position] ^= 0x40
            record.unpack(bytes(damaged))


def test_unpack_of_a_longer_record_ignores_what_it_does_not_know() -> None:
    body = record.pack(PLAIN)[12:240] + b"fields of a later format"
    assert record.unpack(sealed(body, length=12 + len(body))) == PLAIN


def test_unpack_of_a_longer_record_checks_the_crc_over_all_of_it() -> None:
    body = record.pack(PLAIN)[12:240] + b"later"
    sector = bytearray(sealed(body, length=12 + len(body)))
    sector[241] ^= 1
    with pytest.raises(RecordError, match="CRC"):
        record.unpack(bytes(sector))


@pytest.mark.parametrize(
    ("form", "length", "text"),
    [(2, 240, "format 2"), (1, 239, "239 bytes"), (1, 4097, "4097 bytes")],
)
def test_unpack_of_another_format_says_so(form: int, length: int, text: str) -> None:
    with pytest.raises(RecordError, match=text):
        record.unpack(sealed(record.pack(PLAIN)[12:240], form, length))


@pytest.mark.parametrize(
    ("field", "offset", "raw", "text"),
    [
        ("version", 100, b"x" * 64, "version is not NUL padded"),
        ("version", 100, b"1\0x".ljust(64, b"\0"), "version is not NUL padded"),
        ("version", 100, bytes(64), "version is empty"),
        ("product", 164, b"\xff".ljust(64, b"\0"), "product is not UTF-8"),
    ],
)
def test_unpack_of_a_bad_text_names_the_field(
    field: str, offset: int, raw: bytes, text: str
) -> None:
    body = bytearray(record.pack(PLAIN)[12:240])
    body[offset : offset + 64] = raw
    with pytest.raises(RecordError, match=text):
        record.unpack(sealed(bytes(body)))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"version": ""}, "version is empty"),
        ({"version": "x" * 64}, "64 bytes of UTF-8, 63 are allowed"),
        ({"version": "ä" * 32}, "64 bytes of UTF-8"),
        ({"version": "1.0\n"}, "unprintable"),
        ({"version": " 1.0"}, "spaces at its ends"),
        ({"product": "a\0b"}, "unprintable"),
        ({"sequence": -1, "min_sequence": -2}, "sequence -1 is not in 0..4294967295"),
        ({"sequence": 1 << 32}, "sequence 4294967296"),
        ({"build_time": 1 << 32}, "build time"),
        ({"min_sequence": PLAIN.sequence + 1}, "above the sequence"),
        ({"image_sha256": b""}, "image_sha256 must be 32 bytes"),
        ({"chip_id": 65536}, "chip id 65536"),
    ],
)
def test_record_with_a_field_out_of_range_is_refused(change: dict[str, object], text: str) -> None:
    with pytest.raises(RecordError, match=text):
        dataclasses.replace(PLAIN, **change)


def test_record_accepts_texts_of_exactly_63_bytes() -> None:
    entry = dataclasses.replace(PLAIN, version="v" * 63, product="ä" * 31 + "p")
    assert record.unpack(record.pack(entry)) == entry
