"""The rescue agent: the copy that runs where a slot's own files cannot be used.

One file, since a board's file system has blocks of 4 KiB and each module would take one: a LittleFS image
that /boot.py mounts at /rescue.
"""

from __future__ import annotations

from functools import cache

from host_tools.release import appfs, sources

NAME = "rescue.fs"
BLOCK_BYTES = 512
"""As /boot.py mounts it. A board's /vfs is small: blocks of 1024 bytes would take three of its sectors more."""


@cache
def rescue_image(arch: str) -> bytes:
    """Content of /rescue.fs for boards of `arch`. Raises: AppError."""
    return appfs.build(sources.agent_files(arch), BLOCK_BYTES).data
