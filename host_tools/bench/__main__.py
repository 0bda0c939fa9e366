"""`make bench`: the tables on the screen, and in `build/bench.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from host_tools import paths
from host_tools.bench import stampede, verification
from host_tools.bench.stampede import END_S, Fleet, Row

RESULT = "bench.json"
SMALLER = 5
"""All tables but the first take a fleet and a broker so many times smaller: the ratios are the same."""

INTRODUCTION = """\
[bold]{boards:,} boards come back to a broker that accepts {capacity:,} connections a second[/]
Modelled time, counted from when the broker is there. The rate is an assumption:
the published default of a large IoT cloud; {ideal:,} s would be ideal. The worst
case: all sessions are lost in one instant, an attempt takes no time. "ours" is
the function that the boards run; the others wait 2 s, doubling to 128 s, of
which half is random or nothing. Mains failure: all boards boot within 30 s."""


@dataclass(frozen=True)
class Sheet:
    """A table and what fills it."""

    name: str
    title: str
    make: Callable[[Fleet], list[Row]]
    columns: dict[str, str]
    """Key in the rows -> heading."""
    group: str = ""
    """Key of what is said once, above the rows that share it."""


SHEETS = (
    Sheet(
        "scenarios",
        "Attempts at the broker, and seconds until 50, 99 and 100 % are online",
        stampede.scenarios,
        {
            "rule": "",
            "peak_per_s": "peak\nper s",
            "peak_x_capacity": "peak x\ncapacity",
            "attempts_mean": "attempts,\nmean",
            "attempts_max": "max",
            "online_50_s": "50 %",
            "online_99_s": "99 %",
            "online_100_s": "100 %",
            "x_ideal": "x ideal",
        },
        "scenario",
    ),
    Sheet(
        "refusals",
        f"Where refusing costs the broker half of what accepting costs, the first {END_S:,} s",
        stampede.refusals,
        {
            "rule": "",
            "attempts_mean": "attempts, mean",
            "online_99_s": "99 %",
            "online_100_s": "100 %",
            "x_ideal": "x ideal",
            "offline_percent": "still offline, %",
        },
        "scenario",
    ),
    Sheet(
        "constants",
        "Other bounds for our rule: what one board pays, and what the broker gets",
        stampede.constants,
        {
            "first_bound_s": "first\nbound\ns",
            "last_bound_s": "last\nbound\ns",
            "first_wait_s": "first\nwait\ns",
            "late_after_10_min_s": "late\nafter\n10 min\ns",
            "all_waiting_x_capacity": "all boards\nat the last\nbound\nx capacity",
            "restart_peak_x_capacity": "restart,\npeak x\ncapacity",
            "restart_x_ideal": "\nx ideal",
            "costly_x_ideal": "refusing\ncosts,\nx ideal",
            "outage_x_ideal": "10 min\nx ideal",
        },
    ),
    Sheet(
        "downloads",
        "A file server of the same rate restarts under downloads",
        stampede.downloads,
        {
            "share": "",
            "down_s": "down, s",
            "peak_x_capacity": "peak x capacity",
            "gave_up_percent": "gave up (step -2), %",
        },
    ),
)


def main(fleet: Fleet | None = None, folder: Path = paths.BUILD) -> None:
    """Simulate, print, and write `bench.json` into `folder`."""
    fleet = fleet or Fleet()
    small = replace(
        fleet, boards=fleet.boards // SMALLER, capacity_per_s=fleet.capacity_per_s // SMALLER
    )
    console = Console()
    boards, capacity = fleet.boards, fleet.capacity_per_s
    console.print(
        INTRODUCTION.format(boards=boards, capacity=capacity, ideal=boards // capacity),
        highlight=False,
    )
    record: dict[str, object] = {
        "boards": boards,
        "capacity_per_s": capacity,
        "seed": fleet.seed,
        "smaller": SMALLER,
    }
    for sheet in SHEETS:
        rows = record[sheet.name] = sheet.make(fleet if sheet is SHEETS[0] else small)
        console.print(f"\n[bold]{sheet.title}[/]", highlight=False)
        console.print(_table(sheet, rows))
    signature = verification.measure()
    console.print(
        "\n[bold]A signed release[/]\n" + verification.text_of(signature), highlight=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    found = {"stampede": record, "signature": signature.as_json()}
    (folder / RESULT).write_text(json.dumps(found, indent=1) + "\n")


def _table(sheet: Sheet, rows: list[Row]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for key, heading in sheet.columns.items():
        justify: Literal["left", "right"] = "left" if isinstance(rows[0][key], str) else "right"
        table.add_column(heading, justify=justify, vertical="bottom", no_wrap=True)
    former = None
    for row in rows:
        group = row.get(sheet.group)
        if group != former:
            table.add_row(f"[cyan]{group}[/]")
            former = group
        table.add_row(*(_text(row[key]) for key in sheet.columns))
    return table


def _text(value: str | int | float | None) -> str:
    if value is None:
        return "not yet"
    if isinstance(value, str):
        return f"  {value}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    main()
