"""`enos-ota demo`: the loop on the screen, and `build/demo.json` for whoever wants to look closer."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from host_tools import paths
from host_tools.cloud.client import AdminError, CloudNotRunningError
from host_tools.demo.rig import Json, RigTimeoutError
from host_tools.demo.script import Act, Play, make_releases, play
from host_tools.paths import ToolMissingError
from host_tools.release.errors import ReleaseError
from host_tools.simboard.board_files import BoardError

RESULT = "demo.json"
EXPECTED = (
    AdminError,
    BoardError,
    CloudNotRunningError,
    ReleaseError,
    RigTimeoutError,
    ToolMissingError,
)


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=paths.BUILD,
    show_default="build",
    help="Folder for demo.json and the demo's files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print demo.json, nothing else.")
def demo(out: Path, as_json: bool) -> None:
    """A board upgraded over the air, a bad release rolled back: the whole loop in under a minute."""
    folder = out / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    screen = Screen(quiet=as_json)
    try:
        with screen:
            releases = make_releases(folder / "releases")
            size = releases["1.0.0"].stat().st_size
            screen.say(f"made {len(releases)} releases of {size / 1024:,.0f} KiB each")
            result = play(folder, releases, screen.say, screen.event, screen.task)
    except EXPECTED as error:
        raise click.ClickException(str(error)) from None
    text = json.dumps(record(result), indent=1)
    (out / RESULT).write_text(text + "\n")
    if as_json:
        click.echo(text)
    screen.summary(result, out / RESULT)
    if not result.good:
        raise SystemExit(1)


def record(result: Play) -> Json:
    """The demo as data: versions, results, checks, and every message and event with its time."""
    messages = [
        {
            "t": m["time"],
            "source": "cloud",
            "direction": m["direction"],
            "device": m["device"],
            "topic": m["topic"],
            "payload": m["payload"],
        }
        for m in result.messages
    ]
    return {
        "seconds": round(result.seconds, 1),
        "good": result.good,
        "versions": ["1.0.0", *(act.version for act in result.acts)],
        "results": [
            {
                "version": act.version,
                "what": act.title,
                "status": act.task["status"],
                "step": act.task["progress"],
                "meaning": act.task["meaning"],
                "desc": act.task["desc"],
                "seconds": round(act.seconds, 1),
                "runs": act.runs,
                "slot": act.slot,
            }
            for act in result.acts
        ],
        "checks": [{"what": what, "seen": seen} for what, seen in result.checks],
        "events": sorted([*messages, *result.events], key=lambda event: float(event["t"])),
    }


class Screen:
    """What a person sees: the board's own lines, a bar per upgrade, a table at the end."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(highlight=False, quiet=quiet)
        self._live = self._console.is_terminal and not quiet
        self._began = time.monotonic()
        self._bars: dict[str, TaskID] = {}
        self._said: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("        EnOS  {task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[said]}"),
            console=self._console,
        )

    def __enter__(self) -> None:
        if self._live:
            self._progress.start()

    def __exit__(self, *_: Any) -> None:
        if self._live:
            self._progress.stop()

    def _line(self, who: str, text: str, style: str = "") -> None:
        seconds = time.monotonic() - self._began
        self._console.print(
            f"{seconds:6.1f}  {who:<5} {text}", style=style, markup=False, soft_wrap=True
        )

    def say(self, text: str) -> None:
        """A remark of the demo itself."""
        self._line("demo", text, "bold")

    def event(self, event: Json) -> None:
        """Something the board did or printed; progress is shown by the bars instead."""
        if event["source"] == "console":
            if " %" not in event["line"]:
                self._line("board", event["line"])
        elif event["event"] in ("boot", "rollback"):
            self._line("chip", f"{event['event']}: {event['slot']}", "cyan")

    def task(self, act: Act, task: Json) -> None:
        """EnOS's view of an upgrade changed."""
        step = task["progress"]
        said = f"{step} %" if step >= 0 else f"{step} {task['meaning']}"
        if task["final"]:
            said = f"{task['status']}: {said}"
        if said == self._said.get(act.version):
            return
        self._said[act.version] = said
        if act.version not in self._bars:
            self._bars[act.version] = self._progress.add_task(act.version, total=100, said="")
        self._progress.update(self._bars[act.version], completed=max(step, 0), said=said)
        if task["final"] or not self._live:
            self._line("EnOS", f"{act.version}: {said}", style_of(task))

    def summary(self, result: Play, path: Path) -> None:
        """Table of the upgrades (80 columns suffice), the checks, and where the record lies."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("upgrade", "result", "step", "now runs", "seconds", ""):
            table.add_column(name, justify="right" if name in ("step", "seconds") else "left")
        for act in result.acts:
            task = act.task
            table.add_row(
                act.version,
                f"[{style_of(task)}]{task['status']}[/]",
                str(task["progress"]),
                f"{act.runs} ({act.slot})",
                f"{act.seconds:.1f}",
                act.title,
            )
        self._console.print()
        self._console.print(table)
        for act in result.acts:
            if act.task["status"] == "failed":
                self._console.print(
                    f"\nwhat EnOS shows as the reason of step {act.task['progress']}:"
                )
                self._console.print(
                    f"  {act.task['desc']}", style="red", markup=False, soft_wrap=True
                )
        self._console.print()
        for what, seen in result.checks:
            self._console.print("[green]ok[/]     " if seen else "[red]FAILED[/] ", what)
        self._console.print(f"\n{result.seconds:.0f} s; every message and event: {path}")


def style_of(task: Json) -> str:
    """Green for success, red for failure, plain while it goes on."""
    return {"succeeded": "green", "failed": "red"}.get(task["status"], "default")
