"""The ESP32 app image: our own parser.

Little-endian. Header of 24 bytes: 0 magic 0xE9, 1 segment count, 2 flash mode, 3 speed and size,
4 entry, 12 chip id, 15 and 17 lowest and highest chip revision, 23 "SHA-256 appended". Each
segment: load address, length, data. Zeros up to a multiple of 16 whose last byte is 0xEF XOR all
segment data. Then, if appended, the SHA-256 of all before.
(ESP-IDF, `esp_app_format.h` and `esp_image_format.c`.)
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from functools import reduce
from operator import xor

from host_tools.release.errors import ImageError
from host_tools.release.fullflash import is_full_flash

MAGIC = 0xE9
HEADER_BYTES = 24
SEGMENT_HEADER_BYTES = 8
MAX_SEGMENTS = 16
DESCRIPTOR_OFFSET = HEADER_BYTES + SEGMENT_HEADER_BYTES
DESCRIPTOR_MAGIC = 0xABCD5432
DESCRIPTOR_BYTES = 256
CHECKSUM_SEED = 0xEF
HASH_BYTES = 32

CHIPS = {
    0: "esp32",
    2: "esp32s2",
    5: "esp32c3",
    9: "esp32s3",
    12: "esp32c2",
    13: "esp32c6",
    16: "esp32h2",
    18: "esp32p4",
    20: "esp32c61",
    23: "esp32c5",
}
"""Chip id of the header -> name, as esptool spells it."""

_VERSION = re.compile(rb"MicroPython v(\d+\.\d+(?:\.\d+)?[\w.+-]{0,40}) on \d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Segment:
    """One segment: load address, offset of its data in the image, length."""

    address: int
    offset: int
    length: int


@dataclass(frozen=True)
class AppDescriptor:
    """The part of `esp_app_desc_t` that tells builds apart; MicroPython leaves the names empty."""

    version: str
    project: str
    time: str
    date: str
    idf_version: str
    elf_sha256: bytes


@dataclass(frozen=True)
class AppImage:
    """What an image says about itself; `length` includes checksum and SHA-256."""

    chip_id: int
    entry: int
    min_revision: int
    max_revision: int
    segments: tuple[Segment, ...]
    checksum: int
    sha256: bytes
    """The appended SHA-256, empty when there is none."""
    length: int
    descriptor: AppDescriptor | None

    @property
    def chip(self) -> str:
        """Name of the chip, as esptool spells it."""
        return CHIPS[self.chip_id]


def parse_image(data: bytes) -> AppImage:
    """Parse and check the app image at the start of `data`; what follows it is not looked at.

    Raises: `ImageError` when any byte of header, segments, padding, checksum or hash is wrong.
    """
    refuse_other_files(data)
    _magic, count, _mode, _flash, entry = struct.unpack_from("<4BI", data)
    chip_id, _legacy, min_revision, max_revision = struct.unpack_from("<HBHH", data, 12)
    appended = data[23]
    if not 1 <= count <= MAX_SEGMENTS:
        raise ImageError(f"not an app image: {count} segments (1..{MAX_SEGMENTS} are possible)")
    if chip_id not in CHIPS:
        raise ImageError(f"the image is for an unknown chip (id {chip_id})")
    if appended > 1:
        raise ImageError(f"damaged image: the 'hash appended' flag is {appended}, not 0 or 1")
    segments = _walk(data, count)
    checksum_at = _checksum_offset(data, segments)
    length = checksum_at + 1 + HASH_BYTES * appended
    _require(data, length, "the SHA-256")
    if appended and hashlib.sha256(data[: checksum_at + 1]).digest() != data[length - 32 : length]:
        raise ImageError("damaged image: the appended SHA-256 is wrong")
    return AppImage(
        chip_id=chip_id,
        entry=entry,
        min_revision=min_revision,
        max_revision=max_revision,
        segments=segments,
        checksum=data[checksum_at],
        sha256=data[checksum_at + 1 : length],
        length=length,
        descriptor=_descriptor(data, segments[0]),
    )


def refuse_other_files(data: bytes) -> None:
    """Recognise what is often taken for an app image. Raises: `ImageError` that says what it is."""
    if not data:
        raise ImageError("the file is empty")
    if is_full_flash(data):
        raise ImageError(
            "this is a full-flash image (bootloader, partition table, app): "
            "take the app alone, micropython.bin of a build (the app at 0x10000)"
        )
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise ImageError("this is a web page (HTML), not an app image: the download went wrong")
    if data[:4] == b"\x7fELF":
        raise ImageError("this is an ELF file: take the .bin of the same build")
    if data[0] != MAGIC:
        raise ImageError(f"not an app image: it begins with 0x{data[0]:02X} instead of 0xE9")
    _require(data, HEADER_BYTES, "the header")


def micropython_version(data: bytes) -> str:
    """MicroPython version named in the image ("1.26.1"), or an empty string."""
    found = _VERSION.search(data)
    return found.group(1).decode() if found else ""


def _walk(data: bytes, count: int) -> tuple[Segment, ...]:
    segments = []
    offset = HEADER_BYTES
    for index in range(count):
        _require(data, offset + SEGMENT_HEADER_BYTES, f"the header of segment {index}")
        address, length = struct.unpack_from("<II", data, offset)
        offset += SEGMENT_HEADER_BYTES
        if length % 4:
            raise ImageError(f"damaged image: segment {index} has {length} bytes, not whole words")
        _require(data, offset + length, f"segment {index}")
        segments.append(Segment(address, offset, length))
        offset += length
    return tuple(segments)


def _checksum_offset(data: bytes, segments: tuple[Segment, ...]) -> int:
    end = segments[-1].offset + segments[-1].length
    at = end | 15
    _require(data, at + 1, "the checksum")
    if data[end:at].strip(b"\0"):
        raise ImageError("damaged image: the padding before the checksum is not zero")
    found = reduce(xor, (xor_bytes(data[s.offset : s.offset + s.length]) for s in segments))
    if found ^ CHECKSUM_SEED != data[at]:
        raise ImageError(
            f"damaged image: the checksum is 0x{data[at]:02X}, "
            f"the segments give 0x{found ^ CHECKSUM_SEED:02X}"
        )
    return at


def xor_bytes(data: bytes) -> int:
    """XOR of all bytes, by halving: thousands of times faster than a loop."""
    size = len(data)
    value = int.from_bytes(data, "little")
    while size > 1:
        half = (size + 1) // 2
        value = (value >> (8 * half)) ^ (value & ((1 << (8 * half)) - 1))
        size = half
    return value


def _descriptor(data: bytes, first: Segment) -> AppDescriptor | None:
    if first.length < DESCRIPTOR_BYTES:
        return None
    raw = data[first.offset : first.offset + DESCRIPTOR_BYTES]
    if struct.unpack_from("<I", raw)[0] != DESCRIPTOR_MAGIC:
        return None
    version, project, time, date, idf_version = (
        field.split(b"\0", 1)[0].decode("utf-8", "replace")
        for field in struct.unpack_from("<32s32s16s16s32s", raw, 16)
    )
    return AppDescriptor(version, project, time, date, idf_version, elf_sha256=raw[144:176])


def _require(data: bytes, size: int, what: str) -> None:
    if len(data) < size:
        raise ImageError(
            f"truncated image: {what} ends at byte {size:,}, the file has {len(data):,}"
        )
