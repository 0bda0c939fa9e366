"""`enos-ota cloud`: the stand-in in the foreground, with a line per event."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import click

from .cli_common import clock
from .home import HomeError
from .ports import STANDARD, Ports
from .standin import Cloud
from .told import printable

LINE_LIMIT = 160
PRIVATE = ("admin_token", "access_key", "secret_key")


def run(home: Path, port_base: int | None, bind: str, hostname: str, as_json: bool) -> None:
    """Run until SIGINT or SIGTERM.

    Raises: click.ClickException if the folder or a port is in use.
    """
    try:
        asyncio.run(_run(home, port_base, bind, hostname, as_json))
    except HomeError as error:
        raise click.ClickException(str(error)) from None


async def _run(home: Path, port_base: int | None, bind: str, hostname: str, as_json: bool) -> None:
    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    ports = STANDARD if port_base is None else Ports.from_base(port_base)
    on_event = None if as_json else _line
    cloud = Cloud(home, ports=ports, bind=bind, hostname=hostname, on_event=on_event)
    try:
        await cloud.start()
        public = {name: value for name, value in cloud.endpoints.items() if name not in PRIVATE}
        click.echo(json.dumps(public, indent=1) if as_json else _addresses(home, public))
        await enough.wait()
    finally:
        await cloud.stop()


def _addresses(home: Path, endpoints: dict[str, object]) -> str:
    ntp = endpoints["ntp"]
    assert isinstance(ntp, dict)
    rows = {
        "MQTT": endpoints["mqtt"],
        "MQTT over TLS": endpoints["mqtts"],
        "HTTP broker": endpoints["http_broker"],
        "SNTP": f"{ntp['host']}:{ntp['port']} (UDP)",
        "CA certificate": endpoints["ca_der"],
        "state": home,
    }
    lines = [f"  {name:<15} {value}" for name, value in rows.items()]
    return "\n".join(["EnOS stand-in is ready; Ctrl-C stops it.", *lines])


def _line(at: float, who: str, what: str) -> None:
    click.echo(f"{clock(at)}  {who:<20} {printable(what, LINE_LIMIT)}")
