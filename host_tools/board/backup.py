"""Every file of a board, saved on the host: for its owner only, since secrets are among them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from host_tools.board.errors import BoardError
from host_tools.board.files import Files


def save(files: Files, folder: Path, say: Callable[[str], None]) -> dict[str, bytes]:
    """Path below / -> content of all files in the root file system, written to `folder` and compared by digest.

    Raises: BoardError when one cannot be read, or its name cannot be one on the host.
    """
    found = {}
    for path, digest in sorted(files.tree().items()):
        content = files.read(path)
        if hashlib.sha256(content).hexdigest() != digest:
            raise BoardError(f"{path} does not arrive as it is on the board: try again")
        keep(folder, path, content)
        say(f"saved {path}  {len(content):,} bytes")
        found[path.lstrip("/")] = content
    return found


def keep(folder: Path, path: str, content: bytes) -> None:
    """Write a file of a board below `folder`. Raises: BoardError when its name cannot be one on the host."""
    target = (folder / path.lstrip("/")).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise BoardError(f"{path}: no name for a file on this machine")
    try:
        make_folder(target.parent)
        # Private from the beginning; and where large and small letters are the same, nothing is overwritten.
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        raise BoardError(f"{path} cannot be saved to {target}: {error.strerror or error}") from None


def make_folder(path: Path) -> None:
    """Make a folder and those above it; what is new is for its owner only."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
