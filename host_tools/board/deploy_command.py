"""`enos-ota deploy` and `undeploy`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from host_tools.board.cli_common import board_command, progress, working
from host_tools.board.deploy import Deploy
from host_tools.board.doctor import flash
from host_tools.board.doctor.examine import facts_of
from host_tools.board.doctor.finding import Facts
from host_tools.board.errors import BoardError
from host_tools.board.files import Files
from host_tools.board.plan import Plan, make_plan
from host_tools.board.port import Port, attached
from host_tools.board.undeploy import undeploy as take_away

LONGEST_VERSION_BYTES = 63


@click.command()
@click.option(
    "--app",
    "apps",
    type=click.Path(path_type=Path, file_okay=False),
    multiple=True,
    help="Folder with enos_main.py, for a board whose slot holds a plain image.",
)
@click.option("--version", default="", help="What such a board informs until its first upgrade.")
@click.option(
    "--replace", is_flag=True, help="Keep a foreign boot.py, main.py, /app as *.before-ota."
)
@board_command
def deploy(
    *, port: str, apps: tuple[Path, ...], version: str, replace: bool, as_json: bool
) -> None:
    """Copy the stubs, the agent and an application to the board at PORT.

    Only what changed is copied, beside what is there, and put in place at once. Can be repeated.
    """
    if len(version.encode()) > LONGEST_VERSION_BYTES or not version.isprintable():
        raise BoardError(f"--version: at most {LONGEST_VERSION_BYTES} bytes of printable text")
    with working("looking", as_json) as note, attached(port, note) as board:
        facts = facts_of(board, note, with_tls=False)
        plan = make_plan(facts, list(apps))
        with progress("copying", as_json) as bar:
            files = Files(board, bar.advance)
            deployed = Deploy(facts, plan, files, bar.line, bar.expect).run(replace)
        note("checking")
        board.attach()  # /boot.py mounts what was copied
        board.load("past")
        named = _name(board, facts, version)
        if deployed.changed:
            board.call("clear_failures")
        ram_bytes = board.call("agent_ram")
    document = {
        "port": port,
        "changed": deployed.changed,
        "kept": deployed.kept,
        "sent_bytes": deployed.sent_bytes,
        "version": named,
        "agent": {"mpy_bytes": plan.agent_mpy_bytes, "ram_bytes": ram_bytes},
        "app": {"mpy_bytes": plan.app_mpy_bytes},
    }
    click.echo(json.dumps(document, indent=1) if as_json else _text(document, plan))


def _name(board: Port, facts: Facts, version: str) -> str:
    if not version or flash.running(facts)["version"]:
        return ""
    board.call("name_version", version)
    return version


def _text(document: dict[str, Any], plan: Plan) -> str:
    changed = ", ".join(document["changed"])
    lines = [f"changed: {changed}" if changed else "nothing to do: the board holds all of it"]
    lines += [f"kept: {path} ('enos-ota undeploy' brings it back)" for path in document["kept"]]
    agent = document["agent"]
    taken = f"; importing what waits takes {agent['ram_bytes']:,} bytes of RAM"
    lines.append(
        f"agent: {agent['mpy_bytes']:,} bytes of .mpy{taken if agent['ram_bytes'] else ''}"
    )
    if plan.app:
        lines.append(f"application: {plan.app_mpy_bytes:,} bytes of .mpy")
    if document["version"]:
        lines.append(f"version: {document['version']}")
    return "\n".join([*lines, "the board was reset and runs; next: 'enos-ota provision PORT'"])


@click.command()
@board_command
def undeploy(port: str, as_json: bool) -> None:
    """Remove what deploy copied to the board at PORT, and bring back what it kept; settings stay."""
    with working("looking", as_json) as note, attached(port, note) as board:
        facts = facts_of(board, note, with_tls=False)
        if board.on_trial:
            raise BoardError("this board tries a new release: wait until the trial is over")
        removed, back = take_away(facts, Files(board))
    if as_json:
        click.echo(json.dumps({"port": port, "removed": removed, "restored": back}, indent=1))
        return
    click.echo(f"removed: {', '.join(removed) or 'nothing'}")
    for path in back:
        click.echo(f"restored: {path}")
    click.echo(
        "settings, CAs and the board's own key stay: 'mpremote rm' of /enos.json, /enos.bak and "
        "/enos-*.der removes them"
    )
