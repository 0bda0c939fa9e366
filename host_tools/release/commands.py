"""`enos-ota release`: make, sign and explain release files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from host_tools.release.arguments import (
    FILE,
    FOLDER,
    Bytes,
    json_option,
    one_line_errors,
    passphrase_of,
    slot_size_option,
)
from host_tools.release.compile import native_arch
from host_tools.release.errors import ReleaseError
from host_tools.release.inspect import explain
from host_tools.release.keys import load_private
from host_tools.release.make import make_release, read_file, write_atomically
from host_tools.release.package import make_package
from host_tools.release.show import info_as_json, print_info, print_report
from host_tools.release.sign_commands import key_digest, keygen, sign, verify
from host_tools.release.sources import agent_names
from host_tools.release.synth import LAYOUTS, STOCK_BYTES, synth_vm
from host_tools.release.trust_command import trust

__all__ = ["Bytes", "release"]


@click.group()
def release() -> None:
    """Make, sign and explain release files."""


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
@slot_size_option
@click.option("--vm-version", default="", help="MicroPython version, if the image names none.")
@click.option(
    "--key", "keys", type=FILE, multiple=True, help="Sign it with this private key; up to three."
)
@click.option("--no-agent", is_flag=True, help="Leave /enos_ota out: --app brings its own.")
@json_option
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
    keys: tuple[Path, ...],
    no_agent: bool,
    as_json: bool,
) -> None:
    """Make one file that fills one OTA slot, from a VM image and folders of Python."""
    signing_keys = [load_private(path, passphrase_of) for path in keys]
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
        keys=signing_keys,
    )
    if as_json:
        click.echo(json.dumps(info_as_json(info), indent=2))
    else:
        print_info(info, slot_size)


@release.command(short_help="Explain any image.")
@click.argument("file", type=click.Path(path_type=Path))
@slot_size_option
@json_option
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
@json_option
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
@json_option
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
@json_option
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


for command in (keygen, key_digest, sign, verify, trust):
    release.add_command(command)
