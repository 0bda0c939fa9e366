"""Boards in QEMU, and the commands of `enos-ota` run against their consoles."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from emulator_env import Setup
from littlefs import LittleFS, UserContext
from qemu import Qemu

from host_tools.board.doctor import files, flash, vm
from host_tools.board.doctor.examine import blockers, facts_of
from host_tools.board.port import attached
from host_tools.cli import main
from host_tools.cloud.client import AdminClient
from host_tools.factory.bootloader import OFFSETS, Stock, for_flash
from host_tools.factory.layout import MIB, Layout, layout
from host_tools.simboard.chip import partitions
from host_tools.simboard.chip.nor import SECTOR_BYTES

TAIL_LINES = 60
LONGEST_LINE = 200
POLL_S = 0.5


class Emulated:
    """A board: its power, its console, its flash. Commands raise AssertionError when they fail."""

    def __init__(self, name: str, bench: Bench, qemu: Qemu) -> None:
        self.name, self._bench, self._qemu = name, bench, qemu
        self._seen = 0
        """Characters of the console before what `wait_for` looks for."""
        self._told = 0

    @property
    def url(self) -> str:
        """What a command is given as PORT."""
        return self._qemu.url

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return self._qemu.is_on

    def power_on(self) -> None:
        """Give it power, to it alone: each emulated chip takes a core of this machine."""
        for other in self._bench.boards:
            if other is not self:
                other.power_off()
        self._qemu.power_on()

    def power_off(self) -> None:
        """Cut the power."""
        self._qemu.power_off()

    def run(self, command: str, *arguments: str) -> str:
        """`enos-ota COMMAND PORT …` in this process, on a board that is on; its output."""
        self.power_on()
        return enos_ota(command, self.url, *arguments)

    def json(self, command: str, *arguments: str) -> dict[str, Any]:
        """The same, and what it says with --json."""
        return dict(json.loads(self.run(command, *arguments, "--json")))

    def examine(self) -> dict[str, Any]:
        """`enos-ota doctor --json`; where no Wi-Fi is emulated, without what turns it on: that panics."""
        if self._bench.has_wifi:
            return self.json("doctor")
        self.power_on()
        with attached(self.url) as port:
            facts = facts_of(port, with_tls=False)
        findings = [*vm.firmware_checks(facts), *flash.checks(facts), *files.checks(facts)]
        return {
            "facts": facts,
            "blockers": len(blockers(findings)),
            "findings": [finding.as_json() for finding in findings],
        }

    def wait_for(self, text: str, timeout_s: float) -> None:
        """Wait until the console shows `text`, after what was waited for before."""
        found = -1

        def shows() -> bool:
            nonlocal found
            found = self._qemu.printed().find(text, self._seen)
            return found >= 0

        wait(shows, timeout_s, f"the console of {self.name} does not show {text!r}")
        self._seen = found + len(text)

    def skip_printed(self) -> None:
        """From now on `wait_for` looks at what is still to come."""
        self._seen = len(self._qemu.printed())

    def has_news(self) -> bool:
        """Whether anything was printed since the last `tail`."""
        return len(self._qemu.printed()) > self._told

    def tail(self) -> str:
        """The end of the console, for people."""
        self._told = len(self._qemu.printed())
        lines = self._qemu.printed().splitlines()[-TAIL_LINES:]
        return "\n".join(re.sub(r"[^ -~]", "", line)[:LONGEST_LINE] for line in lines)

    def files(self) -> dict[str, bytes]:
        """Path -> content of all files in its root file system; the board must be off."""
        entry = self._bench.layout.find("vfs")
        context = UserContext(
            buffer=bytearray(self._qemu.flash.read_bytes()[entry.address : entry.end])
        )
        blocks = entry.size // SECTOR_BYTES
        fs = LittleFS(context=context, block_size=SECTOR_BYTES, block_count=blocks)
        found = {}
        for folder, _, names in fs.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with fs.open(path, "rb") as file:
                    found[path] = file.read()
        return found


class Bench:
    """All boards of a run. `prefix`: words before QEMU's command line."""

    def __init__(self, setup: Setup, folder: Path, prefix: list[str]) -> None:
        self._setup, self._folder, self._prefix = setup, folder, prefix
        self.has_wifi = bool(setup.ssid)
        self.layout: Layout = layout(setup.flash_mb * MIB)
        self.boards: list[Emulated] = []

    def board(self, name: str, flash: bytes) -> Emulated:
        """A board that is off."""
        folder = self._folder / name
        folder.mkdir()
        (folder / "flash.bin").write_bytes(flash)
        board = Emulated(name, self, Qemu(folder, self._setup, self._prefix))
        self.boards.append(board)
        return board


def enos_ota(*arguments: str) -> str:
    """A command in this process; its standard output."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, f"enos-ota {' '.join(arguments)}:\n{result.output}"
    return result.stdout


def wait(is_true: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait until something is true."""
    end = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end, f"{what} within {timeout_s:.0f} s"
        time.sleep(POLL_S)


def drawer_flash(stock: Stock, table: Layout) -> bytes:
    """A board with our table, MicroPython in its first slot, and nothing else."""
    flash = bytearray(b"\xff" * table.flash_bytes)
    bootloader = for_flash(stock.bootloader, table.flash_bytes)
    contents = {
        OFFSETS[stock.chip]: bootloader,
        partitions.TABLE_ADDRESS: partitions.encode(table.entries),
        table.find("ota_0").address: stock.app,
    }
    for address, content in contents.items():
        flash[address : address + len(content)] = content
    return bytes(flash)


def finished_task(client: AdminClient, job_id: int, timeout_s: float) -> dict[str, Any]:
    """The only task of a job, once nothing will change in it."""
    wait(lambda: client.job(job_id)["final"], timeout_s, f"job {job_id} did not end")
    return dict(client.job(job_id)["tasks"][0])
