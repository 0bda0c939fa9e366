"""`enos-ota release`: make and explain release files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.one_line import one_line
from host_tools.paths import ToolMissingError
from host_tools.release.compile import native_arch
from host_tools.release.errors import ReleaseError
from host_tools.release.inspect import Report, explain
from host_tools.release.make import (
    SLOT_BYTES,
    ReleaseInfo,
    make_release,
    read_file,
    write_atomically,
)
from host_tools.release.package import make_package
from host_tools.release.sources import agent_names
from host_tools.release.synth import LAYOUTS, STOCK_BYTES, synth_vm

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Bytes(click.ParamType[int]):
    """A number of bytes, decimal or 0x…."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse `value`."""
        try:
            return int(str(value), 0)
        except ValueError:
            self.fail(f"{value} is not a number like 1900544 or 0x1D0000", param, ctx)


one_line_errors = one_line(ReleaseError, ToolMissingError)


@click.group()
def release() -> None:
    """Make and explain release files."""


@release.command(short_help="Make a release from a VM image and folders of Python.")
@click.option("--vm", type=FILE, required=True, help="MicroPython app image (micropython.bin).")
@click.option(
    "--app", "apps", type=FOLDER, required=True, multiple=True, help="Folder with enos_main.py."
)
@click.option("--version", required=True, help="Version as EnOS will command it.")
@click.option("--sequence", type=int, required=True, help="Order of releases: higher is newer.")
@click.option("--out", type=FILE, required=True, help="The release, a .bin file.")
@click.option(
    "--min-sequence", type=int, default=0, show_default=True, help="Oldest allowed after it."
)
@click.option("--product", default="", help="Product name; none fits any.")
@click.option("--slot-size", type=Bytes(), default=SLOT_BYTES, help="Default: 0x1D0000.")
@click.option("--vm-version", default="", help="MicroPython version, if the image names none.")
@click.option("--no-agent", is_flag=True, help="Leave /enos_ota out: --app brings its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@one_line_errors
def make(
    *,
    vm: Path,
    apps: tuple[Path, ...],
    version: str,
    sequence: int,
    out: Path,
    min_sequence: int,
    product: str,
    slot_size: int,
    vm_version: str,
    no_agent: bool,
    as_json: bool,
) -> None:
    """Make one file that fills one OTA slot, from a VM image and folders of Python."""
    info = make_release(
        vm,
        list(apps),
        version,
        sequence,
        out,
        min_sequence=min_sequence,
        product=product,
        slot_size=slot_size,
        with_agent=not no_agent,
        vm_version=vm_version,
    )
    if as_json:
        click.echo(json.dumps(info_as_json(info), indent=2))
    else:
        print_info(info, slot_size)


@release.command(short_help="Explain any image.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--slot-size", type=Bytes(), default=SLOT_BYTES, help="Default: 0x1D0000.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
@one_line_errors
def inspect(ctx: click.Context, file: Path, slot_size: int, as_json: bool) -> None:
    """Explain any image; exit with 1 when it is damaged or no firmware."""
    report = explain(read_file(file), slot_size)
    if as_json:
        click.echo(json.dumps({"file": str(file)} | report.as_json(), indent=2))
    else:
        print_report(file, report)
    ctx.exit(0 if report.sound else 1)


@release.command("synth-vm", short_help="Write a synthetic VM image, for simulated boards.")
@click.option("--out", type=FILE, required=True, help="The image, a file.")
@click.option("--chip", type=click.Choice(list(LAYOUTS)), default="esp32", show_default=True)
@click.option("--micropython", default="1.26.1", show_default=True, help="What it says it is.")
@click.option("--size", type=Bytes(), default=STOCK_BYTES, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Another one, other bytes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@one_line_errors
def synth(*, out: Path, chip: str, micropython: str, size: int, seed: int, as_json: bool) -> None:
    """Write a synthetic VM image, for tests and the demo: no chip can run it."""
    write_atomically(out, synth_vm(size, chip, micropython, seed=seed))
    if as_json:
        made = {"path": str(out), "size": size, "chip": chip, "micropython": micropython}
        click.echo(json.dumps(made, indent=2))
        return
    click.echo(f"{out}: {size:,} bytes in the format of {chip}, MicroPython {micropython}")
    click.echo("note: synthetic, for simulated boards only: a chip cannot run it")


@release.command(short_help="The agent as a package for 'mpremote mip install'.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the package.")
@click.option("--chip", type=click.Choice(list(LAYOUTS)), default="esp32", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@one_line_errors
def package(*, out: Path, chip: str, as_json: bool) -> None:
    """Write the compiled agent and the stubs as packages for 'mpremote mip install'."""
    files = make_package(out, native_arch(chip))
    size = sum(len(data) for name, data in files.items() if name.endswith(".mpy"))
    if as_json:
        click.echo(json.dumps({"path": str(out), "files": sorted(files), "mpy_bytes": size}))
        return
    click.echo(f"{out}: {size:,} bytes of .mpy; on the board:")
    click.echo(f"  mpremote mip install {out}/package.json")
    click.echo(f"  mpremote mip install --target / {out}/stubs.json")


@release.command(short_help="What the agent's short names in a traceback stand for.")
@click.argument("name", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@one_line_errors
def names(name: str, as_json: bool) -> None:
    """Private names of this checkout's agent as a release has them; only NAME's if one is given."""
    found = agent_names()
    if name:
        found = {short: long for short, long in found.items() if name in (short, long)}
        if not found:
            raise ReleaseError(
                f"{name}: the agent has no such short name; it is a name as it stands"
            )
    if as_json:
        click.echo(json.dumps(found))
        return
    for short, long in found.items():
        click.echo(f"{short}  {long}")


def info_as_json(info: ReleaseInfo) -> dict[str, Any]:
    """A `ReleaseInfo` for `--json`."""
    fields = asdict(info) | {"path": str(info.path), "parts": dict(info.parts)}
    fields["files"] = [{"path": path, "bytes": size} for path, size in info.files]
    return fields | {"record": info.record.as_json()}


def print_info(info: ReleaseInfo, slot_size: int) -> None:
    """Print what was made and what it weighs."""
    entry = info.record
    rows = [
        ("version", f"{entry.version}, sequence {entry.sequence}"),
        ("VM", f"MicroPython {info.vm_version}, {info.chip}"),
        *((name, f"{size:>9,} bytes") for name, size in info.parts),
        ("release", f"{info.size:>9,} bytes, {slot_size - info.size:,} free in the slot"),
        ("md5", info.md5),
        ("sha256", info.sha256),
    ]
    _print_table(str(info.path), rows)


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
    _print_table(f"{file}: {report.kind}", rows)
    if report.files:
        click.echo("\nfiles in the app file system, bytes")
        for path, size in report.files:
            click.echo(f"  {size:>7,}  {path}")


def _print_table(title: str, rows: list[tuple[str, str]]) -> None:
    click.echo(title)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        style = "red" if name == "problem" else ""
        table.add_row(Text("  " + name, style), Text(value, style))
    Console().print(table)
