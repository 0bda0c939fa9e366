"""A simulated board on a desk: its PTY, and the commands of `enos-ota` run against it."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from littlefs import LittleFS, UserContext

from host_tools.board import stubs
from host_tools.cli import main
from host_tools.release.synth import STOCK_BYTES, synth_vm
from host_tools.simboard import make
from host_tools.simboard.board_files import BoardFiles
from host_tools.simboard.chip import partitions
from host_tools.simboard.chip.nor import SECTOR_BYTES
from host_tools.simboard.chip.partitions import Entry
from host_tools.simboard.console import Console
from host_tools.simboard.provision import WIFI
from host_tools.simboard.supervisor import Board

OTADATA = 0xD000
STOCK_BOOT = (
    b"# This file is executed on every boot (including wake-boot from deepsleep)\n#import esp\n"
)


@dataclass
class Desk:
    """A board that is on, and what it printed."""

    folder: Path
    board: Board
    console: Console
    table: tuple[Entry, ...]
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> str:
        """What a command is given."""
        return str(self.console.path)

    def run(self, command: str, *arguments: str, **options: Any) -> Result:
        """`enos-ota COMMAND PORT …` in this process."""
        options = {"catch_exceptions": False, **options}
        return CliRunner().invoke(main, [command, self.port, *arguments], **options)

    def cycle(self) -> None:
        """Cut the power and give it back."""
        self.board.power_off()
        self.board.power_on()

    def files(self) -> dict[str, bytes]:
        """Path -> content of the root file system; the board must be off."""
        entry = next(e for e in partitions.with_vfs(list(self.table), 4 << 20) if e.label == "vfs")
        content = BoardFiles(self.folder).flash.read_bytes()[entry.address : entry.end]
        context = UserContext(buffer=bytearray(content))
        blocks = entry.size // SECTOR_BYTES
        fs = LittleFS(context=context, block_size=SECTOR_BYTES, block_count=blocks)
        found = {}
        for folder, _, names in fs.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    found[path] = file.read()
        return found

    def otadata(self) -> bytes:
        """Both entries."""
        content = BoardFiles(self.folder).flash.read_bytes()[OTADATA : OTADATA + 0x2000]
        return content[:32] + content[0x1000:0x1020]


def entry(sequence: int, state: int) -> bytes:
    """An entry of otadata."""
    raw = struct.pack("<I20xI", sequence, state)
    crc = zlib.crc32(raw[:4], 0xFFFFFFFF)
    return raw[:4] + b"\xff" * 20 + struct.pack("<II", state, crc)


def edition(name: str) -> bytes:
    """Another edition of a stub of ours, which does the same."""
    first, _, rest = stubs.content(name).partition(b"\n")
    rest += b"# another edition\n"
    digest = hashlib.sha256(rest).hexdigest()[:8].encode()
    return re.sub(rb"\[\w+\]", b"[%s]" % digest, first) + b"\n" + rest


@contextmanager
def desk(
    folder: Path,
    files: dict[str, bytes] | None = None,
    *,
    table: tuple[Entry, ...] = make.TABLES["ours"],
    entries: tuple[bytes, ...] = (),
    release: bytes = b"",
    flash: bytes = b"",
    ports: dict[str, int] | None = None,
    **hardware: Any,
) -> Iterator[Desk]:
    """A board out of the drawer, on: `files` on it, `entries` in otadata, `release` in its first slot.

    Or all of it as in `flash`. `ports`: of the network; `hardware`: keys of board.json.
    """
    content = flash or blank(files, table, entries, release)
    network = {"hosts": {}, "ports": ports or {}, "wifi": WIFI}
    make.write_board(folder, content, network, **{"micropython": "1.26.1", **hardware})
    lines: list[str] = []
    with Console(folder / "console") as console:
        board = Board(folder, lines.append, console=console)
        board.power_on()
        try:
            yield Desk(folder, board, console, table, lines)
        finally:
            board.power_off()


def blank(
    files: dict[str, bytes] | None,
    table: tuple[Entry, ...],
    entries: tuple[bytes, ...],
    release: bytes,
) -> bytes:
    """A flash with MicroPython in it."""
    slot = partitions.find(table, partitions.TYPE_APP)[0]
    vm = release or synth_vm(min(STOCK_BYTES, slot.size), micropython="1.26.1")
    flash = bytearray(
        make.flash_image(vm, table, {"boot.py": STOCK_BOOT} if files is None else files)
    )
    for number, raw in enumerate(entries):
        at = OTADATA + number * 0x1000
        flash[at : at + 32] = raw
        other = partitions.ota_slots(table)[number]
        flash[other.address : other.address + len(vm)] = vm
    return bytes(flash)
