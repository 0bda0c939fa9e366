"""`enos-ota factory --migrate PORT`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from host_tools.factory import migrate
from host_tools.factory.errors import FactoryError
from host_tools.factory.esptool import Esptool
from host_tools.factory.maker import Maker
from host_tools.factory.report import esptool_command
from host_tools.settings import Settings


def run(
    maker: Maker,
    settings: Settings,
    *,
    port: str,
    backup: Path | None,
    leave: tuple[str, ...],
    yes: bool,
    by_hand: bool,
    no_stub: bool,
    as_json: bool,
) -> int:
    """Migrate one board; the exit code. Raises: FactoryError, BoardError."""

    def say(text: str) -> None:
        if not as_json:
            click.echo(text)

    if backup and backup.exists() and any(backup.iterdir()):
        raise FactoryError(f"{backup} is not empty: a backup goes to a folder of its own")
    saved = migrate.save_board(port, backup, maker, say)
    image, back = migrate.make_image(maker, settings, saved, leave)
    lost = migrate.losses(saved, back, leave)
    say("the whole flash is written now; the board will not have any more:")
    for text in lost:
        say(f"  {text}")
    if not yes:
        if not sys.stdin.isatty():
            raise FactoryError("nothing was written: --yes says that this is wanted")
        click.confirm("write it?", abort=True)
    tool = Esptool(port, maker.stock.chip, _ask, by_hand=by_hand, no_stub=no_stub)
    say("writing; if it is interrupted, this repeats it:")
    say("  " + shlex.join(esptool_command(maker.stock.chip, image)))
    contact = migrate.write_board(tool, image, port, lambda line: say("  " + line))
    if as_json:
        click.echo(migrate.as_json(saved, back, lost, contact))
    else:
        say(f"written and verified; {len(back)} files are back, all of them are in {saved.folder}")
        if contact.version:
            say(click.style(f"EnOS accepted its inform: version {contact.version}", fg="green"))
        else:
            say(click.style(f"not connected: {contact.reason}", fg="red") + f"\n→ {contact.advice}")
    return 0 if contact.version else 1


def _ask(text: str) -> None:
    click.echo(f"now {text}, then press Enter", err=True)
    sys.stdin.readline()
