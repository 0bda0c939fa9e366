"""`enos-ota monitor`."""

from __future__ import annotations

import json
import re
import time

import click

from host_tools.board.cli_common import board_command
from host_tools.board.console import Console
from host_tools.board.port import Port
from host_tools.board.serial_port import Transport
from host_tools.cloud.cli_common import printable

STYLES = (
    (re.compile(r"\d E enos:|Traceback|Guru Meditation"), "red"),
    (re.compile(r"\d W enos:"), "yellow"),
)


@click.command()
@click.option("--reset", is_flag=True, help="Restart the board first, and show its boot.")
@click.option("--until", metavar="TEXT", help="End with 0 at the first line that contains TEXT.")
@click.option(
    "--seconds", type=click.FloatRange(min=0), help="End after so long; 1 if --until was not seen."
)
@board_command
@click.pass_context
def monitor(
    ctx: click.Context,
    *,
    port: str,
    reset: bool,
    until: str | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Show what the board at PORT prints, with the time of this machine. Ctrl-C ends it, not the board."""
    console = Console(port, _restarted(port) if reset else None)
    try:
        for line in console.lines(seconds):
            _show(line, as_json)
            if until is not None and until in line:
                ctx.exit(0)
    except KeyboardInterrupt:
        ctx.exit(0)
    finally:
        console.close()
    ctx.exit(0 if until is None else 1)


def _restarted(url: str) -> Transport:
    port = Port(url)
    try:
        port.attach()
        port.reset()
    except BaseException:
        port.close()
        raise
    return port.transport


def _show(line: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"t": time.time(), "line": line}))
        return
    style = next((color for pattern, color in STYLES if pattern.search(line)), None)
    now = click.style(time.strftime("%H:%M:%S "), dim=True)
    click.echo(now + click.style(printable(line), fg=style))
