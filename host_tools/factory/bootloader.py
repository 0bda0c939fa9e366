"""The stock image that a board begins with: a bootloader and MicroPython, in one file.

micropython.org offers it per board ("ESP32_GENERIC-….bin"): it starts with the bootloader, wherever in
the flash that chip's ROM looks for it. The bootloader takes the flash's size from its own header and refuses a
partition table that goes beyond it, so that is the one thing that must be changed in it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from host_tools.factory.errors import FactoryError
from host_tools.factory.layout import MIB
from host_tools.release import fullflash
from host_tools.release.errors import ImageError
from host_tools.release.image import HASH_BYTES, MAGIC, AppImage, micropython_version, parse_image
from host_tools.release.make import OLDEST, is_old, read_file

OFFSETS = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0, "esp32c6": 0}
"""Chip -> where its ROM looks for the bootloader."""

_SIZE_AT = 3
"""Header byte: frequency in the low half, size of the flash in the high one."""
_SIZE_CODES = {4 * MIB: 2, 8 * MIB: 3, 16 * MIB: 4}
_TAKE = "take the .bin that micropython.org offers for the board, ESP32_GENERIC-….bin"


@dataclass(frozen=True)
class Stock:
    """A stock image taken apart."""

    path: Path
    chip: str
    bootloader: bytes
    app: bytes
    """The app image alone: what a build calls micropython.bin."""
    micropython: str
    """Its version; empty when the image names none."""


def read_stock(path: Path) -> Stock:
    """Take a stock image apart. Raises: FactoryError, ReleaseError."""
    data = read_file(path)
    table = fullflash.find_table(data)
    if table is None:
        raise FactoryError(f"{path}: {_not_combined(data)}")
    chip, bootloader = _bootloader(path, data, table.base)
    app = _app(path, data, table)
    image = _parse(app, f"{path}: the app in it")
    if image.chip != chip:
        raise FactoryError(
            f"{path}: its bootloader is for {chip}, its app for {image.chip}: {_TAKE}"
        )
    version = micropython_version(app)
    # Older ones come with a bootloader that does not roll back, too.
    if version and is_old(version):
        raise FactoryError(f"{path}: MicroPython {version}; {OLDEST} or newer is needed")
    return Stock(path, chip, bootloader, app[: image.length], version)


def for_flash(bootloader: bytes, flash_size_bytes: int) -> bytes:
    """The bootloader for a flash of this size; mode and frequency stay as they were built.

    Its digest is made anew: the ROM of an ESP32 does not look at it, that of later chips and esptool do.
    """
    changed = bytearray(bootloader)
    changed[_SIZE_AT] = _SIZE_CODES[flash_size_bytes] << 4 | changed[_SIZE_AT] & 0x0F
    if parse_image(bootloader).sha256:
        changed[-HASH_BYTES:] = hashlib.sha256(changed[:-HASH_BYTES]).digest()
    return bytes(changed)


def _not_combined(data: bytes) -> str:
    if fullflash.is_full_flash(data):
        return f"there is no partition table at 0x8000 with an app in it: {_TAKE}"
    try:
        parse_image(data)
    except ImageError as error:
        return f"not a stock image: {error}"
    return f"an app image alone, the bootloader is missing: {_TAKE}"


def _bootloader(path: Path, data: bytes, base: int) -> tuple[str, bytes]:
    """The chip and its bootloader, in a file that begins at `base` in the flash."""
    for start in sorted({offset - base for offset in OFFSETS.values() if offset >= base}):
        region = data[start : fullflash.TABLE_OFFSET - base]
        if region[:1] != bytes((MAGIC,)):
            continue
        image = _parse(region, f"{path}: its bootloader")
        if OFFSETS.get(image.chip) == start + base:
            return image.chip, region[: image.length]
    raise FactoryError(
        f"{path}: no bootloader of {', '.join(OFFSETS)} where their ROM looks for one: {_TAKE}"
    )


def _app(path: Path, data: bytes, table: fullflash.FlashTable) -> bytes:
    first = min(
        (entry for entry in table.partitions if entry.type == fullflash.TYPE_APP),
        key=lambda entry: entry.offset,
    )
    start = first.offset - table.base
    if start >= len(data):
        raise FactoryError(f"{path}: ends before its app at 0x{first.offset:X}: download it again")
    return data[start : start + first.size]


def _parse(data: bytes, what: str) -> AppImage:
    try:
        return parse_image(data)
    except ImageError as error:
        raise FactoryError(f"{what}: {error}") from None
