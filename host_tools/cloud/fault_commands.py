"""Command `fault`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .cli_common import operator_command, show, table
from .client import AdminClient


@click.group()
def fault() -> None:
    """Faults that the stand-in can be made to have."""


@fault.command("list")
@operator_command
def fault_list(home: Path, as_json: bool) -> None:
    """List all faults, and how those that are armed are."""
    found = AdminClient(home).faults()
    rows = [
        (one["name"], "; ".join(map(_state, one["armed"])), _takes(one), one["meaning"])
        for one in found
    ]
    show(as_json, found, table(("FAULT", "ARMED", "TAKES", "DOES"), rows))


@fault.command("set")
@click.argument("name")
@click.option("--times", default=1, show_default=True, help="How often it strikes; 0 = for ever.")
@click.option("--at", type=float, help="Percent of the whole file, 50 if not given.")
@click.option("--value", help="What `fault list` says under TAKES.")
@click.option("--skip", default=0, show_default=True, help="Occasions that pass by first.")
@operator_command
def fault_set(name: str, home: Path, as_json: bool, **options: Any) -> None:
    """Arm a fault until it is used up, cleared, or the stand-in ends.

    The same fault at the same place is replaced; one at another place stays.
    """
    armed = AdminClient(home).set_fault(name, **options)
    show(as_json, armed, f"{armed['name']}: {_state(armed)}")


@fault.command("clear")
@operator_command
def fault_clear(home: Path, as_json: bool) -> None:
    """Disarm all faults and undo the lasting ones."""
    AdminClient(home).clear_faults()
    show(as_json, [], "no fault is armed")


def _state(armed: dict[str, Any]) -> str:
    parts = [f"at {armed['at']:g} %"] if armed["at"] is not None else []
    if armed["value"] is not None:
        parts.append(str(armed["value"]))
    if armed["skip"]:
        parts.append(f"after {armed['skip']}")
    parts.append(f"struck {armed['struck']} of {armed['times'] or 'no end'}")
    return ", ".join(parts)


def _takes(one: dict[str, Any]) -> str:
    parts = ["at"] if one["at"] else []
    if one["value"]:
        default = "" if one["default"] is None else f" [{one['default']}]"
        parts.append(one["value"] + default)
    return ", ".join(parts)
