"""What the tests of a board's life share: kills at a known place of a download, and looks into its flash."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from littlefs import LittleFS, UserContext

from fault_table import FOLDER, Row, downloads, fetched
from host_tools.demo.rig import Json, Rig, RigTimeoutError
from host_tools.simboard.board_files import FLASH_BYTES, BoardFiles
from host_tools.simboard.chip import nvs
from host_tools.simboard.chip.nor import Nor

BLOCK_BYTES = 65_536
SECTOR_BYTES = 4096
NVS = (0x9000, 0x4000)  # address, size
PHY = 0xF000
"""A partition that nobody uses: what a test writes there tells an application what to do."""
SLOTS = {"ota_0": 0x10000, "ota_1": 0x1E0000}
SLOT_BYTES = 0x1D0000
UNPROVEN = b"\xff"
"""In place of an image's first byte until all of it is proven."""
VFS = (0x3B0000, 0x30000)
DATA = (0x3E0000, 0x20000)
RATE_BYTES_S = 700_000
"""Slow enough for a kill to strike where it is aimed at, also on a busy machine."""
AGAIN: Json = {"repush": "unfinished"}
"""EnOS pushes an upgrade again that it has not seen the end of."""
_SAID = re.compile(r"downloading, (\d+) %")

TAIL = """

def self_test():
    return True


def on_progress(step, desc):
    print("app: %s, %d %%" % (desc, step))
    steps.append(step)
"""


def app(body: str, head: str = "") -> str:
    """An app.py whose coroutine `run` has that body; `steps` are those reported so far."""
    lines = "\n".join("    " + line for line in body.splitlines())
    imports = "import asyncio\nimport time\n\nimport esp32\nimport machine\n\nsteps = []\n"
    return f'"""Made for a test."""\n\n{imports}{head}\n\nasync def run():\n{lines}\n{TAIL}'


def wait_at_once(rig: Rig, what: str, condition: Callable[[], Any], timeout_s: float = 60) -> None:
    """Like `Rig.wait`, within milliseconds."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= end:
            last = "\n".join(rig.console()[-15:])
            raise RigTimeoutError(f"{what} did not happen within {timeout_s:g} s:\n{last}")
        time.sleep(0.002)


# ---- the flash of a board that is off


def read_flash(rig: Rig, address: int, length: int) -> bytes:
    with BoardFiles(rig.folder / "board").open_flash() as flash:
        flash.seek(address)
        return bytes(flash.read(length))


def write_flash(rig: Rig, address: int, content: bytes) -> None:
    with BoardFiles(rig.folder / "board").open_flash() as flash:
        flash.seek(address)
        flash.write(content)


@contextmanager
def stored(rig: Rig) -> Iterator[nvs.Storage]:
    """NVS of the board."""
    with BoardFiles(rig.folder / "board").open_flash() as flash:
        yield nvs.mount(Nor(flash, FLASH_BYTES), *NVS)


def journal(rig: Rig) -> Json:
    """The record of the upgrade; a field that has its default is not in it."""
    with stored(rig) as storage:
        return dict(json.loads(storage.get_blob(storage.namespace("enos_ota"), "journal")))


def set_fails(rig: Rig, count: int) -> None:
    """How often in a row the application has failed so far: each failure takes a head start of 20 s."""
    with stored(rig) as storage:
        storage.set_i32(storage.namespace("enos_boot"), "fails", count)


def vfs_without(rig: Rig, *names: str) -> None:
    """Remove files from the root of the board's file system."""
    context = UserContext(buffer=bytearray(read_flash(rig, *VFS)))
    blocks = VFS[1] // SECTOR_BYTES
    files = LittleFS(context=context, block_size=SECTOR_BYTES, block_count=blocks)
    for name in names:
        files.remove(name)
    write_flash(rig, VFS[0], bytes(context.buffer))


def set_board(rig: Rig, **changes: Any) -> None:
    """Change keys of board.json."""
    path = BoardFiles(rig.folder / "board").config_path
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# ---- what a test does


def upgrade(rig: Rig, path: Path, version: str) -> None:
    task = rig.wait_task(rig.push(path, version))
    assert (task["status"], rig.version()) == ("succeeded", version), task


def restart(rig: Rig, mark: bytes = b"", fails: int | None = None) -> None:
    """Cycle the power; `mark` tells the application how to fail from now on."""
    rig.board.power_off()
    write_flash(rig, PHY, mark)
    if fails is not None:
        set_fails(rig, fails)
    rig.board.power_on()


def damage(rig: Rig, slot: str, offset: int, content: bytes) -> None:
    """Power off and change what a slot holds."""
    rig.board.power_off()
    write_flash(rig, SLOTS[slot] + offset, content)


# ---- what happened


def boots(rig: Rig) -> list[str]:
    """The slots that were started, a soft reset and a wake included."""
    return [event["slot"] for event in rig.events if event.get("event") == "boot"]


def starts(rig: Rig) -> list[int]:
    """The byte at which each download of firmware began, in the order in which they ended; not the tails."""
    return [start for start, _ in downloads(rig)]


def informed(rig: Rig) -> list[str]:
    """All versions informed, each once where it is repeated."""
    versions = [m["payload"]["params"]["version"] for m in rig.messages("inform")]
    return [v for i, v in enumerate(versions) if i == 0 or v != versions[i - 1]]


def keep_row(fault: str, task: Json, twice_bytes: int) -> None:
    """A row for the table that the run shows at its end."""
    seen = f"{task['status']} {task['progress']}: {task['desc']}".rstrip(": ")
    FOLDER.mkdir(parents=True, exist_ok=True)
    row = json.dumps(asdict(Row(fault, seen, twice_bytes)))
    (FOLDER / (re.sub(r"\W+", "-", fault) + ".json")).write_text(row)


@dataclass
class Upgrading:
    """A board in an upgrade through a slow network.

    `held_bytes`: what its slot held of the file at each kill, without what lay in the buffer of one sector;
    `gets`: how many downloads had begun; `others`: connections to the HTTP server before the upgrade.
    """

    rig: Rig
    new: Path
    job: int
    others: int
    held_bytes: list[int] = field(default_factory=list)
    gets: list[int] = field(default_factory=list)

    def percent(self) -> int:
        """How much of the file the present boot said it has, -1 before it says so."""
        for event in reversed(list(self.rig.events)):
            if event.get("event") == "boot":
                break
            said = _SAID.search(event.get("line", ""))
            if said:
                return int(said[1])
        return -1

    def kill_at(self, percent: int, later_s: float = 0) -> None:
        """Kill the process of the board when it says that it has so much of the file."""
        what = f"a download to {percent} %"
        wait_at_once(self.rig, what, lambda: self.percent() >= percent)
        time.sleep(later_s)
        self.rig.board.power_off()
        self.note()

    def note(self) -> None:
        """Count what the slot holds, in whole sectors."""
        # The stand-in tells of a GET when it ends, which the kill made it do: there is one per connection.
        count = len(self.rig.net.connections("http")) - self.others
        self.rig.wait("the end of the GET", lambda: len(fetched(self.rig)) == count)
        self.gets.append(len(starts(self.rig)))
        good = self.new.read_bytes()
        slot = "ota_0" if boots(self.rig)[-1] == "ota_1" else "ota_1"
        found = read_flash(self.rig, SLOTS[slot], SLOT_BYTES)
        if found[:1] == UNPROVEN:
            found = good[:1] + found[1:]
        held = 0
        while held < len(good) and found[held : held + 4096] == good[held : held + 4096]:
            held += SECTOR_BYTES
        self.held_bytes.append(min(held, len(good)))

    def end(self, timeout_s: float = 60) -> Json:
        """The task once it is final."""
        return self.rig.wait_task(self.job, timeout_s=timeout_s)

    def twice_bytes(self) -> list[int]:
        """What was fetched again after each kill: the slot held it, and the next GET asked for it."""
        asked = starts(self.rig)
        kills = zip(self.held_bytes, self.gets, strict=True)
        return [held - asked[gets] for held, gets in kills]


@contextmanager
def upgrading(
    folder: Path,
    old: Path,
    new: Path,
    switches: Json | None = None,
    hardware: Json | None = None,
    **settings: Any,
) -> Iterator[Upgrading]:
    """A board that runs `old` as 1.0.0 has just been pushed `new` as 1.1.0.

    `switches` of the stand-in, AGAIN if None; `hardware`: keys of board.json.
    """
    with Rig(folder, badnet=True, switches=AGAIN if switches is None else switches) as rig:
        rig.make_board(old, **{"trial_app_s": 0, **settings})
        set_board(rig, **(hardware or {}))
        rig.net.rate("http", RATE_BYTES_S)
        rig.board.power_on()
        rig.wait_version("1.0.0")
        others = len(rig.net.connections("http"))
        yield Upgrading(rig, new, rig.push(new, "1.1.0"), others)
