"""The image in a slot and the release record behind it.

Layout: ESP32 app image, padding to 4 KiB, record sector, app file system, the record again. The formats
are ESP-IDF's esp_app_format.h and the record table in the README.
"""

import binascii
import struct

from micropython import const

from .errors import VerifyError
from .segment import TOO_LONG, next_segment

_SECTOR = const(4096)
_RECORD_BYTES = const(240)
_MAGIC = b"EnRR"
_MAX_SEGMENTS = const(16)


class Image:
    """The app image at the start of a slot.

    Attributes: length_bytes, behind (the offset of a record), digest (its appended SHA-256, or b""),
    elf_digest (of the app descriptor).
    Raises: VerifyError (step -3) when there is no app image or it does not fit the slot.
    """

    def __init__(self, slot) -> None:
        head = bytearray(24)
        slot.readblocks(0, head, 0)
        segments, hashed = head[1], head[23]
        if head[0] != 0xE9 or not 0 < segments <= _MAX_SEGMENTS:
            raise VerifyError("not an app image")
        end = 24
        limit = slot.info()[3]
        for _ in range(segments):
            end = next_segment(slot, end, limit)
        end = (end | 15) + 1  # zeros and the checksum fill a 16-byte line
        if hashed:
            end += 32
        if end > limit:
            raise VerifyError(TOO_LONG)
        self.length_bytes = end
        self.behind = (end + _SECTOR - 1) & -_SECTOR
        self.digest = _read(slot, end - 32, 32) if hashed else b""
        self.elf_digest = _read(slot, 176, 32)  # descriptor at 32, its field at 144


def has_record(slot, image: Image) -> bool:
    """Whether there is a record behind `image`, its own or another's."""
    return image.behind + _SECTOR <= slot.info()[3] and _read(slot, image.behind, 4) == _MAGIC


def read_record(slot, image: Image):
    """(version, build time in Unix seconds) of the record behind `image`.

    None where there is no record, or none that belongs to this very image.
    """
    if not image.digest or not has_record(slot, image):
        return None
    offset = image.behind
    fields = _read(slot, offset, _RECORD_BYTES)
    form, size, crc, image_bytes = struct.unpack_from("<4xHHII", fields)
    if form != 1 or not _RECORD_BYTES <= size <= _SECTOR:
        return None
    if size > _RECORD_BYTES:
        fields = _read(slot, offset, size)  # written by a newer tool: fields we do not know follow
    if binascii.crc32(memoryview(fields)[12:]) != crc:
        return None
    if image_bytes != image.length_bytes or fields[48:80] != image.digest:
        return None
    try:
        version = fields[112:176].rstrip(b"\x00").decode()
    except ValueError:
        return None
    return version, struct.unpack_from("<I", fields, 44)[0]


def _read(slot, offset: int, size: int) -> bytes:
    buf = bytearray(size)
    slot.readblocks(0, buf, offset)
    return bytes(buf)
