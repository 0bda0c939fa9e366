"""The collector's table of blocks, found in memory (py/gc.c, 64 bits)."""

import gc
import sys

import uctypes

BLOCK_BYTES = 32
PER_BYTE = 4  # blocks per byte of the table: 0 free, 1 head, 2 tail, 3 head marked in a collection
PER_WORD = 16
_GAP_BYTES = 1  # between the table and the finaliser bits
_PAGE_BYTES = 4096
_PROBE_BYTES = 8192
_PAGES = 400  # more than any heap of a board has
_FREE_BLOCKS = bytes(sum(byte >> shift & 3 == 0 for shift in (0, 2, 4, 6)) for byte in range(256))


class Table:
    """Where the collector's table and the blocks are."""

    def __init__(self, heap_bytes):
        if sys.maxsize < 1 << 40:
            raise RuntimeError("the simulated board needs a 64-bit MicroPython")
        pool_bytes = gc.mem_alloc() + gc.mem_free()
        self.blocks = pool_bytes // BLOCK_BYTES
        probe = bytearray(_PROBE_BYTES)
        wanted = uctypes.addressof(probe)
        page = wanted // _PAGE_BYTES * _PAGE_BYTES
        for _ in range(_PAGES):
            # malloc() of this size begins at a page, behind at most a few words of its own.
            for start in range(page, page + 80, 16):
                self.start = start
                self.pool = (start + heap_bytes) // BLOCK_BYTES * BLOCK_BYTES - pool_bytes
                if start < self.pool <= wanted and self._shows(wanted):
                    return
            page -= _PAGE_BYTES
        raise RuntimeError("the table of the collector is not where it is expected")

    def _shows(self, address):
        """Whether the table has one object of _PROBE_BYTES at `address`."""
        block = self.block(address)
        count = _PROBE_BYTES // BLOCK_BYTES
        if self.kind(block) != 1 or self.kind(block + count) == 2:
            return False
        return all(self.kind(tail) == 2 for tail in range(block + 1, block + count))

    def block(self, address):
        """Number of the block at an address."""
        return (address - self.pool) // BLOCK_BYTES

    def address(self, block):
        """Address of a block."""
        return self.pool + block * BLOCK_BYTES

    def kind(self, block):
        """What the table says of a block."""
        byte = uctypes.bytearray_at(self.start + block // PER_BYTE, 1)[0]
        return byte >> block % PER_BYTE * 2 & 3

    def objects(self):
        """(first block, number of blocks) of whatever lives."""
        head = None
        kinds = self.bytes(0, self.blocks)
        for block in range(self.blocks):
            kind = kinds[block >> 2] >> (block & 3) * 2 & 3
            if kind != 2 and head is not None:
                yield head, block - head
                head = None
            if kind == 1:
                head = block

    def bytes(self, block, blocks):
        """The table of some blocks, as bytes."""
        return uctypes.bytearray_at(self.start + block // PER_BYTE, blocks // PER_BYTE)

    def words(self, block, blocks):
        """The table of some blocks, as words: writing one allocates nothing."""
        count = blocks // PER_WORD
        address = self.start + block // PER_BYTE
        layout = {"words": (uctypes.ARRAY, uctypes.UINT32 | count)}
        return uctypes.struct(address, layout, uctypes.NATIVE).words

    def _finaliser(self, block):
        return self.start + self.blocks // PER_BYTE + _GAP_BYTES + block // 8

    def finaliser_words(self, block, blocks):
        """The finaliser bits of some blocks, one number for as many blocks as in `words`."""
        layout = {"bits": (uctypes.ARRAY, uctypes.UINT16 | blocks // PER_WORD)}
        return uctypes.struct(self._finaliser(block), layout, uctypes.NATIVE).bits


def free_bytes(kinds):
    """Free in a piece of the table."""
    blocks = 0
    for byte in kinds:
        blocks += _FREE_BLOCKS[byte]
    return blocks * BLOCK_BYTES


def longest(kinds, blocks, is_free):
    """Blocks of the longest hole, or of the longest object."""
    most = run = 0
    for block in range(blocks):
        kind = kinds[block >> 2] >> (block & 3) * 2 & 3
        if kind == (0 if is_free else 2):
            run += 1
        else:
            run = 0 if is_free else int(kind == 1)
        most = max(most, run)
    return most
