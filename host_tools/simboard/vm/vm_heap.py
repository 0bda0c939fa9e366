"""The chip's Python heap in the unix port's: a first part, and two that appear when they are needed.

The chip adds memory only when an allocation does not fit even after a collection. The unix port asks
nobody then, but it calls finalisers in every collection. So the other parts stay taken, by writing the
collector's own table (py/gc.c); objects nobody refers to have a finaliser that sets one free in the middle
of the collection. What does not fit into the first part now lands there: the heap has grown.
`look` finds that out soon after, and takes the part again if nothing landed there.

A growth takes as much as there is, at most the largest block of the IDF heap: `annex` is for one where that
is little, `half` for one that doubles the heap.
"""

import _thread
import gc

import uctypes
from vm_gc_table import BLOCK_BYTES, PER_BYTE, PER_WORD, free_bytes, longest
from vm_idf import LITTLE_BYTES
from vm_interrupt import whole
from vm_part import WORD_BYTES, Part
from vm_viper import has_run

_CHAIN = 0xAAAAAAA9  # a head and tails
_FENCES = 8  # objects of two blocks; a stack may still show some of them, one of each thread
_FENCE_BLOCKS = 2 * _FENCES  # one word of finaliser bits
_POST_BLOCKS = 64  # at the end, at least
_FENCE = 0x99
_KEPT_FENCE = 0xBB
_FINALISERS = 0x5555
_CHAIN_ROOTS = 0, 1  # of annex and half
_POST_ROOT = 2
_GAP_ROOT = 3
_FENCE_ROOTS = 4
_ROOTS = _FENCE_ROOTS + _FENCES
_TRIES = 3
_ROOMY_WORDS = (
    33 * 1024 // WORD_BYTES
)  # no block of more than this is ever asked for beside so much
_ROOM_BYTES = 4096  # a first half with more free than this was not just filled up by garbage


class _Fence:
    """What nobody refers to: its finaliser tells of a collection."""

    def __del__(self):
        with whole:
            heap.collected(id(self))


class PythonHeap:
    """A first part of `first_bytes`, an annex and another half at the end of the unix heap."""

    def __init__(self, table, first_bytes, idf, zero):
        self._told = False
        self._filler = None  # set when there is no memory for one entry more
        self._idf = idf
        self._lock = _thread.allocate_lock()
        blocks = first_bytes * 128 // 131 // BLOCK_BYTES  # the tables' share on the chip: 3 of 131
        blocks = blocks // PER_WORD * PER_WORD
        annex_blocks = blocks * LITTLE_BYTES // idf.firmware.growth_bytes // PER_WORD * PER_WORD
        half = (table.blocks - _POST_BLOCKS - blocks) // PER_WORD * PER_WORD
        gap = half - PER_WORD
        annex = gap - annex_blocks
        fence = annex - _FENCE_BLOCKS
        self._first_bytes = table.bytes(fence - blocks, blocks)
        self._first_table = uctypes.addressof(self._first_bytes)
        self._count = blocks // PER_WORD
        self._fence = table.bytes(fence, _FENCE_BLOCKS)
        self._finalisers = table.finaliser_words(fence, _FENCE_BLOCKS)
        self._fence_addresses = [table.address(fence + 2 * i) for i in range(_FENCES)]
        self._kept = bytearray(8 * _ROOTS)
        layout = {"words": (uctypes.ARRAY, uctypes.UINT64 | _ROOTS)}
        self._roots = uctypes.struct(uctypes.addressof(self._kept), layout, uctypes.NATIVE).words
        self._annex = Part(table, annex, annex_blocks, self._roots, _CHAIN_ROOTS[0], zero)
        self._half = Part(table, half, blocks, self._roots, _CHAIN_ROOTS[1], zero)
        self._asked = None
        self.limit(1 << 30)
        self._shape(table, fence, gap, half + blocks)

    def _shape(self, table, fence, gap, end):
        """Cut what is free behind the shims: a filler, the first part, the fence, the others, a post.

        The post at the end keeps the collector from taking less than the whole for used.
        """
        post = table.bytes(end, table.blocks - end)
        chain = b"\xa9" + b"\xaa" * (len(post) - 1)
        blank = bytes(len(self._first_bytes))
        guards = bytes([_FENCE] * len(self._fence))
        model = _Fence()
        size = 2 * BLOCK_BYTES if table.kind(table.block(id(model)) + 1) == 2 else BLOCK_BYTES
        image = uctypes.bytes_at(id(model), size) + bytes(2 * BLOCK_BYTES - size)
        # One byte early, so as to be no reference to the first of them.
        fences = uctypes.bytearray_at(table.address(fence) - 1, 1 + _FENCES * len(image))
        images = b"\0" + image * _FENCES
        self._roots[_POST_ROOT] = table.address(end)
        self._roots[_GAP_ROOT] = table.address(gap)
        gap_words = table.words(gap, PER_WORD)
        probe = bytearray(1024)
        size = (
            table.address(table.blocks) - uctypes.addressof(probe) - _POST_BLOCKS // 2 * BLOCK_BYTES
        )
        del probe
        gc.collect()
        self._filler = bytearray(size)  # its end becomes the rest; what is before stays taken
        first = table.address(fence) - self._count * WORD_BYTES
        if not uctypes.addressof(self._filler) < first:
            raise RuntimeError("the heap of the simulated board has no room for its parts")
        post[:] = chain
        gap_words[0] = _CHAIN
        fences[:] = images
        self._fence[:] = guards
        self._first_bytes[:] = blank

    def begin(self):
        """Watch from now on."""
        for part in (self._annex, self._half):
            part.take()
        self._arm()
        gc.collect()
        if not self.opened:
            raise RuntimeError("the collector of this MicroPython runs no finaliser")
        self.look()

    def limit(self, largest_bytes):
        """Let a growth take no more than its share of the largest block of the IDF heap.

        May be called in a collection.
        """
        growth = self._idf.firmware.growth_bytes
        self._is_little = largest_bytes < LITTLE_BYTES
        words = self._count * largest_bytes // growth
        self._annex.limit(words)
        self._half.limit(words)

    def collected(self, address):
        """In the middle of a collection: nothing may be allocated, here or in other threads.

        address: of the fence whose finaliser this is. Those that have none any more are kept by a reference until
        the next look.
        """
        i = 0
        while i < _FENCE_BLOCKS // PER_BYTE:
            self._fence[i] = _KEPT_FENCE
            i += 1
        i = 0
        while i < _FENCES:
            if self._fence_addresses[i] == address or not self._finalisers[0] >> 2 * i & 1:
                self._roots[_FENCE_ROOTS + i] = self._fence_addresses[i]
            i += 1
        self.opened = True
        part = self._asked
        if part:
            self._asked = None
            if not part.closed and not part.holds():
                part.take_now()
        else:
            part = self._annex if self._is_little and not self._annex.grown else self._half
            if part.closed and not has_run(self._first_table, self._count, _ROOMY_WORDS):
                part.open()

    def _arm(self):
        self.opened = False
        self._finalisers[0] = _FINALISERS
        for i in range(_FENCES):
            self._roots[_FENCE_ROOTS + i] = 0

    def look(self):
        """If there was a collection since the last look: has the heap grown, is it back?

        Allocates next to nothing: there may be nothing left.
        """
        if self.opened:
            with whole:
                self._look()

    def _look(self):
        if self._lock.acquire(False):
            try:
                self._settle()
            finally:
                self._arm()
                self._lock.release()
            self._tell()

    def _settle(self):
        if not self._annex.closed:
            self._settle_part(self._annex)
        if not self._half.closed:
            self._settle_part(self._half)

    def _settle_part(self, part):
        if not part.grown and part.is_blank():
            part.take()
            self.limit(self._idf.room())
            return
        if part.grown:
            if self._idf.firmware.gives_back and part.is_blank() and self._close(part):
                part.grown = False
                self._idf.shrink(part.number)
        elif self._block_landed(part) or not self._close(part):
            part.grown = True
            self._idf.grow(part.number)

    def _block_landed(self, part):
        """Something did land there though there is room below: it was one block too large for it.

        What would fit below came after the collection, when the chip would have begun with another one; it
        is garbage, perhaps. So it may be with other threads.
        """
        if self._idf.threads:
            return False
        if free_bytes(self._first_bytes) < _ROOM_BYTES:
            return False
        return longest(part.bytes, part.cut * PER_WORD, False) > longest(
            self._first_bytes, self._count * PER_WORD, True
        )

    def _close(self, part):
        """Take a part again, in a collection; False if something lives there.

        More than once: other threads may have held something for a moment.
        """
        for _ in range(_TRIES):
            self._asked = part
            self._arm()
            gc.collect()
            self._asked = None
            if part.closed:
                self.limit(self._idf.room())
                return True
        return False

    def _tell(self):
        if self._told != self._half.grown:
            try:
                self._idf.tell(self._half.grown)
                self._told = self._half.grown
            except MemoryError:
                pass  # again after the next collection

    def free_bytes(self):
        """Free in the heap that there is."""
        self.look()
        free = free_bytes(self._first_bytes)
        if self._annex.grown:
            free += free_bytes(self._annex.bytes)
        if self._half.grown:
            free += free_bytes(self._half.bytes)
        return free

    def used_bytes(self):
        """Taken in the heap that there is, garbage included."""
        self.look()
        blocks = self._count * PER_WORD + self._annex.blocks() + self._half.blocks()
        return blocks * BLOCK_BYTES - self.free_bytes()


heap = None


def start(table, first_bytes, idf, zero):
    """Set up `heap`."""
    global heap
    heap = PythonHeap(table, first_bytes, idf, zero)
    heap.begin()
    return heap
