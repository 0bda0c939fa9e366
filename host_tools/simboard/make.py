"""Make the folder of a board: its flash as a factory would leave it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from host_tools import paths
from host_tools.board import stubs
from host_tools.release import rescue
from host_tools.release.synth import synth_bootloader
from host_tools.simboard.board_files import FLASH_BYTES, BoardError, BoardFiles
from host_tools.simboard.chip import image, partitions
from host_tools.simboard.chip.nor import SECTOR_BYTES
from host_tools.simboard.chip.partitions import Entry

ARCH = "xtensawin"
"""Of an ESP32; the agent has no native code."""
BOOTLOADER_ADDRESS = 0x1000
DISK_VERSION = 0x0002_0001
"""LittleFS 2.1: what the VM writes."""

_COMMON = (
    Entry(1, partitions.SUBTYPE_NVS, 0x9000, 0x4000, "nvs"),
    Entry(1, partitions.SUBTYPE_OTADATA, 0xD000, 0x2000, "otadata"),
    Entry(1, 1, 0xF000, 0x1000, "phy_init"),
)
TABLES = {
    "ours": (
        *_COMMON,
        Entry(0, 0x10, 0x10000, 0x1D0000, "ota_0"),
        Entry(0, 0x11, 0x1E0000, 0x1D0000, "ota_1"),
        Entry(1, partitions.SUBTYPE_FAT, 0x3B0000, 0x30000, "vfs"),
        Entry(1, partitions.SUBTYPE_FAT, 0x3E0000, 0x20000, "data"),
    ),
    "stock": (
        *_COMMON,
        Entry(0, 0x10, 0x10000, 0x180000, "ota_0"),
        Entry(0, 0x11, 0x190000, 0x180000, "ota_1"),
    ),
    "factory": (
        Entry(1, partitions.SUBTYPE_NVS, 0x9000, 0x6000, "nvs"),
        Entry(1, 1, 0xF000, 0x1000, "phy_init"),
        Entry(0, partitions.SUBTYPE_FACTORY, 0x10000, 0x1F0000, "factory"),
        Entry(1, partitions.SUBTYPE_FAT, 0x200000, 0x200000, "vfs"),
    ),
}
"""Partition tables for 4 MiB: ours, MicroPython's 4MiB-ota, and its 4MiB without a second slot."""


def make_board(
    folder: Path,
    release: Path,
    config: dict[str, Any],
    ca_der: bytes,
    *,
    table: str = "ours",
    ports: dict[str, int] | None = None,
    hosts: dict[str, str] | None = None,
    extra_files: dict[str, bytes] | None = None,
    idf: str = "1.26.1",
    timing: str = "none",
) -> None:
    """Make a board that runs `release` (a slot file or a plain image) from ota_0.

    `config` becomes /enos.json and its copy; `ports` and `hosts` translate what the board asks of
    the network (port 123 -> the port of an NTP server here); `idf` and `timing` are keys of HARDWARE in
    `board_files`. Raises: BoardError.
    """
    text = json.dumps(config, indent=1).encode()
    files = {
        **{name: stubs.content(name) for name in stubs.NAMES},
        "enos.json": text,
        "enos.bak": text,
        "ca.der": ca_der,
        **(extra_files or {}),
    }
    if (paths.DEVICE / "enos_ota").is_dir():
        files[rescue.NAME] = rescue.rescue_image(ARCH)
    flash = flash_image(check_bootable(release), TABLES[table], files)
    network = {"hosts": hosts or {}, "ports": ports or {}, "wifi": config.get("wifi", [])}
    write_board(folder, flash, network, idf=idf, timing=timing)


def check_bootable(release: Path) -> bytes:
    """Content of a release that the bootloader accepts. Raises: BoardError."""
    content = release.read_bytes()

    def read(offset: int, buffer: bytearray | memoryview) -> None:
        piece = content[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece

    try:
        image.verify(read, len(content), bytearray(1 << 16))
    except image.ImageError as error:
        raise BoardError(f"{release} would not boot: {error}") from None
    return content


def write_board(folder: Path, flash: bytes, network: dict[str, Any], **hardware: str) -> None:
    """Write a board folder from a whole flash; `hardware` may hold the keys of HARDWARE."""
    folder.mkdir(parents=True, exist_ok=True)
    files = BoardFiles(folder)
    files.flash.write_bytes(flash)
    board = {"chip": "esp32", "mac": _mac(folder), "network": network, **hardware}
    files.save_config(board)
    files.set_air(True)


def _mac(folder: Path) -> str:
    """A locally administered address that stays the same for a folder."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def flash_image(release: bytes, table: tuple[Entry, ...], files: dict[str, bytes] | None) -> bytes:
    """4 MiB of flash: a bootloader, the table, the release in the first slot, `files` on vfs, `data` formatted.

    Without `files` both are blank. Raises: BoardError when something does not fit.
    """
    flash = bytearray(b"\xff" * FLASH_BYTES)
    bootloader = synth_bootloader()
    flash[BOOTLOADER_ADDRESS : BOOTLOADER_ADDRESS + len(bootloader)] = bootloader
    encoded = partitions.encode(table)
    flash[partitions.TABLE_ADDRESS : partitions.TABLE_ADDRESS + len(encoded)] = encoded
    slot = partitions.find(table, partitions.TYPE_APP)[0]
    if len(release) > slot.size:
        raise BoardError(f"the release has {len(release)} bytes, the slot {slot.size}")
    flash[slot.address : slot.address + len(release)] = release
    for entry in partitions.with_vfs(list(table), FLASH_BYTES):
        if files is not None and entry.label in ("vfs", "data"):
            content = files if entry.label == "vfs" else {}
            flash[entry.address : entry.end] = file_system(entry.size, content)
    return bytes(flash)


def file_system(size_bytes: int, files: dict[str, bytes]) -> bytes:
    """A LittleFS image with blocks of one sector. Raises: BoardError when `files` do not fit."""
    fs = LittleFS(
        block_size=SECTOR_BYTES,
        block_count=size_bytes // SECTOR_BYTES,
        disk_version=DISK_VERSION,
    )
    try:
        for name, content in files.items():
            parent = str(Path(name).parent)
            if parent != ".":
                fs.makedirs(parent, exist_ok=True)
            with fs.open(name, "wb") as file:
                file.write(content)
    except LittleFSError as error:
        raise BoardError(f"the files do not fit into {size_bytes} bytes: {error}") from error
    return bytes(fs.context.buffer)
