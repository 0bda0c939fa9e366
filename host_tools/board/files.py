"""Files on an attached board."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Sequence

from host_tools.board.errors import BoardCodeError, BoardError
from host_tools.board.port import Port

PIECE_BYTES = 2048
READ_BYTES = 3072
WINDOW_BITS = 10
SLOW_S = 120
"""A file system that is nearly full, or a large file to read back, takes its time."""
Step = tuple[str, str | None]
"""A rename (from, to), or a removal (what, None)."""


class Files:
    """What can be done with files of a board; all paths are absolute.

    `on_bytes(count)` is called as content arrives.
    """

    def __init__(self, port: Port, on_bytes: Callable[[int], None] = lambda count: None) -> None:
        self._port = port
        self._on_bytes = on_bytes
        port.load("files")
        self.mounts: list[str] = port.call("let_go")
        """Paths of other file systems that were mounted: from now on, what lies under them shows."""

    def digest(self, path: str) -> str | None:
        """SHA-256 in hex; None where there is no such file."""
        found = self._port.call("digest", path, timeout_s=SLOW_S)
        return None if found is None else str(found)

    def digests(self, folder: str) -> dict[str, str] | None:
        """Path below `folder` -> SHA-256 of all files in it; None where there is no such folder."""
        found = self._port.call("digests", folder, timeout_s=SLOW_S)
        return None if found is None else dict(found)

    def names(self) -> list[str]:
        """What is in the root."""
        return list(self._port.call("names"))

    def write(self, path: str, content: bytes) -> None:
        """Write a file and compare what was read back.

        Raises: BoardError when the file system is full or broken; nothing is left of the file then.
        """
        try:
            self._port.call("begin", path, timeout_s=SLOW_S)
            for start in range(0, len(content), PIECE_BYTES):
                piece = content[start : start + PIECE_BYTES]
                self._port.exec(f"put('{_packed(piece)}')", SLOW_S)
                self._on_bytes(len(piece))
            found = self._port.call("end", path, timeout_s=SLOW_S)
        except BoardCodeError as error:
            self._port.call("drop", path)
            full = re.search(r"ENOSPC|OSError: 28\b", error.last_line)
            what = "the board's file system is full" if full else error.last_line
            raise BoardError(f"{path} cannot be written: {what}") from None
        self._compare(path, found, hashlib.sha256(content).hexdigest())

    def copy(self, source: str, target: str, digest: str) -> None:
        """Copy a file on the board, whose SHA-256 is known."""
        self._compare(target, self._port.call("copy", source, target, timeout_s=SLOW_S), digest)

    def _compare(self, path: str, found: str, digest: str) -> None:
        if found != digest:
            self._port.call("drop", path)
            raise BoardError(f"{path} does not read back as written: the board's flash is failing")

    def size(self, path: str) -> int:
        """Bytes of a file; 0 where there is none."""
        return int(self._port.call("size", path))

    def tree(self) -> dict[str, str]:
        """Path -> SHA-256 of all files in the root file system."""
        return dict(self._port.call("tree", timeout_s=SLOW_S))

    def read(self, path: str) -> bytes:
        """Content of a file. Raises: BoardCodeError where there is none."""
        content = b""
        while True:
            text = str(self._port.call("read", path, len(content), READ_BYTES, timeout_s=SLOW_S))
            piece = base64.b64decode(text)
            content += piece
            self._on_bytes(len(piece))
            if len(piece) < READ_BYTES:
                return content

    def act(self, steps: Sequence[Step]) -> None:
        """Rename and remove in one go: this tool does not interrupt it, and the board needs no host for it."""
        if steps:
            self._port.call("act", [list(step) for step in steps], timeout_s=SLOW_S, uncut=True)

    def free_bytes(self) -> int:
        """Room in the root file system."""
        return int(self._port.call("free_bytes"))


def _packed(piece: bytes) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
    return base64.b64encode(packer.compress(piece) + packer.flush()).decode()
