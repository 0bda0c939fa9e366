"""The ROM loader: a command packet in, its answers out (esptool serial protocol, Espressif docs)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.rom.errors import CHECKSUM, FAILED, INVALID, READ_LENGTH, RomError
from host_tools.simboard.rom.flashing import (
    DeflatedDownload,
    Download,
    PlainDownload,
    RomFlash,
    checksum,
)
from host_tools.simboard.rom.registers import Registers

_HEADER = struct.Struct("<BBHI")
_DATA_HEAD_BYTES = 16
MAX_BLOCK_BYTES = 0x4000
MAX_PACKET_BYTES = _HEADER.size + _DATA_HEAD_BYTES + MAX_BLOCK_BYTES
READ_BYTES = 64
"""READ_FLASH_SLOW answers with so many bytes, whatever it was asked for."""
SYNC_DATA = b"\x07\x07\x12\x20" + 32 * b"\x55"
SYNC_VALUE = 0x5520_1207
"""Value of the answers to SYNC; 0 would tell esptool that its stub is running."""
REPEATS = 8
"""SYNC is answered so often, and so is a command that the ROM does not know."""


def _words(data: bytes, count: int) -> tuple[int, ...]:
    """The parameters of a command. Raises: RomError unless there are `count` of them."""
    if len(data) != 4 * count:
        raise RomError(INVALID)
    return struct.unpack(f"<{count}I", data)


def _block(data: bytes, sent_checksum: int) -> tuple[int, bytes]:
    """Sequence number and data of a DATA command. Raises: RomError when the checksum differs."""
    length, sequence, _, _ = _words(data[:_DATA_HEAD_BYTES], 4)
    block = data[_DATA_HEAD_BYTES:]
    if length != len(block):
        raise RomError(INVALID)
    if sent_checksum != checksum(block):
        raise RomError(CHECKSUM)
    return sequence, block


class Loader:
    """One chip in download mode; `leaving` is set once the client has sent it to its application."""

    def __init__(self, nor: Nor, mac: bytes) -> None:
        self._flash = RomFlash(nor)
        self._registers = Registers(mac, nor.size_bytes)
        self._download: Download | None = None
        self._value = SYNC_VALUE
        self._last_op = 0
        self.leaving = False
        self._commands: dict[int, Callable[[bytes, int], bytes]] = {
            0x02: self._flash_begin,
            0x03: self._plain_data,
            0x04: self._end,
            0x05: self._refuse,
            0x06: self._refuse,
            0x07: self._refuse,
            0x08: self._sync,
            0x09: self._write_registers,
            0x0A: self._read_register,
            0x0B: self._set_parameters,
            0x0D: self._attach,
            0x0E: self._read_flash,
            0x0F: self._change_baud_rate,
            0x10: self._deflated_begin,
            0x11: self._deflated_data,
            0x12: self._end,
            0x13: self._md5,
        }

    def handle(self, packet: bytes, whole: bool = True) -> list[bytes]:
        """Do what a packet says and return the answers; what is no command packet gets none."""
        if len(packet) < _HEADER.size or packet[0] != 0:
            return []
        _, op, length, sent_checksum = _HEADER.unpack_from(packet)
        command = self._commands.get(op)
        if command is None:
            return [self._answer(self._last_op, b"", INVALID)] * REPEATS
        self._last_op = op
        data = packet[_HEADER.size :]
        try:
            if not whole or length != len(data):
                raise RomError(INVALID)
            answer = self._answer(op, command(data, sent_checksum), 0)
        except RomError as error:
            return [self._answer(op, b"", error.code)]
        return [answer] * (REPEATS if command == self._sync else 1)

    def _answer(self, op: int, body: bytes, error: int) -> bytes:
        """The value field keeps what was last read, in whatever answer (seen in traces of chips)."""
        status = bytes((1 if error else 0, error, 0, 0))
        return _HEADER.pack(1, op, len(body) + len(status), self._value) + body + status

    def _sync(self, data: bytes, _: int) -> bytes:
        if data != SYNC_DATA:
            raise RomError(INVALID)
        self._value = SYNC_VALUE
        return b""

    # ---- registers

    def _read_register(self, data: bytes, _: int) -> bytes:
        (address,) = _words(data, 1)
        self._value = self._registers.read(address)
        return b""

    def _write_registers(self, data: bytes, _: int) -> bytes:
        """One or more of: address, value, mask, delay in microseconds (there is nothing to wait for)."""
        if not data or len(data) % 16:
            raise RomError(INVALID)
        for address, value, mask, _delay_us in struct.iter_unpack("<4I", data):
            self._registers.write(address, value, mask)
        return b""

    def _change_baud_rate(self, data: bytes, _: int) -> bytes:
        _words(data, 2)
        return b""

    # ---- flash

    def _attach(self, data: bytes, _: int) -> bytes:
        _words(data, 2)
        self._flash.attached = True
        return b""

    def _set_parameters(self, data: bytes, _: int) -> bytes:
        self._flash.chip_bytes = _words(data, 6)[1]
        return b""

    def _read_flash(self, data: bytes, _: int) -> bytes:
        address, length = _words(data, 2)
        if length > READ_BYTES:
            raise RomError(READ_LENGTH)
        return self._flash.read(address, length).ljust(READ_BYTES, b"\x00")

    def _md5(self, data: bytes, _: int) -> bytes:
        address, length, _, _ = _words(data, 4)
        return self._flash.md5(address, length)

    def _flash_begin(self, data: bytes, _: int) -> bytes:
        self._download = None
        erase_bytes, blocks, block_bytes, address = _words(data, 4)
        self._download = PlainDownload(self._flash, erase_bytes, blocks, block_bytes, address)
        return b""

    def _deflated_begin(self, data: bytes, _: int) -> bytes:
        self._download = None
        erase_bytes, blocks, block_bytes, address = _words(data, 4)
        self._download = DeflatedDownload(self._flash, erase_bytes, blocks, block_bytes, address)
        return b""

    def _plain_data(self, data: bytes, sent_checksum: int) -> bytes:
        return self._take(PlainDownload, data, sent_checksum)

    def _deflated_data(self, data: bytes, sent_checksum: int) -> bytes:
        return self._take(DeflatedDownload, data, sent_checksum)

    def _take(self, kind: type[Download], data: bytes, sent_checksum: int) -> bytes:
        sequence, block = _block(data, sent_checksum)
        if self._download is None or type(self._download) is not kind:
            raise RomError(FAILED)
        self._download.take(sequence, block)
        return b""

    def _end(self, data: bytes, _: int) -> bytes:
        """Both values of the flag leave the loader: 0 reboots, 1 runs the application."""
        _words(data, 1)
        self.leaving = True
        return b""

    def _refuse(self, _data: bytes, _checksum: int) -> bytes:
        """Downloads into RAM: there is no Xtensa core that could run the code."""
        raise RomError(FAILED)
