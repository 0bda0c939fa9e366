"""The chip's Python heap in the unix port's: a first half, and a second one that appears when needed.

The chip adds memory only when an allocation does not fit even after a collection. The unix port asks
nobody then, but it calls finalisers in every collection. So the second half stays taken, by writing the
collector's own table (py/gc.c); objects nobody refers to have a finaliser that sets it free in the middle
of the collection. What does not fit into the first half now lands in the second: the heap has grown.
`look` finds that out soon after, and takes the second half again if nothing landed there.
"""

import _thread
import gc

import uctypes
from vm_gc_table import BLOCK_BYTES, PER_BYTE, PER_WORD
from vm_interrupt import whole

_WORD_BYTES = PER_WORD * BLOCK_BYTES
_CHAIN = 0xAAAAAAA9  # a head and tails
_KEPT_CHAIN = 0xAAAAAAAB  # a marked head: the sweep under way keeps it
_TAILS = 0xAAAAAAAA
_FENCE_BLOCKS = 8  # between the halves: four objects, whose finaliser bits fill one byte
_POST_BLOCKS = 64  # at the end, at least
_FENCE = 0x99
_KEPT_FENCE = 0xBB
_FINALISERS = 0x55
_CHAIN_ROOT = 0
_FENCE_ROOTS = 4
_ROOTS = 8
_FREE_BLOCKS = bytes(sum(byte >> shift & 3 == 0 for shift in (0, 2, 4, 6)) for byte in range(256))
_MARKS = 0x55555555
_TRIES = 3
_ROOMY_WORDS = (
    33 * 1024 // _WORD_BYTES
)  # no block of more than this is ever asked for beside so much
_ROOM_BYTES = 4096  # a first half with more free than this was not just filled up by garbage


class _Fence:
    """What nobody refers to: its finaliser tells of a collection."""

    def __del__(self):
        with whole:
            heap.collected()


class PythonHeap:
    """Two halves of `half_bytes` at the end of the unix heap.

    Attributes: grown (something lives in the second half).
    """

    def __init__(self, table, half_bytes, idf, zero):
        self.grown = self._told = False
        self._idf = idf
        self._lock = _thread.allocate_lock()
        self._zero = zero
        blocks = half_bytes * 128 // 131 // BLOCK_BYTES  # the tables' share on the chip: 3 of 131
        blocks = blocks // PER_WORD * PER_WORD
        second = (table.blocks - _POST_BLOCKS - blocks) // PER_WORD * PER_WORD
        fence = second - _FENCE_BLOCKS
        self._first_bytes = table.bytes(fence - blocks, blocks)
        self._second_bytes = table.bytes(second, blocks)
        self._words = table.words(second, blocks)
        self._first = table.words(fence - blocks, blocks)
        self._count = blocks // PER_WORD
        self._fence = table.bytes(fence, _FENCE_BLOCKS)
        self._finalisers = table.finalisers(fence)
        self._finals = table.finaliser_words(second, blocks)
        self._second = table.address(second)
        # Addresses of blocks would keep what is there: this one is no block's.
        self._memory = uctypes.bytearray_at(self._second - 8, blocks * BLOCK_BYTES + 8)
        self._fence_addresses = [table.address(fence + 2 * i) for i in range(4)]
        self._kept = bytearray(8 * _ROOTS)
        layout = {"words": (uctypes.ARRAY, uctypes.UINT64 | _ROOTS)}
        self._roots = uctypes.struct(uctypes.addressof(self._kept), layout, uctypes.NATIVE).words
        self._closed = True
        self._asked = False
        self.limit(1 << 30)
        self._shape(table, fence, second, blocks)

    def _shape(self, table, fence, second, blocks):
        """Cut what is free behind the shims: a filler, the first half, the fence, the second half, a post.

        The post at the end keeps the collector from taking less than the whole for used.
        """
        post = table.bytes(second + blocks, table.blocks - second - blocks)
        chain = b"\xa9" + b"\xaa" * (len(post) - 1)
        blank = bytes(len(self._first_bytes))
        guards = bytes([_FENCE] * len(self._fence))
        model = _Fence()
        size = 2 * BLOCK_BYTES if table.kind(table.block(id(model)) + 1) == 2 else BLOCK_BYTES
        image = uctypes.bytes_at(id(model), size) + bytes(2 * BLOCK_BYTES - size)
        # One byte early, so as to be no reference to the first of them.
        fences = uctypes.bytearray_at(table.address(fence) - 1, 1 + 4 * len(image))
        images = b"\0" + image * 4
        self._roots[1] = table.address(second + blocks)
        probe = bytearray(1024)
        size = (
            table.address(table.blocks) - uctypes.addressof(probe) - _POST_BLOCKS // 2 * BLOCK_BYTES
        )
        del probe
        gc.collect()
        self._filler = bytearray(size)  # its end becomes the rest; what is before stays taken
        first = table.address(fence - blocks)
        if not uctypes.addressof(self._filler) < first:
            raise RuntimeError("the heap of the simulated board has no room for two halves")
        post[:] = chain
        fences[:] = images
        self._fence[:] = guards
        self._first_bytes[:] = blank

    def begin(self):
        """Watch from now on."""
        self._take(_CHAIN)
        self._arm()
        gc.collect()
        if not self.opened:
            raise RuntimeError("the collector of this MicroPython runs no finaliser")
        self.look()

    def limit(self, largest_bytes):
        """Let a growth take no more than its share of the largest block of the IDF heap.

        May be called in a collection. While the second half is free, its end cannot be moved.
        """
        growth = self._idf.firmware.growth_bytes
        if self._closed:
            self._cut = min(self._count, self._count * largest_bytes // growth)
            self._rest = self._second + self._cut * _WORD_BYTES if self._cut < self._count else 0

    def collected(self):
        """In the middle of a collection: nothing may be allocated, here or in other threads."""
        self._fence[0] = self._fence[1] = _KEPT_FENCE
        if self._finalisers[0] & self._finalisers[0] - 1 == 0:
            # The last finaliser: who has none is kept by a reference until the next look.
            for i in range(4):
                self._roots[_FENCE_ROOTS + i] = self._fence_addresses[i]
        self.opened = True
        if self._asked:
            self._asked = False
            if not self._closed and not self._holds():
                self._take(_KEPT_CHAIN)
        elif self._closed and not self._roomy():
            self._closed = False
            i = 0
            while i < self._cut:
                self._words[i] = 0
                i += 1
            self._roots[_CHAIN_ROOT] = self._rest
            if self._rest:
                self._words[i] = _KEPT_CHAIN

    def _roomy(self):
        """Whether this collection frees so long a range in the first half that what is wanted fits."""
        i = run = keep = 0
        while i < self._count:
            word = self._first[i]
            if word & word >> 1 & _MARKS or (keep and word & 3 == 2):
                run = 0
                keep = word >> 31  # what ends the word goes on, perhaps
            else:
                keep = 0
                run += 1
                if run == _ROOMY_WORDS:
                    return True
            i += 1
        return False

    def _holds(self):
        """Whether the second half holds something marked, or garbage whose finaliser is still to run."""
        i = 0
        while i < self._cut:
            word = self._words[i]
            if word & word >> 1 & _MARKS or self._finals[i]:
                return True
            i += 1
        return False

    def _take(self, chain):
        self._roots[_CHAIN_ROOT] = self._second
        i = self._count - 1
        while i:
            self._words[i] = _TAILS
            i -= 1
        self._words[0] = chain
        self._closed = True
        self._zero.readinto(
            self._memory
        )  # the collector takes whatever stands there for references

    def _arm(self):
        self.opened = False
        self._finalisers[0] = _FINALISERS
        for i in range(4):
            self._roots[_FENCE_ROOTS + i] = 0

    def _blank(self):
        i = 0
        while i < self._cut:
            if self._words[i]:
                return False
            i += 1
        return True

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
        if self._closed:
            return
        if not self.grown and self._blank():
            self._take(_CHAIN)
            self.limit(self._idf.largest())
            return
        if self.grown:
            if self._idf.firmware.gives_back and self._blank() and self._close():
                self.grown = False
                self._idf.shrink()
        elif self._block_landed() or not self._close():
            self.grown = True
            self._idf.grow()

    def _block_landed(self):
        """Something did land there though there is room below: it was one block too large for it.

        What would fit below came after the collection, when the chip would have begun with another one; it
        is garbage, perhaps. So it may be with other threads.
        """
        if self._idf.threads:
            return False
        if _free_bytes(self._first_bytes) < _ROOM_BYTES:
            return False
        return _longest(self._second_bytes, self._cut * PER_WORD, False) > _longest(
            self._first_bytes, self._count * PER_WORD, True
        )

    def _close(self):
        """Take the second half again, in a collection; False if something lives there.

        More than once: other threads may have held something for a moment.
        """
        for _ in range(_TRIES):
            self._asked = True
            self._arm()
            gc.collect()
            self._asked = False
            if self._closed:
                self.limit(self._idf.largest())
                return True
        return False

    def _tell(self):
        if self._told != self.grown:
            try:
                self._idf.tell(self.grown)
                self._told = self.grown
            except MemoryError:
                pass  # again after the next collection

    def free_bytes(self):
        """Free in the heap that there is."""
        self.look()
        grown = _free_bytes(self._second_bytes) if self.grown else 0
        return _free_bytes(self._first_bytes) + grown

    def used_bytes(self):
        """Taken in the heap that there is, garbage included."""
        self.look()
        blocks = len(self._first_bytes) * PER_BYTE + (self._cut * PER_WORD if self.grown else 0)
        return blocks * BLOCK_BYTES - self.free_bytes()


def _free_bytes(kinds):
    blocks = 0
    for byte in kinds:
        blocks += _FREE_BLOCKS[byte]
    return blocks * BLOCK_BYTES


def _longest(kinds, blocks, is_free):
    """Blocks of the longest hole, or of the longest object."""
    longest = run = 0
    for block in range(blocks):
        kind = kinds[block >> 2] >> (block & 3) * 2 & 3
        if kind == (0 if is_free else 2):
            run += 1
        else:
            run = 0 if is_free else int(kind == 1)
        longest = max(longest, run)
    return longest


heap = None


def start(table, half_bytes, idf, zero):
    """Set up `heap`."""
    global heap
    heap = PythonHeap(table, half_bytes, idf, zero)
    heap.begin()
    return heap
