"""NOR flash in a file: erasing sets whole sectors, programming only clears bits."""

import _thread

from . import accel

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO

    Buffer = bytes | bytearray | memoryview
    Writable = bytearray | memoryview

SECTOR_BYTES = 4096
BLOCK_BYTES = 65536
BLANK_SECTOR = b"\xff" * SECTOR_BYTES
SECTOR_ERASE_US = 45_000
BLOCK_ERASE_US = 150_000
PAGE_BYTES = 256
PAGE_PROGRAM_US = 600
READ_BYTES_PER_10_US = 66


def duration_us(kind: str, address: int, length: int) -> int:
    """Typical time of one operation on the flash of a module (W25Q32: 45 ms, 150 ms, 0.6 ms; 6.6 MB/s)."""
    if kind == "erase":
        return BLOCK_ERASE_US if length == BLOCK_BYTES else SECTOR_ERASE_US
    if kind == "read":
        return length * 10 // READ_BYTES_PER_10_US
    pages = (address + length - 1) // PAGE_BYTES - address // PAGE_BYTES + 1
    return pages * PAGE_PROGRAM_US


class FlashHaltedError(Exception):
    """The chip is in reset: no flash operation can take place any more."""


class Nor:
    """One flash chip.

    `file` is an unbuffered binary file open for update. `on_abort(text)` is called, and must not
    return, when a protected range is about to change: the chip aborts there, it does not raise.
    """

    def __init__(
        self, file: "FileIO", size_bytes: int, on_abort: "Callable[[str], None]" = print
    ) -> None:
        self.file = file
        self.size_bytes = size_bytes
        self.operations = 0
        self.halted = False
        self.protected: list[tuple[int, int]] = []
        self._on_abort = on_abort
        self._lock = _thread.allocate_lock()
        self._old = bytearray(SECTOR_BYTES)
        self._view = memoryview(self._old)

    def halt(self) -> None:
        """Stop the flash for good, after the operation under way: what a reset does."""
        with self._lock:
            self.halted = True

    def read(self, address: int, buffer: "Writable") -> None:
        """Fill `buffer` from `address`; any length, any alignment."""
        with self._lock:
            self._check_halted()
            self._pause("read", address, len(buffer))
            self.file.seek(address)
            self.file.readinto(buffer)

    def _pause(self, kind: str, address: int, length: int) -> None:
        """What an operation takes of time: nothing here."""

    def _check_halted(self) -> None:
        if self.halted:
            raise FlashHaltedError

    def erase(self, address: int, length: int) -> None:
        """Set a range to 0xFF; both arguments are multiples of 4096.

        As `esp_flash_erase_region`: one operation per aligned 64 KiB block, else one per sector.
        """
        end = address + length
        while address < end:
            whole = address % BLOCK_BYTES == 0 and end - address >= BLOCK_BYTES
            size = BLOCK_BYTES if whole else SECTOR_BYTES
            self._operate("erase", address, size, None)
            address += size

    def program(self, address: int, data: "Buffer") -> None:
        """Clear bits: what is there ANDed with `data`, in pieces that stay within one sector."""
        view = memoryview(data)
        done = 0
        while done < len(view):
            size = min(len(view) - done, SECTOR_BYTES - (address + done) % SECTOR_BYTES)
            self._operate("program", address + done, size, view[done : done + size])
            done += size

    def _operate(self, kind: str, address: int, length: int, data: "memoryview | None") -> None:
        """Every change of the flash passes here, one erase or program command at a time."""
        for start, end in self.protected:
            if address < end and address + length > start:
                self._on_abort("%s of protected flash at 0x%x" % (kind, address))
        with self._lock:
            self._check_halted()
            self.operations += 1
            self._pause(kind, address, length)
            if kind == "erase":
                self.file.seek(address)
                for _ in range(length // SECTOR_BYTES):
                    self.file.write(BLANK_SECTOR)
                return
            old = self._view[:length]
            self.file.seek(address)
            self.file.readinto(old)
            accel.and_into(old, data, length)
            self.file.seek(address)
            self.file.write(old)
