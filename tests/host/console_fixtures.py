"""Small boards with a console, and a client that types into it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import serial
from simboard_fixtures import SimulatedBoard

from host_tools.simboard.console import Console
from host_tools.simboard.supervisor import Board

PROMPT = b">>> "
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
END = b"\x04>"
WAIT_S = 20.0
CTRL_A, CTRL_B, CTRL_C, CTRL_D = b"\x01", b"\x02", b"\x03", b"\x04"


class ConsoleBoard(SimulatedBoard):
    """A board with a console at `path` from its making to `unplug`; power is switched with `with`."""

    def __init__(self, folder: Path, main: str = "", boot: str = "", **options: Any) -> None:
        super().__init__(folder, main, boot, **options)
        self.path = folder / "console"
        self._port = Console(self.path)
        self._is_plugged = True
        put = self._queue.put
        self.board = Board(folder, put, put, console=self._port)

    def wait_forgotten(self) -> None:
        """Wait until what the last client did not read is gone."""
        deadline = time.monotonic() + WAIT_S
        while self._port.unread:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def unplug(self) -> None:
        """Switch off for good; again is harmless."""
        self.board.power_off()
        if self._is_plugged:
            self._port.close()
        self._is_plugged = False


class Client:
    """A program that has the console open."""

    def __init__(self, path: Path) -> None:
        self.port = serial.Serial(str(path), timeout=0.01)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()

    def until(self, wanted: bytes) -> bytes:
        """What comes up to `wanted`, which may not be followed by anything yet."""
        got = b""
        deadline = time.monotonic() + WAIT_S
        while not got.endswith(wanted):
            assert time.monotonic() < deadline, (wanted, got)
            got += self.port.read(1)
        return got

    def ask(self, typed: bytes, wanted: bytes = PROMPT) -> bytes:
        """Type, and read up to `wanted`."""
        self.port.write(typed)
        return self.until(wanted)

    def raw(self) -> None:
        """From the friendly prompt to the raw one."""
        self.ask(CTRL_A, RAW_PROMPT)

    def run(self, program: str) -> tuple[str, str]:
        """(output, error) of a program in the raw REPL."""
        answer = self.ask(program.encode() + CTRL_D, END)
        assert answer.startswith(b"OK"), answer
        output, error = answer[2 : -len(END)].split(CTRL_D)
        return output.decode(), error.decode()
