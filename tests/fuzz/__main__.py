"""`make fuzz`: hostile bytes for every parser of the device, on MicroPython in a small heap."""

from __future__ import annotations

import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from . import campaign
from .campaign import How, Played, Problem

_EACH = 4500
_KINDS = 30
_ROOMS = range(8, 65, 2)


@click.command()
@click.option(
    "--seed", default="1", show_default=True, help="What cases are drawn from, or 'random'."
)
@click.option("--target", type=click.Choice(campaign.targets()), help="Only this parser.")
@click.option("--case", "number", type=int, help="Play one case again, and show it.")
@click.option(
    "--keep", metavar="NAME", help="With --case: keep what fails as a vector TARGET-NAME."
)
@click.option("--cases", default=_EACH, show_default=True, help="How many of each target.")
@click.option(
    "--room",
    default=campaign.ROOM_KIB,
    show_default=True,
    help="KiB of heap that are free for a case.",
)
@click.option("--smallest", is_flag=True, help="Find the smallest room in which all cases pass.")
def main(seed: str, target: str | None, number: int | None, **how: Any) -> None:
    """Play hostile input; exit code 1 when a case was not taken as the device code declares."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    if seed != "random" and not seed.isdigit():
        raise click.UsageError("--seed must be a number, or random")
    chosen = secrets.randbelow(1 << 30) if seed == "random" else int(seed)
    names = [target] if target else campaign.targets()
    if number is not None:
        if target is None:
            raise click.UsageError("--case needs --target")
        problems = _again(console, target, chosen, number, How(room_kib=how["room"]))
        is_right = not problems
        if problems and how["keep"]:
            console.print(f"kept: {_keep(problems[0], how['keep'])}")
    elif how["smallest"]:
        is_right = _smallest(console, names, chosen, how["cases"])
    else:
        is_right = _all(console, names, chosen, how["cases"], How(room_kib=how["room"]))
    raise SystemExit(0 if is_right else 1)


def _all(console: Console, names: list[str], seed: int, cases: int, how: How) -> bool:
    began = time.monotonic()
    played = _play(console, names, seed, cases, how)
    _show(console, played)
    total = sum(one.cases for one in played)
    seconds = time.monotonic() - began
    console.print(
        f"{total:,} cases in {seconds:.0f} s, seed {seed}, {how.room_kib} KiB of heap for each"
    )
    problems = [problem for one in played for problem in one.problems]
    _explain(console, problems)
    return not problems


def _play(console: Console, names: list[str], seed: int, cases: int, how: How) -> list[Played]:
    sums = {name: Played(name) for name in names}
    todo = sum(campaign.count_of(name, cases) for name in names)
    bar = Progress(
        TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("cases", total=todo)
        for one in campaign.play_all(names, seed, cases, how):
            sums[one.target].add(one)
            bar.advance(task, one.cases)
    return list(sums.values())


def _show(console: Console, played: list[Played]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("target", "cases", "accepted", "declared errors", "escapes"):
        table.add_column(name, justify="right" if name in ("cases", "escapes") else "left")
    for one in played:
        # A word of the target's, or the name of a class.
        accepted = {k: n for k, n in one.outcomes.items() if k[0].islower()}
        declared = {k: n for k, n in one.outcomes.items() if k not in accepted}
        table.add_row(
            one.target,
            f"{one.cases:,}",
            _counts(accepted),
            _counts(declared),
            str(len(one.problems)),
        )
    console.print(table)


def _counts(counts: dict[str, int]) -> str:
    found = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:,}" for name, count in found)


def _explain(console: Console, problems: list[Problem]) -> None:
    kinds: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    for same in list(kinds.values())[:_KINDS]:
        first = min(same, key=lambda problem: sum(map(len, problem.parts)))
        console.print(f"\n{first}", markup=False, soft_wrap=True)
        if len(same) > 1:
            console.print(f"  ... and {len(same) - 1} more like it")
    if len(kinds) > _KINDS:
        console.print(f"\n... and {len(kinds) - _KINDS} other kinds")


def _again(console: Console, target: str, seed: int, number: int, how: How) -> list[Problem]:
    """Play a case alone; where it needs those before it, what its process played before."""
    played = campaign.play(target, seed, number, 1, replace(how, shows=True))
    console.print(played.output.rstrip(), markup=False, soft_wrap=True)
    begin = number - number % campaign.CHUNK
    if not played.problems and begin < number:
        played = campaign.play(target, seed, begin, number + 1 - begin, how)
        if played.problems:
            console.print("not alone, but after those that are played before it:")
    _explain(console, played.problems)
    return played.problems


def _keep(problem: Problem, name: str) -> Path:
    file = campaign.VECTORS / f"{problem.target}-{name}.hex"
    lines = [f"# {'; '.join(problem.wrong)}", *(part.hex() for part in problem.parts)]
    file.write_text("\n".join(lines) + "\n")
    return file


def _smallest(console: Console, names: list[str], seed: int, cases: int) -> bool:
    """Halve the range of rooms until the smallest is left in which no case fails."""
    low, high = 0, len(_ROOMS) - 1
    while low < high:
        middle = (low + high) // 2
        found = campaign.play_all(names, seed, cases, How(room_kib=_ROOMS[middle]))
        failed = sorted({one.target for one in found if one.problems})
        console.print(
            f"{_ROOMS[middle]} KiB: {'not enough for ' + ', '.join(failed) if failed else 'all pass'}"
        )
        low, high = (middle + 1, high) if failed else (low, middle)
    console.print(f"smallest room: {_ROOMS[low]} KiB")
    return True


if __name__ == "__main__":
    main()
