"""What the Python heap may grow by, taken and set free in the collector's own table."""

import io

import uctypes
from vm_gc_table import BLOCK_BYTES, PER_WORD

WORD_BYTES = PER_WORD * BLOCK_BYTES
_TAILS = 0xAAAAAAAA
_KEPT_CHAIN = 0xAAAAAAAB  # a marked head: the sweep under way keeps it
_MARKS = 0x55555555


class Part:
    """What the heap may grow by. closed: all of it is taken. grown: something lives in it. count, cut: its words
    in the collector's table, and those of them that a growth may take.
    """

    def __init__(self, table, block, blocks, roots, root, zero):
        self.bytes = table.bytes(block, blocks)
        self.words = table.words(block, blocks)
        self.finals = table.finaliser_words(block, blocks)
        self.address = table.address(block)
        self.count = self.cut = blocks // PER_WORD
        self.closed = True
        self.grown = False
        self._blank = bytes(len(self.bytes))
        self._chain = io.BytesIO(b"\xa9" + b"\xaa" * (len(self.bytes) - 1))
        self._rest = 0
        self._zero = zero
        self._roots = roots
        self._root = self.number = root
        # Addresses of blocks would keep what is there: this one is no block's.
        self._memory = uctypes.bytearray_at(self.address - 8, blocks * BLOCK_BYTES + 8)

    def limit(self, words):
        """Let a growth take no more; while the part is open, its end cannot be moved."""
        if self.closed:
            self.cut = min(self.count, words)
            self._rest = self.address + self.cut * WORD_BYTES if self.cut < self.count else 0

    def open(self):
        """Set it free. In a collection: nothing may be allocated."""
        self.closed = False
        i = self.cut
        if i == self.count:
            self._zero.readinto(self.bytes)  # quicker than by words
        else:
            while i:
                i -= 1
                self.words[i] = 0
            i = self.cut
        self._roots[self._root] = self._rest
        if self._rest:
            self.words[i] = _KEPT_CHAIN

    def take(self):
        """Take all of it, between collections."""
        self._roots[self._root] = self.address
        self._chain.seek(0)
        self._chain.readinto(self.bytes)
        self.closed = True
        self._zero.readinto(
            self._memory
        )  # the collector takes whatever stands there for references

    def take_now(self):
        """Take all of it in a collection: nothing may be allocated."""
        self._roots[self._root] = self.address
        i = self.count - 1
        while i:
            self.words[i] = _TAILS
            i -= 1
        self.words[0] = _KEPT_CHAIN
        self.closed = True
        self._zero.readinto(self._memory)

    def holds(self):
        """Whether it holds something marked, or garbage whose finaliser is still to run."""
        i = 0
        while i < self.cut:
            word = self.words[i]
            if word & word >> 1 & _MARKS or self.finals[i]:
                return True
            i += 1
        return False

    def is_blank(self):
        """Whether nothing is in it, garbage included."""
        if self.cut == self.count:
            return self.bytes == self._blank
        i = 0
        while i < self.cut:
            if self.words[i]:
                return False
            i += 1
        return True

    def blocks(self):
        """Those that a growth has added."""
        return self.cut * PER_WORD if self.grown else 0
