"""What a board keeps without power: flash and NVS, the operations that change them, and what a cut makes of those.

The flash is the simulator's own model (host_tools/simboard/chip), with two properties more: a sector whose erase
was cut may read as blank and still not hold what is programmed into it, and every change can be put on tape.
"""

import json
import os
import random

from chip import nor, otadata
from chip.nor import SECTOR_BYTES, Nor

OTADATA = 0xD000
ERASE, PROGRAM, NVS = "erase", "program", "nvs"
BEFORE, AFTER = "before", "after"
GARBAGE, BLANK = "garbage", "blank"  # torn erases
HALF, LAST = "half", "last"  # torn programs: half of the bytes, all but the last one
_JOURNAL = ("enos_ota", "journal")
_TORN = {ERASE: (GARBAGE, BLANK), PROGRAM: (HALF, LAST), NVS: ()}


def torn(op):
    """The ways in which a cut tears an operation; of an NVS write, IDF leaves the old value or the new one."""
    return _TORN[op[0]]


def scratch_file(size_bytes):
    """A file that nobody else sees, full of 0xFF."""
    path = "/tmp/enos-powercut-%08x%08x" % (random.getrandbits(32), random.getrandbits(32))
    file = open(path, "w+b")
    os.remove(path)
    for _ in range(size_bytes // SECTOR_BYTES):
        file.write(nor.BLANK_SECTOR)
    return file


class Flash(Nor):
    """`before(kind, address, length, data)` sees a change before it happens, `check()` each read; both may raise.

    weak: sectors that an erase left half done. fading: of them, (sector, offset in it) of bytes that were
    programmed, and will be other ones at the next power-up. strayed, news: sectors changed since the last `sync`
    with what this one follows, and of what follows this one.
    """

    def __init__(self, size_bytes) -> None:
        super().__init__(scratch_file(size_bytes), size_bytes)
        self.before = None
        self.check = None
        self.weak = set()
        self.fading = []
        self.strayed = set()
        self.news = set()

    def read(self, address, buffer) -> None:
        if self.check:
            self.check()
        self.file.seek(address)
        self.file.readinto(buffer)

    def put(self, address, data) -> None:
        """Past all rules of flash."""
        self.file.seek(address)
        self.file.write(data)
        self._note(address, len(data))

    def fade(self) -> None:
        """What a power-up does to bytes in weak sectors."""
        for sector, offset in self.fading:
            self._clear_bit(sector * SECTOR_BYTES + offset)
        del self.fading[:]

    def _operate(self, kind, address, length, data) -> None:
        if self.before:
            self.before(kind, address, length, data)
        self._note(address, length)
        super()._operate(kind, address, length, data)
        if self.weak:
            for sector in _sectors(address, length):
                if sector in self.weak:
                    self._suffer(kind, sector, address)

    def _suffer(self, kind, sector, address) -> None:
        if kind == ERASE:
            self.weak.remove(sector)
            self.fading[:] = [place for place in self.fading if place[0] != sector]
        elif sector & 1:
            self._clear_bit(address)
        else:  # reads back well, today
            self.fading.append((sector, address % SECTOR_BYTES))

    def _clear_bit(self, address) -> None:
        # The first bit that is set: data and CRCs are never all zero for long.
        byte = bytearray(1)
        while not byte[0]:
            self.file.seek(address)
            self.file.readinto(byte)
            address += 1
        self.put(address - 1, bytes((byte[0] & (byte[0] - 1),)))

    def _note(self, address, length) -> None:
        self.strayed.update(_sectors(address, length))
        self.news.update(_sectors(address, length))


def _sectors(address, length):
    return range(address // SECTOR_BYTES, (address + length - 1) // SECTOR_BYTES + 1)


class Tape:
    """Operations in the order in which they happened: ("erase", address, length, note), ("program", address,
    length, note, offset on tape) or ("nvs", (namespace, key), value or None, note)."""

    def __init__(self) -> None:
        self.ops = []
        self._file = scratch_file(0)
        self._end = 0

    def clear(self) -> None:
        self.ops = []
        self._end = 0

    def flash(self, kind, address, length, data, note) -> None:
        if kind == ERASE:
            self.ops.append((ERASE, address, length, note))
            return
        self.ops.append((PROGRAM, address, length, note, self._end))
        self._file.seek(self._end)
        self._file.write(data)
        self._end += length

    def nvs(self, place, value, note) -> None:
        self.ops.append((NVS, place, value, note))

    def data(self, op):
        """What was programmed."""
        data = bytearray(op[2])
        self._file.seek(op[4])
        self._file.readinto(data)
        return data


class State:
    """Flash and NVS at one moment; `nvs` maps (namespace, key) to values."""

    def __init__(self, size_bytes) -> None:
        self.flash = Flash(size_bytes)
        self.nvs = {}

    def journal(self):
        """The device's record of its upgrade."""
        return json.loads(self.nvs.get(_JOURNAL, b"{}"))

    def entries(self):
        """The bootloader's two entries."""
        check, self.flash.check = self.flash.check, None
        try:
            return otadata.read(self.flash, OTADATA)
        finally:
            self.flash.check = check

    def apply(self, op, tape) -> None:
        """Do what is on tape."""
        kind = op[0]
        if kind == NVS:
            self.nvs.pop(op[1], None)
            if op[2] is not None:
                self.nvs[op[1]] = op[2]
        elif kind == ERASE:
            self.flash.erase(op[1], op[2])
        else:
            self.flash.program(op[1], tape.data(op))

    def tear(self, op, how, tape) -> None:
        """Do it as far as a cut lets it happen."""
        if how == AFTER:
            self.apply(op, tape)
        elif how == BLANK:
            self.apply(op, tape)
            self.flash.weak.update(_sectors(op[1], op[2]))
        elif how == GARBAGE:
            noise = memoryview(_NOISE)
            for address in range(op[1], op[1] + op[2], SECTOR_BYTES):
                start = address // SECTOR_BYTES % 64 * 4
                self.flash.put(address, noise[start : start + SECTOR_BYTES])
        elif how in (HALF, LAST):
            data = memoryview(tape.data(op))
            self.flash.program(op[1], data[: len(data) // 2 if how == HALF else len(data) - 1])

    def sync(self, origin) -> None:
        """Follow `origin`: all that changed since the last time, in either of the two, is copied from there."""
        sectors = self.flash.strayed | origin.flash.news
        buffer = _BUFFER
        source, target = origin.flash.file, self.flash.file
        for sector in sectors:
            source.seek(sector * SECTOR_BYTES)
            source.readinto(buffer)
            target.seek(sector * SECTOR_BYTES)
            target.write(buffer)
        self.flash.strayed = set()
        self.flash.news |= sectors
        origin.flash.news = set()
        self.flash.weak = set(origin.flash.weak)
        self.flash.fading = list(origin.flash.fading)
        self.nvs.clear()
        self.nvs.update(origin.nvs)


_BUFFER = bytearray(SECTOR_BYTES)
_NOISE = bytes((i * i * 31 + i * 7 + (i >> 8)) & 0xFF for i in range(SECTOR_BYTES + 256))
