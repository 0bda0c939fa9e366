"""otadata: which slot boots, and whether it is trusted.

A partition of two sectors; each begins with a 32-byte entry: u32 sequence, label[20], u32 state,
u32 CRC-32 of the four sequence bytes. Rules of `esp_ota_ops.c` and `bootloader_common.c`
(IDF 5.5.2), the double `set_boot` trap of 5.3-5.5.5 included.
"""

import struct
from binascii import crc32

from .nor import SECTOR_BYTES, Nor

ENTRY_FORMAT = "<I20sII"
EMPTY = 0xFFFFFFFF
NEW = 0
PENDING_VERIFY = 1
VALID = 2
INVALID = 3
ABORTED = 4
UNDEFINED = 0xFFFFFFFF
NO_LABEL = b"\xff" * 20


def sequence_crc(sequence: int) -> int:
    """CRC of an entry: over the four bytes of its sequence only, started at 0xFFFFFFFF."""
    return crc32(struct.pack("<I", sequence), 0xFFFFFFFF)


class Entry:
    """One of the two entries, as it stands in flash."""

    def __init__(
        self,
        sequence: int = EMPTY,
        state: int = UNDEFINED,
        crc: int = EMPTY,
        label: bytes = NO_LABEL,
    ) -> None:
        self.sequence = sequence
        self.state = state
        self.crc = crc
        self.label = label

    @property
    def crc_right(self) -> bool:
        """Whether the CRC belongs to the sequence."""
        return self.crc == sequence_crc(self.sequence)

    @property
    def invalid(self) -> bool:
        """Empty, or marked INVALID or ABORTED; says nothing about the CRC."""
        return self.sequence == EMPTY or self.state in (INVALID, ABORTED)

    @property
    def valid(self) -> bool:
        """Usable for a boot."""
        return not self.invalid and self.crc_right

    @property
    def initial(self) -> bool:
        """Never written, or torn."""
        return self.sequence == EMPTY or not self.crc_right


def read(nor: Nor, address: int) -> list[Entry]:
    """The two entries of the otadata partition at `address`."""
    entries: list[Entry] = []
    raw = bytearray(32)
    for index in (0, 1):
        nor.read(address + index * SECTOR_BYTES, raw)
        sequence, label, state, crc = struct.unpack(ENTRY_FORMAT, raw)
        entries.append(Entry(sequence, state, crc, label))
    return entries


def write(nor: Nor, address: int, index: int, entry: Entry) -> None:
    """Rewrite one entry: an erase, then a program; a power cut between leaves it empty."""
    raw = struct.pack(ENTRY_FORMAT, entry.sequence, entry.label, entry.state, entry.crc)
    nor.erase(address + index * SECTOR_BYTES, SECTOR_BYTES)
    nor.program(address + index * SECTOR_BYTES, raw)


def active(entries: list[Entry]) -> int:
    """Index of the entry that decides, or -1: the higher sequence, entry 0 if they are equal."""
    first, second = entries
    if first.valid and second.valid:
        return 0 if first.sequence >= second.sequence else 1
    if first.valid:
        return 0
    return 1 if second.valid else -1


def slot_of(entry: Entry, slot_count: int) -> int:
    """Number of the slot that an entry names."""
    return (entry.sequence - 1) % slot_count


def select(nor: Nor, address: int, slot: int, slot_count: int) -> None:
    """What `set_boot` writes for ota_`slot`: state NEW into the entry that is not active.

    Selecting the slot that is already selected gives both entries the same sequence, and destroys
    the fallback: so it is in IDF 5.3-5.5.5.
    """
    entries = read(nor, address)
    current = active(entries)
    if current < 0:
        index, sequence = 0, slot + 1
    else:
        index, sequence = 1 - current, (slot + 1) % slot_count
        while entries[current].sequence > sequence:
            sequence += slot_count
    entry = entries[index]
    entry.sequence, entry.state, entry.crc = sequence, NEW, sequence_crc(sequence)
    write(nor, address, index, entry)


def mark_valid(nor: Nor, address: int) -> bool:
    """Mark the active entry VALID, whatever slot runs; False if no entry is active."""
    entries = read(nor, address)
    index = active(entries)
    if index < 0:
        return False
    if entries[index].state != VALID:
        entries[index].state = VALID
        write(nor, address, index, entries[index])
    return True
