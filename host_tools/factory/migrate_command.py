"""`enos-ota factory --migrate PORT`."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from host_tools.board.certificates import Pair
from host_tools.board.cli_common import working
from host_tools.board.first_contact import Contact
from host_tools.factory import migrate
from host_tools.factory.errors import FactoryError
from host_tools.factory.esptool import FAST_BAUD, Esptool
from host_tools.factory.maker import Maker
from host_tools.factory.report import esptool_command
from host_tools.settings import Settings

Say = Callable[[str], None]


def run(
    maker: Maker,
    settings: Settings,
    pair: Pair | None = None,
    warnings: Sequence[str] = (),
    *,
    port: str,
    backup: Path | None,
    leave: tuple[str, ...],
    yes: bool,
    by_hand: bool,
    no_stub: bool,
    as_json: bool,
    baud: int = FAST_BAUD,
) -> int:
    """Migrate one board; the exit code: 0 once EnOS knows it. Raises: FactoryError, BoardError."""

    def say(text: str) -> None:
        if not as_json:
            click.echo(text)

    @contextlib.contextmanager
    def step(what: str) -> Iterator[Say]:
        say(what)
        with working(what.partition(",")[0], as_json) as note:
            yield note

    if backup and backup.exists() and any(backup.iterdir()):
        raise FactoryError(f"{backup} is not empty: a backup goes to a folder of its own")
    for text in warnings:
        say(f"warning: {text}")
    saved = migrate.save_board(port, backup, maker, say)
    prepared = migrate.prepare(maker, settings, saved, leave, pair)
    _confirm(prepared, yes, say)
    tool = Esptool(port, maker.stock.chip, _ask, step, by_hand=by_hand, no_stub=no_stub, baud=baud)
    say("if the writing is interrupted, this repeats it:")
    say("  " + shlex.join(esptool_command(maker.stock.chip, prepared.image)))
    contact = migrate.write_board(tool, prepared.image, maker, port, lambda line: say("  " + line))
    if as_json:
        click.echo(migrate.as_json(saved, prepared, contact))
    else:
        _tell(saved, prepared, contact)
    return 0 if contact.version else 1


def _confirm(prepared: migrate.Prepared, yes: bool, say: Say) -> None:
    say("the whole flash is written now; the board will not have any more:")
    for text in prepared.lost:
        say(f"  {text}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise FactoryError("nothing was written: --yes says that this is wanted")
    click.confirm("write it?", abort=True)


def _tell(saved: migrate.Saved, prepared: migrate.Prepared, contact: Contact) -> None:
    count = len(prepared.back)
    click.echo(f"written and verified; {count} files are back, all of them are in {saved.folder}")
    if contact.version:
        text = f"EnOS accepted its inform: version {contact.version}"
        click.echo(click.style(text, fg="green"))
    else:
        click.echo(click.style(f"not connected: {contact.reason}", fg="red"))
        click.echo(f"→ {contact.advice}")


def _ask(text: str) -> bool:
    """Have a person do something; False when the input is at its end: nobody is there."""
    click.echo(f"now {text}, then press Enter", err=True)
    return bool(sys.stdin.readline())
