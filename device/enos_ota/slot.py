"""The inactive slot: erased by 64 KiB, programmed by 4 KiB, and read back.

Nothing is allocated per sector: one 4 KiB buffer, and 512 bytes to compare with.
"""

import asyncio
import hashlib

import uctypes
from micropython import const

from . import board
from .errors import BurnError, UpgradeError
from .image import Image
from .log import log

_SECTOR = const(4096)
_BLOCK = const(65_536)
_SECTORS = const(16)  # in a block
_PIECE = const(512)
_PIECES = const(8)  # in a sector
_ERASE = const(6)  # ioctl
_YIELD_SECTORS = const(8)

# Whether the fast erase works on this VM, in NVS: its ELF digest and one of these.
_TRYING = b"?"  # found after a reset: it was the fast erase that reset the chip
_WORKS = b"+"
_USELESS = b"-"


class SlotWriter:
    """Takes a file in order and puts it into `slot`; `position` counts the bytes taken.

    Raises: BurnError (step -4) when the flash does not hold what was written.
    """

    def __init__(self, slot) -> None:
        if slot.info()[5]:
            raise UpgradeError("encrypted slots cannot be written by MicroPython")
        self.slot = slot
        self.position = 0
        self._start = slot.info()[2]
        self._limit = slot.info()[3]
        self._erased = 0  # offset up to which the slot is blank
        self._buf = bytearray(_SECTOR)
        self._view = memoryview(self._buf)
        self._pieces = [self._view[i : i + _PIECE] for i in range(0, _SECTOR, _PIECE)]
        self._scratch = bytearray(_PIECE)
        self._vm = Image(board.running()).elf_digest
        self._fast = self._may_erase_fast()

    def space(self):
        """The part of the buffer that the next bytes belong into."""
        filled = self.position % _SECTOR
        return self._view[filled:] if filled else self._view

    async def taken(self, count: int) -> None:
        """`count` bytes were put into `space()`: program the sector when it is full.

        Power cut: sectors before `position` hold the file, the one at work may be torn.
        """
        self.position += count
        if self.position % _SECTOR == 0:
            await self._program(self.position - _SECTOR)

    async def finish(self) -> None:
        """Program the last, partly filled sector; the rest of it stays 0xFF."""
        filled = self.position % _SECTOR
        if filled:
            for i in range(filled, _SECTOR):
                self._buf[i] = 0xFF
            await self._program(self.position - filled)

    async def digest(self, method: str) -> bytes:
        """Digest (`md5` or `sha256`) of the first `position` bytes as the flash gives them back."""
        state = hashlib.md5() if method == "md5" else hashlib.sha256()
        for sector in range(self.position // _SECTOR):
            self.slot.readblocks(sector, self._buf)
            state.update(self._buf)
            if sector % _YIELD_SECTORS == 0:
                await asyncio.sleep_ms(0)
        tail = self._view[: self.position % _SECTOR]
        if len(tail):
            self.slot.readblocks(self.position // _SECTOR, tail)
            state.update(tail)
        return state.digest()

    async def _program(self, offset: int) -> None:
        if offset >= self._erased:
            # The buffer is full: what it holds must survive the look at the blank block.
            await self._erase(offset)
        sector = offset // _SECTOR
        try:
            self.slot.writeblocks(sector, self._buf, 0)
            for i in range(_PIECES):
                self.slot.readblocks(sector, self._scratch, i * _PIECE)
                if self._scratch != self._pieces[i]:
                    raise BurnError("sector %d does not read back as written" % sector)
        except OSError as error:
            raise BurnError("program sector %d: %s" % (sector, error)) from None
        await asyncio.sleep_ms(0)

    async def _erase(self, offset: int) -> None:
        first = offset // _SECTOR
        whole = (self._start + offset) % _BLOCK == 0 and offset + _BLOCK <= self._limit
        if whole and self._fast and self._erase_block(first):
            self._erased = offset + _BLOCK
            return
        try:
            self.slot.ioctl(_ERASE, first)
        except OSError as error:
            raise BurnError("erase sector %d: %s" % (first, error)) from None
        if not self._is_blank(first, 1):
            raise BurnError("sector %d does not erase" % first)
        self._erased = offset + _SECTOR

    def _erase_block(self, first: int) -> bool:
        # A write from a null source erases the whole range and only then fails: a 64 KiB erase with no
        # memory, five times as fast as its sectors. Seen on stock 1.23.0 and 1.26.1: OSError(-258).
        try:
            self.slot.writeblocks(first, uctypes.bytearray_at(0, _BLOCK))
        except OSError:
            pass
        blank = self._is_blank(first, _SECTORS)
        if self._fast == _TRYING or not blank:
            self._fast = _WORKS if blank else b""
            board.save_blob("erase", self._vm + (self._fast or _USELESS))
            log("I", "fast erase %s on this firmware" % ("works" if blank else "does not work"))
        return blank

    def _may_erase_fast(self) -> bytes:
        known = board.load_blob("erase")
        if known[:32] != self._vm:
            board.save_blob("erase", self._vm + _TRYING)
            return _TRYING
        return _WORKS if known[32:] == _WORKS else b""

    def _is_blank(self, first: int, sectors: int) -> bool:
        for sector in range(first, first + sectors):
            for i in range(_PIECES):
                self.slot.readblocks(sector, self._scratch, i * _PIECE)
                if self._scratch != _BLANK:
                    return False
        return True


_BLANK = b"\xff" * _PIECE
