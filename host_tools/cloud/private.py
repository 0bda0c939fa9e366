"""Files and folders that only their owner can read, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a private folder where there is none, and its parents where they are missing.

    Not by `parents=True`: their mode would be what the umask leaves, and who may write to a parent
    can put another folder in place of this one.
    """
    for parent in reversed([one for one in folder.parents if not one.exists()]):
        parent.mkdir(0o755, exist_ok=True)
    folder.mkdir(0o700, exist_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step; it is readable by its owner only (0600)."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
