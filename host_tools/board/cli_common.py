"""What the commands for a board on a port share: the argument, errors as one line, a sign of life."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import ParamSpec

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)

from host_tools.board.errors import BoardError
from host_tools.one_line import one_line
from host_tools.paths import ToolMissingError
from host_tools.release.errors import ReleaseError

P = ParamSpec("P")


def board_command(function: Callable[P, None]) -> Callable[P, None]:
    """Argument PORT, option `--json`, and errors of the board as one line with exit code 1."""

    port = click.argument("port")
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
    return port(as_json(one_line(BoardError, ReleaseError, ToolMissingError)(function)))


@contextlib.contextmanager
def working(what: str, as_json: bool) -> Iterator[Callable[[str], None]]:
    """A sign of life on stderr while `what` goes on; the value changes its text."""
    console = Console(stderr=True, quiet=as_json)
    if not console.is_terminal:
        # Elsewhere a line for what takes long.
        yield lambda text: None if as_json or " " not in text else click.echo(text, err=True)
        return
    with console.status(what + " …") as status:
        yield lambda text: status.update(f"{what}: {text} …")


class Bar:
    """A progress bar on a terminal; elsewhere a line for each file."""

    def __init__(self, rich_progress: Progress | None, task: TaskID, quiet: bool) -> None:
        self._progress = rich_progress
        self._task = task
        self._quiet = quiet
        self._total = 0

    def expect(self, count: int) -> None:
        """So many bytes more will come."""
        self._total += count
        if self._progress:
            self._progress.update(self._task, total=self._total)

    def advance(self, count: int) -> None:
        """So many bytes more have arrived."""
        if self._progress:
            self._progress.advance(self._task, count)

    def line(self, text: str) -> None:
        """A file is there."""
        if not self._quiet:
            if self._progress:
                self._progress.console.print(text, highlight=False)
            else:
                click.echo(text)


@contextlib.contextmanager
def progress(what: str, as_json: bool) -> Iterator[Bar]:
    """A bar of bytes while `what` goes on."""
    console = Console(quiet=as_json)
    if not console.is_terminal:
        yield Bar(None, TaskID(0), as_json)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        yield Bar(shown, shown.add_task(what, total=None), as_json)
