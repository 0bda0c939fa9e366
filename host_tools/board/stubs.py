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
"""[first line, whether there is more than comments, SHA-256 in hex, that of all but the first line], as the
board tells it."""
_HEAD = re.compile(r"# Stub ABI (\d+)(?: \[([0-9a-f]{8})\])?\.")


def content(name: str) -> bytes:
    """The stub as boards get it: its first line holds a digest of the rest, so that an edited one is known."""
    first, _, rest = (paths.BOOT / name).read_bytes().partition(b"\n")
    head = _HEAD.match(first.decode())
    assert head is not None, f"{name} does not begin with its ABI"
    digest = hashlib.sha256(rest).hexdigest()[:8]
    return b"# Stub ABI %s [%s].%s\n%s" % (
        head[1].encode(), digest.encode(), first[head.end() :], rest,
    )  # fmt: skip


def sizes() -> Iterator[tuple[str, int]]:
    """(name, size in bytes) of each stub."""
    for name in NAMES:
        yield name, len(content(name))


def found(content: bytes) -> Found:
    """What the board tells of a file with this content."""
    first, _, rest = content.partition(b"\n")
    lines = (line.strip() for line in content.splitlines())
    has_code = any(line and not line.startswith(b"#") for line in lines)
    digests = [hashlib.sha256(data).hexdigest() for data in (content, rest)]
    return [first.decode("utf-8", "replace").strip(), has_code, *digests]


def kind(found: Found | None) -> str:
    """NONE, EMPTY (nothing but comments, as MicroPython makes it), OURS or FOREIGN, an edited one of ours too."""
    if found is None:
        return NONE
    head = _HEAD.match(found[0])
    if head and head[2] == found[3][:8]:
        return OURS
    return FOREIGN if found[1] else EMPTY


def abi(found: Found) -> int | None:
    """The stub ABI that the first line names."""
    match = _HEAD.match(found[0])
    return int(match[1]) if match else None


def same(name: str, found: Found) -> bool:
    """Whether it is this checkout's stub to the byte."""
    return bool(hashlib.sha256(content(name)).hexdigest() == found[2])
