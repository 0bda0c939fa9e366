"""`enos-ota doctor`."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.board.cli_common import board_command, working
from host_tools.board.doctor.examine import blockers, facts_of, judge
from host_tools.board.doctor.finding import BLOCKER, OK, WARNING, Finding
from host_tools.board.port import attached

STYLES = {OK: "green", WARNING: "yellow", BLOCKER: "bold red"}


@click.command()
@click.option("--no-radio", is_flag=True, help="Leave Wi-Fi off: no look at the memory of TLS.")
@board_command
@click.pass_context
def doctor(ctx: click.Context, *, port: str, no_radio: bool, as_json: bool) -> None:
    """Tell everything that decides whether over-the-air upgrades will work on the board at PORT.

    Its application is interrupted, and started again afterwards. Exit code 1 where there is a blocker.
    """
    with working("examining", as_json) as note, attached(port, note) as board:
        facts = facts_of(board, note, with_tls=not no_radio, with_trust=True)
    findings = judge(facts)
    bad = blockers(findings)
    if as_json:
        document = {"port": port, "blockers": len(bad), "facts": facts}
        click.echo(json.dumps(document | {"findings": [f.as_json() for f in findings]}, indent=1))
    else:
        show(findings)
    ctx.exit(1 if bad else 0)


def show(findings: list[Finding]) -> None:
    """Print findings as a table, what to do below each that is not ok, and a last word."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        style = STYLES[finding.level]
        table.add_row(Text(finding.level, style), finding.name, Text(finding.text))
        if finding.advice:
            table.add_row("", "", Text("→ " + finding.advice, style))
    Console().print(table)
    counts = {level: sum(f.level == level for f in findings) for level in (BLOCKER, WARNING)}
    word = "upgrades will not work yet" if counts[BLOCKER] else "nothing stands in the way"
    click.echo(f"\n{word}: " + ", ".join(map(_counted, counts.items())))


def _counted(found: tuple[str, int]) -> str:
    level, count = found
    return f"{count} {level}{'' if count == 1 else 's'}"
