"""Ctrl-C for a running VM: KeyboardInterrupt where the chip would raise it, and nowhere else."""

from __future__ import annotations

import enum
import os
import platform
import signal
import struct
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

_WAITS = {
    "x86_64": (7, 23, 35, 219, 230, 270, 271),
    "aarch64": (72, 73, 101, 115, 128),
}
"""Numbers of nanosleep, clock_nanosleep, poll, select and their relatives, by machine."""
_READ = {"x86_64": 0, "aarch64": 63}
_WANTED = 2
"""Offset from `held`: a Ctrl-C waits for its release (as all offsets here, in vm_interrupt)."""
_FLASH = 3
_FLASH_LOOKS = 200
"""No flash operation lasts for so many looks: it was ended by an exception that nobody foresaw."""
_TRACEBACK = 16
_PENDING = 0
"""The scheduler's state; idle is 1, locked negative."""


class Outcome(enum.Enum):
    """What became of a Ctrl-C: TAKEN; LATER (look again soon); UNWANTED (nothing runs that takes it)."""

    TAKEN = enum.auto()
    LATER = enum.auto()
    UNWANTED = enum.auto()


@dataclass(frozen=True)
class Places:
    """Addresses in the VM: what holds Ctrl-C back, and those of `vm_interrupt`, 0 if not known."""

    held: int
    pending: int
    exception: int
    state: int


class Interrupter:
    """Interrupts the VM with process id `pid`."""

    def __init__(self, pid: int, places: Places) -> None:
        self._pid = pid
        self._places = places
        self._sent = False
        self._flash_looks = 0

    def interrupt(self) -> Outcome:
        """Interrupt the program that runs."""
        self._sent = False
        self._flash_looks = 0
        return self.look_again()

    def look_again(self) -> Outcome:
        """After LATER, until it is another outcome: see to it that the program is interrupted."""
        # Stopped, it cannot change while we look.
        os.kill(self._pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        try:
            return self._stopped()
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def _stopped(self) -> Outcome:
        if not self._handles_signal():
            return Outcome.UNWANTED
        try:
            with Path(f"/proc/{self._pid}/mem").open("r+b", buffering=0) as memory:
                return self._set_off(memory)
        except OSError:  # this system does not let us
            return self._signal()

    def _set_off(self, memory: FileIO) -> Outcome:
        places = self._places
        if not places.pending:
            return self._signal()
        wanted = places.held + _WANTED
        if self._is_held(memory):
            if not self._sent:
                _write(memory, wanted, "B", 1)
                self._sent = True
            return Outcome.LATER
        if self._sent and not (_read(memory, places.pending, "Q") or _read(memory, wanted, "B")):
            return Outcome.TAKEN
        _write(memory, wanted, "B", 0)
        if self._waits():
            _write(memory, places.pending, "Q", 0)
            return self._signal()
        _write(memory, places.exception + _TRACEBACK, "Q", 0)
        _write(memory, places.pending, "Q", places.exception)
        _write(memory, places.state, "h", min(_read(memory, places.state, "h"), _PENDING))
        self._sent = True
        return Outcome.LATER  # it may be about to wait

    def _is_held(self, memory: FileIO) -> bool:
        if _read(memory, self._places.held, "B"):
            return True
        if not _read(memory, self._places.held + _FLASH, "B"):
            self._flash_looks = 0
            return False
        self._flash_looks += 1
        return self._flash_looks < _FLASH_LOOKS

    def _signal(self) -> Outcome:
        """The VM's handler jumps out of the C function that runs: a wait, or we know no better."""
        os.kill(self._pid, signal.SIGINT)
        return Outcome.TAKEN

    def _handles_signal(self) -> bool:
        """Whether the VM has set a handler: at a prompt the signal would end it."""
        try:
            status = Path(f"/proc/{self._pid}/status").read_text()
        except OSError:
            return False
        caught = status.partition("SigCgt:")[2].split()[:1]
        return bool(caught) and bool(int(caught[0], 16) >> signal.SIGINT - 1 & 1)

    def _waits(self) -> bool:
        """Whether it is in a system call that only waits, or reads what is typed."""
        call = Path(f"/proc/{self._pid}/syscall").read_text().split()
        machine = platform.machine()
        if not call[0].isdigit():
            return False
        number = int(call[0])
        return number in _WAITS.get(machine, ()) or (
            number == _READ.get(machine) and int(call[1], 16) == 0
        )


def _read(memory: FileIO, address: int, kind: str) -> int:
    memory.seek(address)
    (value,) = struct.unpack(kind, memory.read(struct.calcsize(kind)))
    return int(value)


def _write(memory: FileIO, address: int, kind: str, value: int) -> None:
    memory.seek(address)
    memory.write(struct.pack(kind, value))
