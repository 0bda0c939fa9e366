"""Every file of a board, saved on the host."""

from __future__ import annotations

import hashlib
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
        target = (folder / path.lstrip("/")).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise BoardError(f"{path}: no name for a file on this machine")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o600)
        say(f"saved {path}  {len(content):,} bytes")
        found[path.lstrip("/")] = content
    return found
