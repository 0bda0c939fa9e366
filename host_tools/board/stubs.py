"""/boot.py and /main.py: ours, MicroPython's own, or somebody's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_tools import paths

NAMES = ("boot.py", "main.py")
KEPT = ".before-ota"
"""Ending of what `deploy --replace` keeps."""
NONE, EMPTY, OURS, FOREIGN = "none", "empty", "ours", "foreign"
Found = Sequence[Any]
"""[first line, whether there is more in it than comments, SHA-256 in hex], as the board tells it."""
_HEAD = re.compile(r"# Stub ABI (\d+)\.")


def content(name: str) -> bytes:
    """The stub as it is deployed."""
    return (paths.BOOT / name).read_bytes()


def sizes() -> Iterator[tuple[str, int]]:
    """(name, size in bytes) of each stub."""
    for name in NAMES:
        yield name, len(content(name))


def kind(found: Found | None) -> str:
    """NONE, EMPTY (nothing but comments, as MicroPython makes it), OURS or FOREIGN."""
    if found is None:
        return NONE
    if abi(found) is not None:
        return OURS
    return FOREIGN if found[1] else EMPTY


def abi(found: Found) -> int | None:
    """The stub ABI that the first line names."""
    match = _HEAD.match(found[0])
    return int(match[1]) if match else None


def same(name: str, found: Found) -> bool:
    """Whether it is this checkout's stub to the byte."""
    return bool(hashlib.sha256(content(name)).hexdigest() == found[2])
