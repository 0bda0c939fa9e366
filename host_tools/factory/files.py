"""The file system of a new board: stubs, rescue agent, settings, CAs, its own certificate."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from host_tools.board import stubs
from host_tools.board.certificates import Pair
from host_tools.factory.errors import FactoryError
from host_tools.release import rescue
from host_tools.release.appfs import DISK_VERSION
from host_tools.release.compile import native_arch
from host_tools.settings import Settings

BLOCK_BYTES = 4096
READ_BYTES = 32
CACHE_BYTES = 4 * READ_BYTES
TRUST = "enos_trust.json"
SPARE_BLOCKS = 2
"""Left free, or the settings of the board could never be rewritten: LittleFS copies, then forgets."""


def der_names(ders: list[bytes]) -> list[str]:
    """Where CAs, the board's certificate and its key (DER) are on a board.

    Named by their content, so that settings and files change together.
    """
    return [f"/enos-{hashlib.sha256(der).hexdigest()[:8]}.der" for der in ders]


def is_ours(path: str) -> bool:
    """Whether a path is one of `der_names`."""
    return re.fullmatch(r"/enos-[0-9a-f]{8}\.der", path) is not None


def kept_cas(trust: bytes) -> set[str]:
    """Names of the CAs in `/enos_trust.json`, where an agent keeps what a release made it trust; {} if damaged.

    They are called like ours and lie beside ours, but belong to the agent.
    """
    try:
        return {str(name) for name in json.loads(trust)["ca"]}
    except (ValueError, KeyError, TypeError):
        return set()


def ders_of(cas: list[bytes], pair: Pair | None) -> list[bytes]:
    """The DER files of a board with these CAs and this certificate and key."""
    return [*cas, *(pair.ders if pair else ())]


def with_ders(settings: Settings, cas: list[bytes], pair: Pair | None = None) -> Settings:
    """The settings of a board that has these files. Raises: FactoryError when they name others."""
    names: dict[str, Any] = {"ca": der_names(cas)}
    if pair:
        names["cert"], names["key"] = der_names(pair.ders)
    options = {"ca": "--ca", "cert": "--cert", "key": "--key-file"}
    for key, option in options.items():
        there = settings.get(key)
        if there and there != names.get(key):
            made = f" makes it {json.dumps(names[key])}" if key in names else " takes the file"
            raise FactoryError(f"{key}: leave it out of the settings, {option}{made}")
    return settings | names


def board_files(settings: Settings, ders: list[bytes], chip: str) -> dict[str, bytes]:
    """Name -> content of everything on `vfs`; the settings are those of `with_ders`. Raises: ReleaseError."""
    text = json.dumps(settings, indent=1).encode()
    return {
        **{name: stubs.content(name) for name in stubs.NAMES},
        rescue.NAME: rescue.rescue_image(native_arch(chip)),
        **{name[1:]: der for name, der in zip(der_names(ders), ders, strict=True)},
        "enos.json": text,
        "enos.bak": text,
    }


def file_system(size_bytes: int, files: Mapping[str, bytes], spare_blocks: int = 0) -> bytes:
    """A LittleFS as a board's MicroPython would make it.

    Raises: FactoryError when `files` do not fit and leave `spare_blocks` free.
    """
    fs = LittleFS(
        block_size=BLOCK_BYTES,
        block_count=size_bytes // BLOCK_BYTES,
        # MicroPython's own, or small files would lie inside directories as it could not have written them.
        read_size=READ_BYTES,
        prog_size=READ_BYTES,
        cache_size=CACHE_BYTES,
        lookahead_size=READ_BYTES,
        disk_version=DISK_VERSION,
    )
    with contextlib.suppress(LittleFSError):
        for name, content in files.items():
            if "/" in name:
                fs.makedirs(name.rpartition("/")[0], exist_ok=True)
            with fs.open(name, "wb") as file:
                file.write(content)
        if fs.used_block_count + spare_blocks <= size_bytes // BLOCK_BYTES:
            return bytes(fs.context.buffer)
    total = sum(map(len, files.values()))
    raise FactoryError(
        f"{total:,} bytes of files do not fit the board's file system of {size_bytes:,}: "
        "fewer CAs, or shorter settings"
    )


def write_private(path: Path, data: bytes) -> None:
    """Write what holds secrets: for the owner only, and never a part of it. Raises: FactoryError."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Its mode is 0600 from the beginning.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".factory-", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise FactoryError(f"{path}: cannot be written: {error.strerror or error}") from None
