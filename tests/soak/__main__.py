"""`python -m tests.soak`: play upgrades amid trouble, and show what was survived."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from host_tools import paths

from . import crew, report
from .life import Result
from .plan import LIFE, life_of
from .releases import make_releases


@click.command()
@click.option("--upgrades", default=200, show_default=True, help="How many to play.")
@click.option("--seed", default=1, show_default=True, help="What they are drawn from.")
@click.option("--only", type=int, help="Play one again, with those of its board before it.")
@click.option("--life", default=LIFE, show_default=True, help="Upgrades of one board.")
@click.option("--boards", default=4, show_default=True, help="Boards at a time.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=paths.BUILD / "soak",
    show_default="build/soak",
    help="Folder for the releases and the log of each board.",
)
def main(upgrades: int, only: int | None, life: int, **how: Any) -> None:
    """Upgrades back and forth amid random trouble; exit code 1 when one was not survived."""
    todo = crew.lives(upgrades, life) if only is None else [(only - only % life, only)]
    if not soak(todo, life=life, **how):
        raise SystemExit(1)


def soak(todo: list[crew.Life], *, seed: int, life: int, boards: int, out: Path) -> bool:
    """Play lives and show what was survived; whether all was."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    began = time.monotonic()
    shutil.rmtree(out, ignore_errors=True)
    plans = [plan for one in todo for plan in life_of(seed, *one)]
    make_releases(out, set().union(*(plan.versions for plan in plans)))
    count = len(plans)
    results = _watch(console, crew.play(seed, todo, boards, out), count)
    console.print()
    report.show(console, results)
    seconds = time.monotonic() - began
    console.print(f"{seconds:.0f} s; logs of the boards: {out}")
    replay = [".venv/bin/python", "-m", "tests.soak", "--seed", str(seed)]
    replay += ["--life", str(life)] if life != LIFE else []
    return not report.failures(console, results, shlex.join(replay)) and len(results) == count


def _watch(console: Console, played: Iterator[Result], count: int) -> list[Result]:
    results: list[Result] = []
    bar = Progress(
        TextColumn("upgrades"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("upgrades", total=count)
        for result in played:
            results.append(result)
            console.print(report.line(result), markup=False, soft_wrap=True)
            bar.advance(task)
    return results


if __name__ == "__main__":
    main()
