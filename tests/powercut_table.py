"""The table of power cuts that `make check` prints: where each scenario was cut, and how the board ended."""

from __future__ import annotations

import json
from collections import Counter

from rich.console import Console
from rich.table import Table

from host_tools import paths

FOLDER = paths.BUILD / "powercut"
_TASKS = {"once": "cut once", "twice": "twice", "more": "more often"}
_ENDINGS = ("upgraded", "reported", "back", "safe")


def note(scenario: str, task: str, ops: int, cases: int, endings: dict[str, int]) -> None:
    """Keep what one sweep came to; `task` is a key of _TASKS."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    row = {"scenario": scenario, "task": task, "ops": ops, "cases": cases, "endings": endings}
    (FOLDER / f"{scenario}-{task}.json").write_text(json.dumps(row))


def show() -> None:
    """Print the table; nothing when no power was cut."""
    rows = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    if not rows:
        return
    table = Table(title="power cuts", box=None, pad_edge=False)
    for title in ("scenario", "operations", *_TASKS.values(), *_ENDINGS):
        table.add_column(title, justify="left" if title == "scenario" else "right")
    total: Counter[str] = Counter()
    for scenario in dict.fromkeys(row["scenario"] for row in rows):
        found: Counter[str] = Counter()
        operations = 0
        for row in rows:
            if row["scenario"] == scenario:
                operations = row["ops"]
                found[row["task"]] += row["cases"]
                found.update(row["endings"])
        total += found
        table.add_row(scenario, str(operations), *_cells(found))
    table.add_row("all", "", *_cells(total))
    Console(width=140).print(table)


def _cells(found: Counter[str]) -> list[str]:
    return [f"{found[name]:,}" for name in (*_TASKS, *_ENDINGS)]
