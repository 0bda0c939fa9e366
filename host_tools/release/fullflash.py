"""Full-flash images: what people download and mistake for an app image.

A partition table stands at 0x8000 of the flash; files start at flash offset 0, 0x1000 (ESP32, S2)
or 0x2000 (P4, C5), wherever that chip's bootloader does. Entry, 32 bytes: 0xAA 0x50, type, subtype,
offset, size, label of 16, flags. (ESP-IDF, `esp_flash_partitions.h`.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

TABLE_OFFSET = 0x8000
TABLE_BYTES = 0xC00
FILE_BASES = (0, 0x1000, 0x2000)
TYPE_APP = 0

_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"


@dataclass(frozen=True)
class Partition:
    """One entry; `offset` is that in the flash, the file's is `offset` minus the table's `base`."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int


@dataclass(frozen=True)
class FlashTable:
    """A partition table and the flash offset at which its file starts."""

    base: int
    partitions: tuple[Partition, ...]


def is_full_flash(data: bytes) -> bool:
    """Tell a full-flash image by its table, or by the bootloader of an ESP32 at 0x1000."""
    if find_table(data) is not None:
        return True
    return data[:0x1000] == b"\xff" * 0x1000 and data[0x1000:0x1001] == b"\xe9"


def find_table(data: bytes) -> FlashTable | None:
    """Find the partition table of a full-flash image; None when there is none."""
    for base in FILE_BASES:
        at = TABLE_OFFSET - base
        partitions = _read_table(data[at : at + TABLE_BYTES])
        if any(entry.type == TYPE_APP for entry in partitions):
            return FlashTable(base, partitions)
    return None


def first_app(data: bytes) -> bytes:
    """What stands in the first app partition of a full-flash image; any other data as it is."""
    table = find_table(data)
    if table is None:
        return data
    first = min(entry.offset for entry in table.partitions if entry.type == TYPE_APP)
    return data[first - table.base :]


def _read_table(raw: bytes) -> tuple[Partition, ...]:
    found = []
    for at in range(0, len(raw) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, subtype, offset, size, label, _flags = _ENTRY.unpack_from(raw, at)
        if magic != _ENTRY_MAGIC:
            break
        text = label.split(b"\0", 1)[0].decode("ascii", "replace")
        found.append(Partition(text, kind, subtype, offset, size))
    return tuple(found)
