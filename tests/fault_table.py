"""The table of faults that `make test` prints: what was done, what the operator saw, what it cost."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from host_tools import paths
from host_tools.demo.rig import Json, Rig

FOLDER = paths.BUILD / "faults"
TICKER = paths.BUILD / "ticker.json"
_SPAN = re.compile(r"fetched (\S+), bytes (\d+)-(\d+)")


@dataclass
class Row:
    """One fault: `twice_bytes` of the file went over the network more than once."""

    fault: str
    seen: str
    twice_bytes: int


PROOF = (0, 4096)
TAIL_BYTES = 8192


def downloads(rig: Rig, since: int = 0) -> list[tuple[int, int]]:
    """First byte and end of what each GET of firmware brought, by the stand-in's log, in the order of their ends.

    Not the last 8 KiB of a file, which a board judges before it downloads it: that is no byte of the download.
    since: how much of the log is not looked at.
    """
    tails = {one["version"]: one["size_bytes"] - TAIL_BYTES for one in rig.cloud.firmware()}
    spans = fetched(rig, since)
    return [(start, end) for version, start, end in spans if start != tails[version]]


def fetched(rig: Rig, since: int = 0) -> list[tuple[str, int, int]]:
    """Version, first byte and end of what each GET of firmware brought, tails too."""
    found = [_SPAN.search(what) for _, _, what in rig.cloud_events[since:]]
    return [(one[1], int(one[2]), int(one[3]) + 1) for one in found if one]


def fetched_twice(rig: Rig, since: int = 0) -> int:
    """Bytes of the firmware that the stand-in sent more than once.

    Not the first 4 KiB, with which an image on trial proves that it can download.
    """
    spans = [span for span in downloads(rig, since) if span != PROOF]
    sent = sum(end - start for start, end in spans)
    covered = last = 0
    for start, end in sorted(spans):
        covered += max(0, end - max(start, last))
        last = max(last, end)
    return sent - covered


def note(fault: str, task: Json, rig: Rig, since: int = 0) -> Row:
    """Keep a row for the table, and return it; `since`: how much of the stand-in's log was there before."""
    seen = f"{task['status']} {task['progress']}: {task['desc']}".rstrip(": ")
    row = Row(fault, seen, fetched_twice(rig, since))
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", fault)
    (FOLDER / f"{name}.json").write_text(json.dumps(asdict(row)))
    return row


def rows(folder: Path = FOLDER) -> list[Row]:
    """All rows kept, by name."""
    return [Row(**json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def show() -> None:
    """Print the table; nothing when no fault was played."""
    table = Table(title="faults", box=None, pad_edge=False)
    table.add_column("fault")
    table.add_column("what the operator sees")
    table.add_column("bytes fetched twice", justify="right")
    found = rows()
    for row in found:
        table.add_row(row.fault, row.seen, f"{row.twice_bytes:,}")
    if found:
        Console(width=140).print(table)
    if TICKER.exists():
        gaps = json.loads(TICKER.read_text())
        shown = ", ".join(f"{act} {gap} ms" for act, gap in gaps.items())
        Console(width=140).print(f"longest stall of a 10 ms ticker beside an upgrade: {shown}")
