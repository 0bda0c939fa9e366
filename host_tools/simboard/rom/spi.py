"""The flash chip behind the SPI peripheral: the commands sent through SPI1's user registers."""

from __future__ import annotations

MANUFACTURER, DEVICE = 0xEF, 0x40
"""First two bytes of the JEDEC id of a Winbond W25Q; the third is log2 of the size in bytes."""
READ_ID, READ_SFDP = 0x9F, 0x5A
READ_STATUS = (0x05, 0x35, 0x15)
SFDP = b"SFDP\x05\x01\x00\xff" + b"\x00\x05\x01\x10\x80\x00\x00\xff"
"""Head of the chip's parameter table (JESD216); the tables it points to are left out."""

_CMD, _ADDR, _USR2, _MISO_DLEN, _W0 = 0x00, 0x04, 0x24, 0x2C, 0x80
"""Offsets of SPI1's registers (ESP32 technical reference manual, SPI)."""
_CMD_USR = 1 << 18
_ANSWER_BITS = 32
"""Only the first of the 16 data words is filled: esptool asks for no more."""


class SpiPort:
    """Registers of SPI1; writing the USR bit of its command register runs one flash command."""

    def __init__(self, flash_bytes: int) -> None:
        self._id = bytes((MANUFACTURER, DEVICE, flash_bytes.bit_length() - 1))
        self._words: dict[int, int] = {}

    def read(self, offset: int) -> int:
        """One register."""
        return self._words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Set one register, or run the command that the others describe."""
        if offset != _CMD:
            self._words[offset] = value
        elif value & _CMD_USR:  # the bit reads as 0 again: the command is done
            self._run()

    def _run(self) -> None:
        command = self.read(_USR2) & 0xFF
        bits = min((self.read(_MISO_DLEN) & 0xFFFFFF) + 1, _ANSWER_BITS)
        answer = self._answer(command, self.read(_ADDR) >> 8)
        if answer is None:
            return
        value = int.from_bytes(answer[:4].ljust(4, b"\xff"), "little")
        self._words[_W0] = value & ((1 << bits) - 1)

    def _answer(self, command: int, address: int) -> bytes | None:
        """What the chip shifts out; None if it only listens."""
        if command == READ_ID:
            return self._id
        if command == READ_SFDP:
            return SFDP[address:]
        if command in READ_STATUS:
            return b"\x00"
        return None
