"""Flash operations of the ROM loader, and the two kinds of download into the flash."""

from __future__ import annotations

import hashlib
import zlib
from functools import reduce
from operator import xor
from typing import Protocol

from host_tools.simboard.chip.nor import SECTOR_BYTES, Nor
from host_tools.simboard.rom.errors import DEFLATE, FAILED, INVALID, READ, WRITE, RomError

DEFAULT_CHIP_BYTES = 2 << 20
"""The size the ROM assumes until SPI_SET_PARAMS (a comment of esptool's `erase_region`)."""
CHECKSUM_SEED = 0xEF
MD5_PIECE_BYTES = 1 << 16


def checksum(data: bytes) -> int:
    """The 8-bit checksum of a data block (esptool serial protocol, "Checksum")."""
    return reduce(xor, data, CHECKSUM_SEED)


class RomFlash:
    """The flash as the ROM's SPI routines see it: nothing works before it is attached."""

    def __init__(self, nor: Nor) -> None:
        self._nor = nor
        self.attached = False
        self.chip_bytes = DEFAULT_CHIP_BYTES

    def _check(self, address: int, length: int, code: int) -> None:
        end = min(self.chip_bytes, self._nor.size_bytes)
        if not self.attached or address + length > end:
            raise RomError(code)

    def erase(self, address: int, length: int) -> None:
        """Erase from the start of a sector, `length` rounded up to whole ones.

        Raises: RomError when the start is inside a sector or the end beyond the chip (as
        `esp_rom_spiflash_erase_area`, ESP-IDF).
        """
        if not length:
            return
        if address % SECTOR_BYTES:
            raise RomError(FAILED)
        self._check(address, length, FAILED)
        self._nor.erase(address, -(-length // SECTOR_BYTES) * SECTOR_BYTES)

    def program(self, address: int, data: bytes) -> None:
        """Write, then compare the checksum of what is there now.

        Raises: RomError when the chip ends before, or it was not erased (esptool serial protocol,
        error 0x08).
        """
        self._check(address, len(data), FAILED)
        self._nor.program(address, data)
        if checksum(self.read(address, len(data))) != checksum(data):
            raise RomError(WRITE)

    def read(self, address: int, length: int) -> bytes:
        """Bytes of the flash. Raises: RomError when the chip ends before."""
        self._check(address, length, READ)
        buffer = bytearray(length)
        self._nor.read(address, buffer)
        return bytes(buffer)

    def md5(self, address: int, length: int) -> bytes:
        """MD5 in hexadecimal, the ROM's form. Raises: RomError when the chip ends before."""
        self._check(address, length, READ)
        digest = hashlib.md5(usedforsecurity=False)
        for done in range(0, length, MD5_PIECE_BYTES):
            digest.update(self.read(address + done, min(MD5_PIECE_BYTES, length - done)))
        return digest.hexdigest().encode()


class Download(Protocol):
    """A download that a BEGIN command has started."""

    def take(self, sequence: int, data: bytes) -> None:
        """Act on the data of one DATA command. Raises: RomError."""


class PlainDownload:
    """FLASH_BEGIN: erases at once; block number n goes n blocks behind the start."""

    def __init__(
        self, flash: RomFlash, erase_bytes: int, blocks: int, block_bytes: int, address: int
    ) -> None:
        self._flash = flash
        self._blocks, self._block_bytes = blocks, block_bytes
        self._address = address
        flash.erase(address, erase_bytes)

    def take(self, sequence: int, data: bytes) -> None:
        """Program one block. Raises: RomError."""
        if sequence >= self._blocks or len(data) > self._block_bytes:
            raise RomError(INVALID)
        self._flash.program(self._address + sequence * self._block_bytes, data)


class DeflatedDownload:
    """FLASH_DEFL_BEGIN: as the plain one, but the blocks make one zlib stream."""

    def __init__(
        self, flash: RomFlash, erase_bytes: int, blocks: int, block_bytes: int, address: int
    ) -> None:
        self._flash = flash
        self._blocks, self._block_bytes = blocks, block_bytes
        self._address = address
        self._left_bytes = erase_bytes
        self._sequence = 0
        self._stream = zlib.decompressobj()
        flash.erase(address, erase_bytes)

    def take(self, sequence: int, data: bytes) -> None:
        """Program what one block inflates to, never more than was erased. Raises: RomError."""
        if sequence >= self._blocks or len(data) > self._block_bytes:
            raise RomError(INVALID)
        if sequence != self._sequence:
            raise RomError(FAILED)
        try:
            plain = self._stream.decompress(data)
        except zlib.error as error:
            raise RomError(DEFLATE) from error
        if len(plain) > self._left_bytes:
            raise RomError(DEFLATE)
        self._flash.program(self._address, plain)
        self._sequence += 1
        self._address += len(plain)
        self._left_bytes -= len(plain)
