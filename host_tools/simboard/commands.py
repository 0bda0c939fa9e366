"""`enos-ota board`: a simulated board in the foreground."""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from host_tools import paths
from host_tools.cloud.client import DEFAULT_HOME, AdminError, CloudNotRunningError
from host_tools.release.errors import ReleaseError
from host_tools.simboard.board_files import BoardError, BoardFiles
from host_tools.simboard.console import Console
from host_tools.simboard.make import TABLES
from host_tools.simboard.provision import find_clock, make_blank, provision
from host_tools.simboard.supervisor import DEFAULT_VM_HEAP_BYTES, Board

FOLDER = click.Path(path_type=Path, file_okay=False)
SIGNAL_CHECK_S = 0.2
"""A signal may reach another thread: the main one, which handles it, has to wake up to see it."""


@click.command()
@click.option(
    "--dir",
    "boards",
    type=FOLDER,
    default=paths.BUILD / "boards",
    show_default="build/boards",
    help="Folder of all boards.",
)
@click.option("--name", default="board", show_default=True, help="Board, and its device key.")
@click.option(
    "--release",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What a new board runs; default: device/example as 1.0.0.",
)
@click.option(
    "--cloud",
    type=FOLDER,
    default=DEFAULT_HOME,
    show_default="build/cloud",
    help="State folder of the stand-in that gets a new board's device.",
)
@click.option(
    "--vm-heap",
    type=click.IntRange(32 * 1024, 8 << 20),
    default=DEFAULT_VM_HEAP_BYTES,
    show_default=True,
    help="Python heap of the board in bytes.",
)
@click.option(
    "--table",
    type=click.Choice(list(TABLES)),
    default="ours",
    show_default=True,
    help="Partition table of a new board.",
)
@click.option("--blank", is_flag=True, help="A new board has stock MicroPython, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
def board(
    *,
    boards: Path,
    name: str,
    release: Path | None,
    cloud: Path,
    vm_heap: int,
    table: str,
    blank: bool,
    as_json: bool,
) -> None:
    """Run a simulated ESP32 board.

    Made on first use as a new device of the running stand-in, or with --blank as a board out of the
    drawer; afterwards it goes on from its flash, as after a power cut. Its console is a serial port
    for mpremote and others. Ctrl-C switches it off.
    """
    folder = boards / name
    on_console, on_event = (_json_line, _json_event) if as_json else (click.echo, _show_event)
    try:
        if blank and release is not None:
            raise BoardError("a blank board runs stock MicroPython: leave out --blank or --release")
        made = _make(folder, name, release, cloud, table=table, blank=blank)
        if made and not as_json:
            _note(f"made: {folder}{made}")
        with _alone(folder), Console(folder / "console") as console:
            find_clock(BoardFiles(folder), cloud)
            on_event({"t": time.time(), "event": "pty", "path": str(console.path)})
            _run(Board(folder, on_console, on_event, vm_heap, console))
    except AdminError as error:
        raise click.ClickException(f"{error} ({error.code}): choose another --name") from None
    except (BoardError, CloudNotRunningError, ReleaseError, paths.ToolMissingError) as error:
        raise click.ClickException(str(error)) from None


def _make(
    folder: Path, name: str, release: Path | None, cloud: Path, *, table: str, blank: bool
) -> str | None:
    """Make the board if there is none; what is to be told of a new one."""
    if BoardFiles(folder).flash.exists():
        if blank or release is not None:
            left_out = "--blank" if blank else "--release"
            raise BoardError(
                f"{folder} is made already: choose another --name, or leave out {left_out}"
            )
        return None
    if blank:
        make_blank(folder, table)
        return ", blank"
    provision(folder, name, release, cloud, table)
    return f", device {name}"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the board's flash. Raises: BoardError while another terminal does."""
    with BoardFiles(folder).open_flash() as flash:
        try:
            fcntl.flock(flash, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BoardError(
                f"{folder} is on already: switch it off there, or choose another --name"
            ) from None
        yield


def _run(simulated: Board) -> None:
    """On until SIGINT or SIGTERM."""
    enough = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: enough.set())
    simulated.power_on()
    while not enough.wait(SIGNAL_CHECK_S):
        pass
    simulated.power_off()


def _show_event(event: dict[str, Any]) -> None:
    text = event_text(event)
    if text:
        _note(text)


def _json_event(event: dict[str, Any]) -> None:
    click.echo(json.dumps(event))
    sys.stdout.flush()


def _json_line(line: str) -> None:
    _json_event({"t": time.time(), "event": "console", "line": line})


def _note(text: str) -> None:
    click.echo(click.style(f"[board] {text}", dim=True))
    sys.stdout.flush()


def event_text(event: dict[str, Any]) -> str:
    """An event of `Board` in a few words."""
    text = ""
    match event["event"]:
        case "pty":
            path = event["path"]
            text = f"console: {path} (a PTY: mpremote connect {path})"
        case "power":
            text = "power " + ("on" if event["on"] else "off")
        case "boot":
            text = f"boot: {event['slot']} ({event['cause']})"
        case "reset":
            detail = f": {event['detail']}" if event["detail"] else ""
            text = f"reset: {event['cause']}, {event['slot']}{detail}"
        case "rollback":
            text = f"rollback: {event['slot']} was not marked valid"
        case "heap":
            what = "has grown" if event["grown"] else "is back to its first part"
            text = f"the Python heap {what}: {event['idf_free']} bytes of IDF heap are free"
        case "bootloader":
            text = f"bootloader: {event['text']}"
    return text
