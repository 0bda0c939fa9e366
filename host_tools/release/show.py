"""How releases look on a terminal: short tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.release.inspect import Report
from host_tools.release.make import ReleaseInfo

Rows = Sequence[tuple[str, str]]


def info_as_json(info: ReleaseInfo) -> dict[str, Any]:
    """A `ReleaseInfo` for `--json`."""
    fields = asdict(info) | {"path": str(info.path), "parts": dict(info.parts)}
    fields["files"] = [{"path": path, "bytes": size} for path, size in info.files]
    del fields["trust_rows"]
    return fields | {"record": info.record.as_json()}


def print_info(info: ReleaseInfo, slot_size: int) -> None:
    """Print what was made and what it weighs."""
    entry = info.record
    rows = [
        ("version", f"{entry.version}, sequence {entry.sequence}"),
        ("VM", f"MicroPython {info.vm_version}, {info.chip}"),
        *((name, f"{size:>9,} bytes") for name, size in info.parts),
        ("release", f"{info.size:>9,} bytes, {slot_size - info.size:,} free in the slot"),
        *signers(info.signed_by),
        *info.trust_rows,
        ("md5", info.md5),
        ("sha256", info.sha256),
    ]
    print_table(str(info.path), rows)
    print_warnings(info.warnings)


def signers(digests: Sequence[str]) -> Rows:
    """Key digests as a row of a table, if there are any."""
    return [("signed by", "\n".join(digests))] if digests else []


def print_report(file: Path, report: Report) -> None:
    """Print a report as a short table, files and problems below it."""
    rows = [
        ("size", f"{report.size:,} bytes"),
        *report.facts,
        ("md5", report.md5),
        ("sha256", report.sha256),
        *(("problem", problem) for problem in report.problems),
        ("device", report.device),
    ]
    print_table(f"{file}: {report.kind}", rows)
    if report.files:
        click.echo("\nfiles in the app file system, bytes")
        for path, size in report.files:
            click.echo(f"  {size:>7,}  {path}")


def print_warnings(warnings: Sequence[str]) -> None:
    """Print what is allowed and seldom meant."""
    for text in warnings:
        click.echo(click.style(f"warning: {text}", fg="yellow"))


def print_table(title: str, rows: Rows) -> None:
    """Print names and values below a title; what is a problem in red."""
    click.echo(title)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        style = "red" if name == "problem" else ""
        table.add_row(Text("  " + name, style), Text(value, style))
    Console().print(table)
