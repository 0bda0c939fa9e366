"""The one USB visit of a board with the wrong table: save its files, write a whole flash, bring them back."""

from __future__ import annotations

import fnmatch
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tools import paths
from host_tools.board import stubs
from host_tools.board.backup import save
from host_tools.board.console import Console
from host_tools.board.doctor import flash, vm
from host_tools.board.doctor.examine import facts_of
from host_tools.board.doctor.finding import Facts
from host_tools.board.files import Files
from host_tools.board.first_contact import Contact, watch
from host_tools.board.port import attached
from host_tools.factory.errors import FactoryError
from host_tools.factory.esptool import Esptool
from host_tools.factory.files import board_files, write_private
from host_tools.factory.maker import Maker
from host_tools.settings import Settings

CONNECT_S = 180
IMAGE, FILES = "flash.bin", "files"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Saved:
    """What was on a board: by path without the leading slash, and what doctor tells of it."""

    folder: Path
    files: dict[str, bytes]
    facts: Facts


def save_board(port: str, folder: Path | None, maker: Maker, say: Say) -> Saved:
    """Save all files of a board to `folder`/files; the board goes on as before.

    Raises: BoardError; FactoryError for a board that is not of the image's chip or flash.
    """
    with attached(port, say) as board:
        facts = facts_of(board, with_tls=False)
        _check_chip(facts, maker)
        name = f"{facts['vm']['mac']}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = folder or paths.BUILD / "migrate" / name
        return Saved(folder, save(Files(board), folder / FILES, say), facts)


def _check_chip(facts: Facts, maker: Maker) -> None:
    chip = vm.chip_of(facts)
    if chip != maker.stock.chip:
        raise FactoryError(
            f"the board is an {chip or 'unknown chip'}, {maker.stock.path} is for {maker.stock.chip}"
        )
    found = facts["flash"]
    if found and found["size"] < maker.layout.flash_bytes:
        raise FactoryError(
            f"the board's flash has {found['size'] >> 20} MB by its header: give --flash-size, or take a "
            "board with more"
        )
    if flash.on_trial(facts):
        raise FactoryError("this board tries a new release: wait until the trial is over")


def restored(saved: dict[str, bytes], ours: set[str], leave: tuple[str, ...]) -> dict[str, bytes]:
    """What of the saved files comes back; a /boot.py or /main.py that is not ours under another name.

    `leave`: patterns of those that stay on the host.
    """
    found = {}
    for path, content in saved.items():
        name = path
        if path in stubs.NAMES:
            lines = content.decode("utf-8", "replace").splitlines()
            known = [lines[0] if lines else "", any(x.strip()[:1] not in ("", "#") for x in lines)]
            if stubs.kind(known) != stubs.FOREIGN:
                continue
            name = path + stubs.KEPT
        elif path in ours:
            continue
        if not any(fnmatch.fnmatch(path, pattern.lstrip("/")) for pattern in leave):
            found[name] = content
    return found


def make_image(
    maker: Maker, settings: Settings, saved: Saved, leave: tuple[str, ...]
) -> tuple[Path, dict[str, bytes]]:
    """Make the flash of the board with its files in it; returns its path and what came back.

    Raises: FactoryError when the files do not fit.
    """
    ours = set(board_files(settings, maker.cas, maker.stock.chip))
    back = restored(saved.files, ours, leave)
    try:
        image = maker.flash(settings, back)
    except FactoryError as error:
        biggest = sorted(back, key=lambda name: -len(back[name]))[:3]
        raise FactoryError(
            f"{error}; the largest are {', '.join(biggest)}: --leave PATTERN keeps them in "
            f"{saved.folder / FILES} only"
        ) from None
    path = saved.folder / IMAGE
    write_private(path, image)
    return path, back


def losses(saved: Saved, back: dict[str, bytes], leave: tuple[str, ...]) -> list[str]:
    """What the board will not have afterwards."""
    found = ["NVS: what applications kept there, and Wi-Fi calibration, which the chip makes anew"]
    left = [
        path for path in saved.files if any(fnmatch.fnmatch(path, p.lstrip("/")) for p in leave)
    ]
    found += [f"/{path} (saved, and left out)" for path in left]
    labels = [data[4] for data in saved.facts["partitions"]["data"]]
    others = sorted(set(labels) - {"nvs", "otadata", "phy_init", "vfs"})
    return found + [f"partition '{label}', which is not saved" for label in others]


def write_board(tool: Esptool, image: Path, port: str, show: Say) -> Contact:
    """Write the flash, verify it, and watch the board until EnOS knows it. Raises: FactoryError, BoardError."""
    tool.write(image)
    console = Console(port)
    try:
        return watch(console.lines(CONNECT_S), show)
    finally:
        console.close()


def as_json(saved: Saved, back: dict[str, bytes], lost: list[str], contact: Contact) -> str:
    """The report."""
    document: dict[str, Any] = {
        "backup": str(saved.folder),
        "restored": sorted(back),
        "erased": lost,
        "connected": bool(contact.version),
        "version": contact.version,
        "reason": contact.reason,
        "advice": contact.advice,
    }
    return json.dumps(document, indent=1)
