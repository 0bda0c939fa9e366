"""The VM's table of names, which doubles when it is full.

The names of the shims have made it large: the next part would take 14 KB for a few names of device code.
The chip's own names are in its ROM, so its parts in RAM begin with 20 entries (py/qstr.c).
"""

import struct

import uctypes

_CHIP_ENTRIES = 10  # MICROPY_ALLOC_QSTR_ENTRIES_INIT: each part is twice the one before
_HEAD_BYTES = 48  # previous part, names before, entries, names, hashes, lengths
_LEAST_ENTRIES = 80


def shrink(table):
    """Let the parts to come begin as small as the chip's. Does nothing where the layout is another one."""
    newest = None
    for block, blocks in table.objects():
        if blocks * 32 < _HEAD_BYTES + 11 * _LEAST_ENTRIES:
            continue
        address = table.address(block)
        words = struct.unpack("<6Q", uctypes.bytes_at(address, _HEAD_BYTES))
        entries, names, hashes = words[2], words[3], words[4]
        is_part = names <= entries < 1 << 20 and hashes == address + _HEAD_BYTES + 8 * entries
        if is_part and (newest is None or words[1] > newest[1]):
            newest = address, words[1]
    if newest:
        uctypes.bytearray_at(newest[0] + 16, 8)[:] = struct.pack("<Q", _CHIP_ENTRIES)
