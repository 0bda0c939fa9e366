"""The one USB visit of a board with the wrong table: save its files, write a whole flash, bring them back."""

from __future__ import annotations

import fnmatch
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_tools.board import stubs
from host_tools.board.backup import save
from host_tools.board.certificates import Pair
from host_tools.board.console import Console
from host_tools.board.doctor import vm
from host_tools.board.doctor.examine import facts_of
from host_tools.board.doctor.finding import Facts
from host_tools.board.errors import BoardError
from host_tools.board.files import Files
from host_tools.board.first_contact import Contact, watch
from host_tools.board.port import attached
from host_tools.factory.errors import FactoryError
from host_tools.factory.esptool import Esptool
from host_tools.factory.files import TRUST, is_ours, kept_cas, write_private
from host_tools.factory.maker import Maker
from host_tools.settings import Settings

CONNECT_S = 180
BACK_S = 30
"""A chip whose USB is its own disappears with its reset, for some seconds."""
IMAGE, FILES = "flash.bin", "files"
KNOWS_FLASH = (1, 26)
"""From this MicroPython on the flash tells its size; before, it is what the bootloader was built for."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Saved:
    """What was on a board: by path without the leading slash, and what doctor tells of it."""

    folder: Path
    files: Mapping[str, bytes]
    facts: Facts
    mounts: tuple[str, ...] = ()
    """Paths of other file systems, which are not saved."""


@dataclass(frozen=True)
class Prepared:
    """The flash to be written, the files that come back in it, and what the board will not have any more."""

    image: Path
    back: Mapping[str, bytes]
    lost: list[str]


def save_board(port: str, folder: Path | None, maker: Maker, say: Say) -> Saved:
    """Save all files of a board to `folder`/files; the board goes on as before.

    Raises: BoardError; FactoryError for a board that is not of the image's chip or flash.
    """
    with attached(port, say) as board:
        facts = facts_of(board, with_tls=False)
        check_board(facts, maker)
        name = f"migrate-{facts['vm']['mac']}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = folder or Path(name)
        say(f"its files go to {folder.resolve() / FILES}, for you only: secrets may be in them")
        files = Files(board)
        found = save(files, folder / FILES, say)
        return Saved(folder, found, facts, tuple(files.mounts))


def check_board(facts: Facts, maker: Maker) -> None:
    """Refuse a board that cannot take the image. Raises: FactoryError."""
    chip = vm.chip_of(facts)
    if chip != maker.stock.chip:
        raise FactoryError(
            f"the board is an {chip or 'unknown chip'}, {maker.stock.path} is for {maker.stock.chip}"
        )
    found = facts["flash"]
    if found and tuple(facts["vm"]["version"][:2]) >= KNOWS_FLASH:
        check_size(found["size"], maker)
    if facts["on_trial"]:
        raise FactoryError("this board tries a new release: wait until the trial is over")


def check_size(flash_bytes: int, maker: Maker) -> None:
    """Refuse a flash that is too small for the image. Raises: FactoryError."""
    if flash_bytes < maker.layout.flash_bytes:
        raise FactoryError(
            f"nothing was written: the board's flash has {flash_bytes >> 10:,} KB, --flash-size asks for "
            f"{maker.layout.flash_bytes >> 10:,} KB"
        )


def restored(
    saved: Mapping[str, bytes], ours: Mapping[str, bytes], leave: tuple[str, ...]
) -> dict[str, bytes]:
    """What of the saved files comes back; a /boot.py or /main.py that is not ours under another name.

    Certificates and keys that our tools wrote do not: the new settings name others.
    `leave`: patterns of those that stay on the host. Raises: FactoryError where that other name is taken.
    """
    found: dict[str, bytes] = {}
    stale = _stale(saved)
    for path, content in saved.items():
        name = path + stubs.KEPT if _is_foreign_stub(path, content) else path
        if name in ours or path in stale or _is_left(path, leave):
            continue
        if name != path and name in saved and not _is_left(name, leave):
            raise FactoryError(
                f"/{path} would be kept as /{name}, and there is one: move one of them away ('mpremote mv'), "
                f"or --leave {name} keeps it in the backup only"
            )
        found[name] = content
    return found


def _is_foreign_stub(path: str, content: bytes) -> bool:
    return path in stubs.NAMES and stubs.kind(stubs.found(content)) == stubs.FOREIGN


def _stale(saved: Mapping[str, bytes]) -> set[str]:
    """Certificates and keys of the former settings: the new ones name others."""
    kept = kept_cas(saved.get(TRUST, b""))
    return {path for path in saved if is_ours("/" + path) and path not in kept}


def _is_left(path: str, leave: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(path, pattern.lstrip("/")) for pattern in leave)


def prepare(
    maker: Maker,
    settings: Settings,
    saved: Saved,
    leave: tuple[str, ...],
    pair: Pair | None = None,
) -> Prepared:
    """Make the flash of the board with its files in it.

    Raises: FactoryError when the files do not fit, or two would have one name.
    """
    ours = maker.files(settings, pair)
    back = restored(saved.files, ours, leave)
    try:
        image = maker.flash(settings, pair, back)
    except FactoryError as error:
        biggest = sorted(back, key=lambda name: -len(back[name]))[:3]
        raise FactoryError(
            f"{error}; the largest are {', '.join(biggest)}: --leave PATTERN keeps them in "
            f"{saved.folder / FILES} only"
        ) from None
    path = saved.folder / IMAGE
    write_private(path, image)
    return Prepared(path, back, losses(saved, ours, leave))


def losses(saved: Saved, ours: Mapping[str, bytes], leave: tuple[str, ...]) -> list[str]:
    """What the board will not have afterwards."""
    found = ["what the application writes from now on: it runs again until the flash is written"]
    found.append(
        "NVS: what applications kept there, and Wi-Fi calibration, which the chip makes anew"
    )
    left = [path for path in saved.files if _is_left(path, leave)]
    found += [f"/{path} (saved, and left out)" for path in left]
    stale = _stale(saved.files)
    found += [
        f"replaced: /{path} (saved)"
        for path, content in saved.files.items()
        if ours.get(path, None if path in stale else content) != content
        and path not in left
        and not _is_foreign_stub(path, content)
    ]
    found += [f"what is mounted at {path}, which is not saved" for path in _foreign(saved.mounts)]
    table = saved.facts["partitions"]
    labels = [data[4] for data in table["data"]]
    root = "vfs" if "vfs" in labels else "ffat"  # as MicroPython chooses it
    others = set(labels) - {"nvs", "otadata", "phy_init", root}
    others |= {
        app["label"]
        for app in table["apps"]
        if app["image_bytes"] and app["label"] != table["running"]
    }
    return found + [f"partition '{label}', which is not saved" for label in sorted(others)]


def _foreign(mounts: tuple[str, ...]) -> list[str]:
    """Without what our /boot.py mounts."""
    return [path for path in mounts if path not in ("/app", "/rescue")]


def write_board(tool: Esptool, image: Path, maker: Maker, port: str, show: Say) -> Contact:
    """Write the flash, verify it, and watch the board until EnOS knows it.

    Raises: FactoryError when it is not written; a port that stays away afterwards is told in the Contact.
    """
    found = tool.begin()
    if found is not None and found < maker.layout.flash_bytes:
        tool.end()
        check_size(found, maker)
    tool.write(image)
    tool.end()
    try:
        console = Console(port, patience_s=BACK_S)
        try:
            return watch(console.lines(CONNECT_S), show)
        finally:
            console.close()
    except BoardError as error:
        advice = "unplug the board, plug it in, and see 'enos-ota monitor PORT'"
        return Contact(reason=f"it is written, but {error}", advice=advice)


def as_json(saved: Saved, prepared: Prepared, contact: Contact) -> str:
    """The report."""
    document: dict[str, Any] = {
        "backup": str(saved.folder),
        "restored": sorted(prepared.back),
        "erased": prepared.lost,
        "connected": bool(contact.version),
        "version": contact.version,
        "reason": contact.reason,
        "advice": contact.advice,
    }
    return json.dumps(document, indent=1)
