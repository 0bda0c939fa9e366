"""`enos-ota provision`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from host_tools import settings as rules
from host_tools.board import provision as work
from host_tools.board.cli_common import board_command, working
from host_tools.board.console import Console
from host_tools.board.doctor.examine import facts_of
from host_tools.board.errors import BoardError
from host_tools.board.files import Files
from host_tools.board.first_contact import Contact, watch
from host_tools.board.port import Port, attached
from host_tools.board.provision import Brought
from host_tools.board.settings_warnings import warnings_of
from host_tools.board.trust_options import TrustOptions, trust_options
from host_tools.cloud.client import DEFAULT_HOME, AdminClient, AdminError, CloudNotRunningError
from host_tools.settings import Settings, SettingsError
from host_tools.simboard.provision import device_config

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
CONNECT_S = 180
"""Wi-Fi, clock, TLS, login: 10 s as a rule; each network that is not there costs up to 28 s more."""


@click.command()
@click.option("--config", type=FILE, help="Settings as JSON: a file that only you can read.")
@click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated."
)
@click.option(
    "--wifi", "ssids", multiple=True, metavar="SSID", help="A network; its password is asked."
)
@click.option("--ca", "cas", type=FILE, multiple=True, help="CA certificate, PEM or DER.")
@trust_options
@click.option("--stand-in", metavar="NAME", help="Be a new device NAME of the running stand-in.")
@click.option(
    "--cloud",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_HOME,
    show_default="build/cloud",
    help="State folder of the stand-in.",
)
@click.option("--no-connect", is_flag=True, help="Do not wait until EnOS knows the board.")
@board_command
@click.pass_context
def provision(
    ctx: click.Context,
    trust: TrustOptions,
    *,
    port: str,
    config: Path | None,
    pairs: tuple[str, ...],
    ssids: tuple[str, ...],
    cas: tuple[Path, ...],
    stand_in: str | None,
    cloud: Path,
    no_connect: bool,
    as_json: bool,
) -> None:
    """Give the board at PORT its identity, Wi-Fi, brokers and whom it trusts, and see it known to EnOS.

    What is not given stays as it is on the board. What is missing is asked for: secrets are better typed, or
    read from a file, than left in the history of a shell.
    """
    try:
        given: Settings = rules.load(config) if config else {}
        given = trust.settings(given | dict(map(_pair, pairs)))
        brought = Brought([der for path in cas for der in rules.ca_der(path)], trust.pair())
    except SettingsError as error:
        raise BoardError(str(error)) from None
    if ssids:
        given["wifi"] = [_network(ssid) for ssid in ssids]
    with working("reading the board", as_json) as note, attached(port, note) as board:
        if stand_in:
            device, ca = _new_device(stand_in, cloud)
            given = device | given
            brought = replace(brought, cas=brought.cas or [ca])
        settings, has_agent = _write(board, given, brought)
        board.stays_open = not no_connect and has_agent
    contact = None
    if board.stays_open:
        contact = _contact(Console(port, board.transport), as_json)
    warnings = [*warnings_of(settings), *(brought.pair.warnings if brought.pair else ())]
    _tell(settings, warnings, contact, has_agent, as_json)
    ctx.exit(1 if contact and not contact.version else 0)


def _write(board: Port, given: Settings, brought: Brought) -> tuple[Settings, bool]:
    facts = facts_of(board, with_tls=False)
    if board.on_trial:
        raise BoardError("this board tries a new release: wait until the trial is over")
    files = Files(board)
    old = work.on_board(files)
    settings = work.merged(old, _asked(old, given), brought)
    work.write(files, settings, brought)
    board.load("past")
    board.call("clear_failures")  # without settings the agent could only fail
    board.call("set_clock", int(time.time()))
    runs = facts["files"]["frozen_stubs"] or facts["files"]["main.py"] is not None
    return settings, runs and facts["files"]["agent"] is not None


def _contact(console: Console, as_json: bool) -> Contact:
    try:
        return watch(
            console.lines(CONNECT_S), lambda line: None if as_json else click.echo("  " + line)
        )
    finally:
        console.close()


def _tell(
    settings: Settings,
    warnings: list[str],
    contact: Contact | None,
    has_agent: bool,
    as_json: bool,
) -> None:
    if as_json:
        document: dict[str, Any] = {
            "settings": work.shown(settings),
            "warnings": warnings,
            "connected": None,
        }
        if contact:
            document["connected"] = bool(contact.version)
            document |= {
                "version": contact.version,
                "reason": contact.reason,
                "advice": contact.advice,
            }
        click.echo(json.dumps(document, indent=1))
        return
    click.echo(
        f"settings written: {settings['product_key']}/{settings['device_key']} at {settings['mqtt']}"
    )
    for text in warnings:
        click.echo(click.style(f"warning: {text}", fg="yellow"))
    if contact and contact.version:
        click.echo(click.style(f"EnOS accepted its inform: version {contact.version}", fg="green"))
    elif contact:
        click.echo(click.style(f"not connected: {contact.reason}", fg="red"))
        click.echo(f"→ {contact.advice}")
    elif not has_agent:
        click.echo(
            "no agent on the board yet: 'enos-ota deploy PORT', then 'enos-ota monitor PORT'"
        )


def _new_device(name: str, cloud: Path) -> tuple[Settings, bytes]:
    try:
        client = AdminClient(cloud)
        device = client.add_device(name)
        endpoints = client.endpoints
    except AdminError as error:
        raise BoardError(f"{error} ({error.code}): choose another name") from None
    except CloudNotRunningError as error:
        raise BoardError(str(error)) from None
    return device_config(endpoints, device), Path(endpoints["ca_der"]).read_bytes()


def _pair(text: str) -> tuple[str, Any]:
    key, is_pair, value = text.partition("=")
    known = rules.defaults()
    if not is_pair:
        raise SettingsError("--set: one that is not like KEY=VALUE")
    if key not in known:
        raise SettingsError(f"--set {key}=…: {rules.unknown(key)}")
    if isinstance(known[key], str):
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        raise SettingsError(f"--set {key}=…: the value must be JSON, such as 60 or []") from None


def _asked(old: Settings, given: Settings) -> Settings:
    """`given`, and what a person types where neither has it."""
    if sys.stdin.isatty():
        for key in rules.required():
            if not (old | given).get(key):
                given[key] = click.prompt(key, hide_input="secret" in key)
    return given


def _network(ssid: str) -> dict[str, str]:
    if not sys.stdin.isatty():
        raise BoardError(f"--wifi {ssid}: there is no terminal to ask its password: use --config")
    password = click.prompt(f"password of {ssid}", hide_input=True, default="", show_default=False)
    return {"ssid": ssid, "password": password} if password else {"ssid": ssid}
