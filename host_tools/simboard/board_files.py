"""The folder of a board: its flash, its configuration, and what its RTC keeps."""

from __future__ import annotations

import json
import re
import time
from io import FileIO
from pathlib import Path
from typing import Any

EPOCH_2000_S = 946_684_800
FLASH_BYTES = 4 << 20
CLOCK_BYTES = 32
RTC_MEMORY_BYTES = 2 + 2048
JOIN_MS = 100
"""Default time a simulated Wi-Fi takes to join; a real one takes about 1.1 s."""


HARDWARE = {"idf": ("1.26.1", "1.23.0"), "timing": ("none", "datasheet")}
"""Keys of `board.json` with their values, the default first: whose firmware's memory the board has,
and whether flash and TLS handshakes take the chip's time."""


class BoardError(Exception):
    """The board folder cannot be used; the text says what to do."""


class BoardFiles:
    """Paths and contents of one board folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flash = folder / "flash.bin"
        self.config_path = folder / "board.json"
        self.clock = folder / "rtc"
        self.rtc_memory = folder / "rtc_memory"
        self.air = folder / "air"

    def config(self) -> dict[str, Any]:
        """`board.json` with defaults filled in. Raises: BoardError."""
        if not self.flash.exists():
            raise BoardError(f"{self.folder} holds no board: make one with 'enos-ota board'")
        try:
            board = json.loads(self.config_path.read_text())
        except (OSError, ValueError) as error:
            raise BoardError(f"{self.config_path} cannot be read: {error}") from error
        network = board.setdefault("network", {})
        network["hosts"] = {"localhost": "127.0.0.1", **network.get("hosts", {})}
        network.setdefault("ports", {})
        network.setdefault("join_ms", JOIN_MS)
        board.setdefault("mac", "02:00:00:00:00:01")
        if not re.fullmatch(r"|1\.\d+\.\d+", board.setdefault("micropython", "")):
            raise BoardError(f"{self.config_path}: micropython must be a version such as 1.22.2")
        for key, known in HARDWARE.items():
            if board.setdefault(key, known[0]) not in known:
                raise BoardError(f"{self.config_path}: {key} must be one of {', '.join(known)}")
        return dict(board)

    def save_config(self, board: dict[str, Any]) -> None:
        """Write `board.json`."""
        self.config_path.write_text(json.dumps(board, indent=1) + "\n")

    def open_flash(self) -> FileIO:
        """The flash file, unbuffered, for reading and writing."""
        return self.flash.open("r+b", buffering=0)

    def lose_power(self) -> None:
        """What the RTC held is gone: the clock stands at 2000-01-01, its memory is empty."""
        offset_s = EPOCH_2000_S - time.time()
        self.clock.write_bytes(b"%-31s\n" % f"{offset_s:+.6f}".encode())
        self.rtc_memory.write_bytes(bytes(RTC_MEMORY_BYTES))

    def set_air(self, up: bool) -> None:
        """Let radio waves through, or not."""
        self.air.write_bytes(b"1" if up else b"0")

    def vm_config(
        self, board: dict[str, Any], slot: str, cause: int, volatile: dict[str, Any]
    ) -> dict[str, Any]:
        """What the VM is told at its start."""
        return {
            "board": board,
            "flash": str(self.flash.resolve()),
            "flash_bytes": FLASH_BYTES,
            "rtc_memory": str(self.rtc_memory.resolve()),
            "air": str(self.air.resolve()),
            "slot": slot,
            "cause": cause,
            "volatile": volatile,
            "measure": False,
            "heap_bytes": 0,
            "console": False,
            "raw": False,
        }
