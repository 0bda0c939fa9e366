"""The partition table at 0x8000: IDF's binary format, both ways.

Rows of 32 bytes: magic AA 50, type, subtype, offset, size, label[16], flags; then a row with magic
EB EB that ends in the MD5 of the rows before it; 0xFF to the end of the sector.
"""

import hashlib
import struct

from .nor import Nor

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE_ADDRESS = 0x8000
TABLE_BYTES = 0xC00
ROW_FORMAT = "<2sBBII16sI"
ROW_MAGIC = b"\xaaP"
MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14

TYPE_APP = 0
TYPE_DATA = 1
SUBTYPE_ANY = 0xFF
FLAG_READ_ONLY = 2
SUBTYPE_FACTORY = 0
SUBTYPE_OTA_0 = 0x10
SUBTYPE_OTADATA = 0
SUBTYPE_NVS = 2
SUBTYPE_FAT = 0x81


class TableError(Exception):
    """The bytes are not a partition table; the text says why."""


class Entry:
    """One partition: `type`, `subtype`, `address`, `size` in bytes, `label`, `flags`."""

    def __init__(
        self, type: int, subtype: int, address: int, size: int, label: str, flags: int = 0
    ) -> None:
        self.type = type
        self.subtype = subtype
        self.address = address
        self.size = size
        self.label = label
        self.flags = flags

    @property
    def read_only(self) -> bool:
        """Whether IDF refuses to write it."""
        return bool(self.flags & FLAG_READ_ONLY)

    @property
    def end(self) -> int:
        """First address after the partition."""
        return self.address + self.size


def encode(entries: "Sequence[Entry]") -> bytes:
    """Bytes of the table, padded to `TABLE_BYTES`."""
    rows = b""
    for entry in entries:
        label = entry.label.encode()
        label += bytes(16 - len(label))
        rows += struct.pack(
            ROW_FORMAT,
            ROW_MAGIC,
            entry.type,
            entry.subtype,
            entry.address,
            entry.size,
            label,
            entry.flags,
        )
    rows += MD5_MAGIC + hashlib.md5(rows).digest()
    return rows + b"\xff" * (TABLE_BYTES - len(rows))


def decode(table: bytearray) -> list[Entry]:
    """Entries of a table in the order they stand in. Raises `TableError`."""
    entries: list[Entry] = []
    for offset in range(0, len(table) - 31, 32):
        row = bytes(table[offset : offset + 32])
        if row[:16] == MD5_MAGIC:
            if row[16:] != hashlib.md5(table[:offset]).digest():
                raise TableError("partition table MD5 mismatch")
            return entries
        if row[:2] != ROW_MAGIC:
            break
        _, kind, subtype, address, size, label, flags = struct.unpack(ROW_FORMAT, row)
        name = label.split(b"\0")[0].decode()
        entries.append(Entry(kind, subtype, address, size, name, flags))
    raise TableError("partition table has no MD5 row")


def load(nor: Nor) -> list[Entry]:
    """Entries of the table in a flash. Raises `TableError`."""
    table = bytearray(TABLE_BYTES)
    nor.read(TABLE_ADDRESS, table)
    return decode(table)


def find(
    entries: "Sequence[Entry]", type: int, subtype: int = SUBTYPE_ANY, label: "str | None" = None
) -> list[Entry]:
    """Entries that match, in table order; `SUBTYPE_ANY` and None match all."""
    return [
        entry
        for entry in entries
        if entry.type == type
        and subtype in (SUBTYPE_ANY, entry.subtype)
        and label in (None, entry.label)
    ]


def ota_slots(entries: "Sequence[Entry]") -> list[Entry]:
    """OTA app partitions ota_0, ota_1, … without a gap, as IDF counts them."""
    slots: list[Entry] = []
    while len(slots) < 16:
        found = find(entries, TYPE_APP, SUBTYPE_OTA_0 + len(slots))
        if not found:
            break
        slots.append(found[0])
    return slots


def first(entries: "Sequence[Entry]", type: int, subtype: int) -> "Entry | None":
    """First matching entry or None."""
    found = find(entries, type, subtype)
    return found[0] if found else None


def with_vfs(entries: list[Entry], flash_bytes: int) -> list[Entry]:
    """The table as MicroPython's port completes it at boot.

    A "vfs" data partition from the end of the last partition to the end of the flash, if the table
    has none (mpy:ports/esp32/main.c).
    """
    if any(find(entries, TYPE_DATA, SUBTYPE_ANY, label) for label in ("vfs", "ffat")):
        return entries
    start = max(entry.end for entry in entries)
    return entries + [Entry(TYPE_DATA, SUBTYPE_FAT, start, flash_bytes - start, "vfs")]
