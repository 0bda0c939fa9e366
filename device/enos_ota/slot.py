"""The inactive slot: erased by 64 KiB, programmed by 4 KiB, and read back.

An image's first byte, 0xE9, stays 0xFF until all of it is proven: no bootloader takes what is there for an image,
even where it cannot start the other slot, nor does a way back lead there.
Nothing is allocated per sector: one 4 KiB buffer, and 256 bytes to compare with.
"""

import uctypes
from micropython import const

from . import board
from .errors import BurnError, UpgradeError
from .log import log

_SECTOR = const(4096)
_BLOCK = const(65_536)
_SECTORS = const(16)  # in a block
_PIECE = const(256)
_PIECES = const(16)  # in a sector
_ELF_DIGEST = const(176)  # in an image: the field at 144 of the app descriptor at 32
_ERASE = const(6)  # ioctl
_ATTEMPTS = const(3)  # at one sector
_REWRITTEN = const(16)  # further attempts in one upgrade: flash that needs more is worn

# Whether the fast erase works on this VM, in NVS behind the VM's ELF digest: b"?" while it is tried for the
# first time (found after a reset: it was the fast erase that reset the chip), then b"+" or b"-".
_KEY = "erase"


class SlotWriter:
    """Takes a file in order and puts it into `slot` through `buf`, one sector of 4 KiB.

    Attributes: position, the number of bytes taken; erased, the offset up to which the slot is blank behind
    them; rewritten, how often a sector had to be erased and programmed again. Given these and the same `buf`,
    another writer goes on.

    Raises: BurnError (step -4) when the flash does not hold what was written.
    """

    def __init__(
        self, slot, buf: bytearray, position: int = 0, erased: int = 0, rewritten: int = 0
    ) -> None:
        if slot.info()[5]:
            raise UpgradeError("the slot is encrypted")
        self.slot = slot
        self.position = position
        self._start = slot.info()[2]
        self._limit = slot.info()[3]
        self.erased = erased
        self.rewritten = rewritten
        self._buf = buf
        self._view = memoryview(self._buf)
        self._pieces = [self._view[i : i + _PIECE] for i in range(0, _SECTOR, _PIECE)]
        self._scratch = bytearray(_PIECE)
        running = bytearray(32)
        board.running().readblocks(0, running, _ELF_DIGEST)
        self._vm = bytes(running)
        known = board.load_blob(_KEY, size_bytes=64)
        self._fast = known[32:] == b"+" if known[:32] == self._vm else None

    def space(self):
        """The part of the buffer that the next bytes belong into."""
        filled = self.position % _SECTOR
        return self._view[filled:] if filled else self._view

    def taken(self, count: int) -> None:
        """`count` bytes were put into `space()`: program the sector when it is full.

        Blocks for one erase of 64 KiB (150 ms) at most. Power cut: sectors before `position` hold the
        file, the one at work may be torn.
        """
        self.position += count
        if count and self.position % _SECTOR == 0:
            self._program(self.position - _SECTOR)

    def finish(self) -> None:
        """Program the last, partly filled sector; the rest of it stays 0xFF."""
        filled = self.position % _SECTOR
        if filled:
            for i in range(filled, _SECTOR):
                self._buf[i] = 0xFF
            self._program(self.position - filled)

    def _program(self, offset: int) -> None:
        sector = offset // _SECTOR
        if not offset:
            self._buf[0] = 0xFF
        try:
            if offset >= self.erased:
                self._erase(sector)
            for _ in range(_ATTEMPTS):
                self.slot.writeblocks(sector, self._buf, 0)
                if self._holds(sector, self._pieces):
                    return
                self.rewritten += 1
                if self.rewritten > _REWRITTEN:
                    break
                self._erase_sector(sector)
            raise BurnError("sector %d does not read back" % sector)
        except OSError as error:
            raise BurnError("sector %d: %s" % (sector, error)) from None

    def _erase(self, first: int) -> None:
        offset = first * _SECTOR
        whole = (self._start + offset) % _BLOCK == 0 and offset + _BLOCK <= self._limit
        if whole and self._fast is not False and self._erase_block(first):
            self.erased = offset + _BLOCK
            return
        self._erase_sector(first)
        self.erased = offset + _SECTOR

    def _erase_sector(self, sector: int) -> None:
        for _ in range(_ATTEMPTS):
            self.slot.ioctl(_ERASE, sector)
            if self._holds(sector, _BLANK):
                return
        raise BurnError("sector %d does not erase" % sector)

    def _erase_block(self, first: int) -> bool:
        # A write from a null source erases the whole range and only then fails: a 64 KiB erase with no
        # memory, five times as fast as its sectors. Seen on stock 1.23.0 and 1.26.1: OSError(-258).
        untried = self._fast is None
        if untried:
            board.save_blob(_KEY, self._vm + b"?")
            # In a slot that is blank already nothing could be told.
            self.slot.writeblocks(first, bytes(_PIECE), 0)
        try:
            self.slot.writeblocks(first, uctypes.bytearray_at(0, _BLOCK))
        except (OSError, ValueError):  # whatever a VM says of it: what the flash holds decides
            pass
        blank = True
        for sector in range(first, first + _SECTORS):
            blank = blank and self._holds(sector, _BLANK)
        if untried or not blank:
            self._fast = blank
            board.save_blob(_KEY, self._vm + (b"+" if blank else b"-"))
            log("I", "fast erase: %s" % blank)
        return blank

    def _holds(self, sector: int, pieces) -> bool:
        for i in range(_PIECES):
            self.slot.readblocks(sector, self._scratch, i * _PIECE)
            if self._scratch != pieces[i]:
                return False
        return True


_BLANK = (b"\xff" * _PIECE,) * _PIECES
