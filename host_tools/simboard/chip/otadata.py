"""otadata: which slot boots, and whether it is trusted.

A partition of two sectors; each begins with a 32-byte entry: u32 sequence, label[20], u32 state,
u32 CRC-32 of the four sequence bytes. Rules of `esp_ota_ops.c` and `bootloader_common.c`
(IDF 5.5.2), the double `set_boot` trap of 5.3-5.5.5 included.
"""

import struct
from binascii import crc32

from .nor import SECTOR_BYTES

ENTRY_FORMAT = "<I20sII"
EMPTY = 0xFFFFFFFF
NEW = 0
PENDING_VERIFY = 1
VALID = 2
INVALID = 3
ABORTED = 4
UNDEFINED = 0xFFFFFFFF
NO_LABEL = b"\xff" * 20


def sequence_crc(sequence):  # type: ignore[no-untyped-def]
    """CRC of an entry: over the four bytes of its sequence only, started at 0xFFFFFFFF."""
    return crc32(struct.pack("<I", sequence), 0xFFFFFFFF)


class Entry:
    """One of the two entries, as it stands in flash."""

    def __init__(self, sequence=EMPTY, state=UNDEFINED, crc=EMPTY, label=NO_LABEL):  # type: ignore[no-untyped-def]
        self.sequence = sequence
        self.state = state
        self.crc = crc
        self.label = label

    @property
    def crc_right(self):  # type: ignore[no-untyped-def]
        """Whether the CRC belongs to the sequence."""
        return self.crc == sequence_crc(self.sequence)

    @property
    def invalid(self):  # type: ignore[no-untyped-def]
        """Empty, or marked INVALID or ABORTED; says nothing about the CRC."""
        return self.sequence == EMPTY or self.state in (INVALID, ABORTED)

    @property
    def valid(self):  # type: ignore[no-untyped-def]
        """Usable for a boot."""
        return not self.invalid and self.crc_right

    @property
    def initial(self):  # type: ignore[no-untyped-def]
        """Never written, or torn."""
        return self.sequence == EMPTY or not self.crc_right


def read(nor, address):  # type: ignore[no-untyped-def]
    """The two entries of the otadata partition at `address`."""
    entries = []  # type: ignore[var-annotated]
    raw = bytearray(32)
    for index in (0, 1):
        nor.read(address + index * SECTOR_BYTES, raw)
        sequence, label, state, crc = struct.unpack(ENTRY_FORMAT, raw)
        entries.append(Entry(sequence, state, crc, label))
    return entries


def write(nor, address, index, entry):  # type: ignore[no-untyped-def]
    """Rewrite one entry: an erase, then a program; a power cut between leaves it empty."""
    raw = struct.pack(ENTRY_FORMAT, entry.sequence, entry.label, entry.state, entry.crc)
    nor.erase(address + index * SECTOR_BYTES, SECTOR_BYTES)
    nor.program(address + index * SECTOR_BYTES, raw)


def active(entries):  # type: ignore[no-untyped-def]
    """Index of the entry that decides, or -1: the higher sequence, entry 0 if they are equal."""
    first, second = entries
    if first.valid and second.valid:
        return 0 if first.sequence >= second.sequence else 1
    if first.valid:
        return 0
    return 1 if second.valid else -1


def slot_of(entry, slot_count):  # type: ignore[no-untyped-def]
    """Number of the slot that an entry names."""
    return (entry.sequence - 1) % slot_count


def select(nor, address, slot, slot_count):  # type: ignore[no-untyped-def]
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


def mark_valid(nor, address):  # type: ignore[no-untyped-def]
    """Mark the active entry VALID, whatever slot runs; False if no entry is active."""
    entries = read(nor, address)
    index = active(entries)
    if index < 0:
        return False
    if entries[index].state != VALID:
        entries[index].state = VALID
        write(nor, address, index, entries[index])
    return True
