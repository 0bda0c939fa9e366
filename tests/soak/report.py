"""What is shown: a line per upgrade, the table of what was survived, and the verdicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from .judge import OPEN, OVERTAKEN, REPORTED, ROLLED_BACK, UPGRADED, VERDICTS
from .life import Result
from .releases import BAD, SOURS


@dataclass
class Row:
    """One kind of trouble: how often it struck, and how the upgrades that it struck ended."""

    struck: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    steps: Counter[int] = field(default_factory=Counter)


def line(result: Result) -> str:
    """One upgrade on one line."""
    seen = result.history
    if seen is None:
        return f"#{result.index:<4} the soak failed: {result.error.strip()}"
    end = seen.outcome()
    said = f"{end} {seen.step}" if end in (REPORTED, ROLLED_BACK) else end
    again = ", then upgraded" if seen.again == "succeeded" else ""
    troubles = ", ".join(seen.struck) or "no trouble"
    text = f"#{seen.index:<4} {seen.before:>5} to {seen.target:<10} {seen.seconds:5.1f} s  "
    text += f"{said}{again}  ({troubles})"
    for verdict, reason in result.verdicts.items():
        text += f"\n      {verdict.upper()}: {reason}"
    return text


def rows(results: list[Result]) -> dict[str, Row]:
    """The table by kind of trouble; a bad release is one, too."""
    table: dict[str, Row] = {}
    for result in results:
        seen = result.history
        if seen is None:
            continue
        names = Counter(seen.struck)
        if seen.target in (*BAD, SOURS):
            names[f"release {seen.target}"] += 1
        for name, count in (names or Counter({"no trouble": 1})).items():
            row = table.setdefault(name, Row())
            row.struck += count
            row.ended[seen.outcome()] += count
            if seen.outcome() == REPORTED:
                row.steps[seen.step] += count
    return table


def show(console: Console, results: list[Result]) -> None:
    """Print the table, the bytes fetched twice, and how often each verdict was given."""
    table = Table(title="what was survived", box=None, pad_edge=False)
    table.add_column("trouble")
    for name in ("struck", UPGRADED, ROLLED_BACK, REPORTED, OVERTAKEN):
        table.add_column(name, justify="right")
    table.add_column("steps reported")
    for name, row in sorted(rows(results).items()):
        counts = [str(row.ended[end] or "") for end in (UPGRADED, ROLLED_BACK, REPORTED, OVERTAKEN)]
        steps = ", ".join(f"{step} x{count}" for step, count in sorted(row.steps.items()))
        table.add_row(name, str(row.struck), *counts, steps)
    console.print(table)
    histories = [result.history for result in results if result.history]
    struck = sum(len(seen.struck) for seen in histories)
    again = sum(seen.again == "succeeded" for seen in histories)
    still_open = sum(seen.outcome() == OPEN for seen in histories)
    console.print(
        f"\n{len(histories)} upgrades, {struck} troubles; {again} commanded again without trouble"
        + (f"; {still_open} left open" if still_open else "")
    )
    costs = [cost for seen in histories for cost in seen.twice_bytes]
    console.print(
        f"{sum(costs):,} bytes fetched twice after {len(costs)} power cuts that can be measured, "
        f"at most {max(costs, default=0):,} after one"
    )
    given = Counter(verdict for result in results for verdict in result.verdicts)
    console.print(", ".join(f"{given[verdict]} {verdict}" for verdict in VERDICTS))


def failures(console: Console, results: list[Result], replay: str) -> bool:
    """Print each failure with what plays it again; whether there was any."""
    failed = [result for result in results if result.verdicts or result.error]
    for result in failed:
        console.print(f"\n{line(result)}\n      play it again: {replay} --only {result.index}")
    return bool(failed)
