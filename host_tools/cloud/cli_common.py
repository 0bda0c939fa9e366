"""What all commands of the operator share: options, errors, output."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec

import click

from .client import DEFAULT_HOME, AdminError, CloudNotRunningError
from .told import printable

__all__ = [
    "NotRunningFailure", "clock", "operator_command", "printable", "reason", "show", "table",
]  # fmt: skip

P = ParamSpec("P")
Rows = Sequence[Sequence[object]]


class NotRunningFailure(click.ClickException):
    """No stand-in runs: exit code 2."""

    exit_code = 2


def operator_command(function: Callable[P, None]) -> Callable[P, None]:
    """Options `--home` and `--json`, and errors of the stand-in as one line."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except CloudNotRunningError as error:
            raise NotRunningFailure(str(error)) from None
        except AdminError as error:
            raise click.ClickException(f"{error} ({error.code})") from None

    home = click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEFAULT_HOME,
        show_default="build/cloud",
        help="State folder of the stand-in.",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
    return home(as_json(call))


def show(as_json: bool, document: Any, text: str) -> None:
    """Print the document, or the text for a person."""
    click.echo(json.dumps(document, indent=1) if as_json else text)


def table(header: Sequence[str], rows: Rows) -> str:
    """Aligned columns without lines."""
    cells = [
        [printable(str("" if cell is None else cell)) for cell in row] for row in (header, *rows)
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
    return "\n".join(lines)


def clock(seconds: float | None) -> str:
    """Local time of day of a Unix time."""
    return "" if seconds is None else time.strftime("%H:%M:%S", time.localtime(seconds))


def reason(task: dict[str, Any]) -> str:
    """What a task's step means and its description, each word once."""
    meaning, desc = task["meaning"], task["desc"]
    return desc if meaning in desc else ": ".join(filter(None, (meaning, desc)))
