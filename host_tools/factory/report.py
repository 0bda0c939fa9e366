"""What `enos-ota factory` says of the images it made."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from host_tools.factory.batch import MANIFEST, Made
from host_tools.factory.bootloader import OFFSETS
from host_tools.factory.maker import Maker

KEEP = ("--flash-mode", "keep", "--flash-freq", "keep", "--flash-size", "keep")
"""Said although it is esptool's default: ESPTOOL_FS and the like in the environment change that, and then
esptool writes another header than the image has."""


def esptool_command(chip: str, path: Path) -> list[str]:
    """The command that writes an image to a board."""
    return ["esptool", "--chip", chip, "write-flash", *KEEP, "0", str(path)]


def show(maker: Maker, rows: list[Made], path: Path, warnings: list[str], as_json: bool) -> None:
    """Say what was made, and how it comes to the board; `path` stands for all of a batch."""
    command = esptool_command(maker.stock.chip, path)
    places = _places(maker)
    if as_json:
        document: dict[str, Any] = {
            "chip": maker.stock.chip,
            "flash_bytes": maker.layout.flash_bytes,
            "release": maker.release.record.as_json(),
            "partitions": [vars(entry) for entry in maker.layout.entries],
            "boards": [asdict(row) for row in rows],
            "folder": str(path.parent),
            "warnings": warnings,
            "command": command,
        }
        click.echo(json.dumps(document, indent=2))
        return
    version, size = maker.release.record.version, rows[0].size
    if len(rows) == 1 and path.name == rows[0].file:
        device = f"release {version}, device {rows[0].device_key}"
        click.echo(f"{path}: {size:,} bytes, {maker.stock.chip}, {device}")
    else:
        total = f"{len(rows)} images of {size:,} bytes and {MANIFEST}"
        click.echo(f"{path.parent}: {total}, {maker.stock.chip}, release {version}")
    for address, length, what in places:
        click.echo(f"  0x{address:06X}  {length:>10,}  {what}")
    for warning in warnings:
        click.echo(f"warning: {warning}")
    click.echo("secrets are in it: keep it from others (mode 0600)")
    click.echo(f"write it with: {shlex.join(command)}")


def _places(maker: Maker) -> list[tuple[int, int, str]]:
    """Address, length in bytes and a word for everything in the flash."""
    stock, table = maker.stock, maker.layout
    named = f"MicroPython {stock.micropython}".rstrip()
    return [
        (OFFSETS[stock.chip], len(stock.bootloader), f"bootloader of {named}"),
        (0x8000, 0x1000, "partition table"),
        *((entry.address, entry.size, _content(entry.label, maker)) for entry in table.entries),
    ]


def _content(label: str, maker: Maker) -> str:
    release, table = maker.release, maker.layout
    free = table.slot_bytes - len(release.data)
    named = f"MicroPython {release.micropython}".rstrip()
    text = {
        "nvs": "the watchdog that the first boot arms",
        "otadata": "ota_0, valid",
        "ota_0": f"release {release.record.version} with {named}, {free:,} bytes free",
        "vfs": "boot.py, main.py, rescue.fs, enos.json, enos.bak, certificates",
        "data": "empty, for the application",
    }.get(label, "blank")
    return f"{label:<9} {text}"
