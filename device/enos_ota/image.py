"""The image in a slot and the release record behind it.

Layout: ESP32 app image, padding to 4 KiB, record sector, app file system, the record again. The formats
are ESP-IDF's esp_app_format.h and the record table in the README.
"""

from micropython import const

from .errors import VerifyError
from .record import LEAST_BYTES, is_record, size_of, unpack
from .segment import TOO_LONG, next_segment

_SECTOR = const(4096)
_MAX_SEGMENTS = const(16)

MAGIC = const(0xE9)  # first byte of an image; 0xFF where it is not proven yet


class Image:
    """The app image at the start of a slot. armed: only one that the bootloader takes for an image.

    Attributes: length_bytes, behind (the offset of a record), digest (its appended SHA-256, or b""),
    elf_digest (of the app descriptor).
    Raises: VerifyError (step -3) when there is no app image or it does not fit the slot.
    """

    def __init__(self, slot, armed: bool = True) -> None:
        head = bytearray(24)
        slot.readblocks(0, head, 0)
        segments, hashed = head[1], head[23]
        if (head[0] != MAGIC and (armed or head[0] != 0xFF)) or not 0 < segments <= _MAX_SEGMENTS:
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
    return image.behind + _SECTOR <= slot.info()[3] and is_record(_read(slot, image.behind, 4))


def read_record(slot, image: Image):
    """The `record.Record` behind `image`; None where there is none, or none that belongs to this very image."""
    if not image.digest or not has_record(slot, image):
        return None
    fields = _read(slot, image.behind, LEAST_BYTES)
    size = size_of(fields)
    if size > LEAST_BYTES:
        fields = _read(slot, image.behind, size)
    record = unpack(fields)
    if record and (record.image_bytes != image.length_bytes or record.image_digest != image.digest):
        return None
    return record


def _read(slot, offset: int, size: int) -> bytes:
    buf = bytearray(size)
    slot.readblocks(0, buf, offset)
    return bytes(buf)
