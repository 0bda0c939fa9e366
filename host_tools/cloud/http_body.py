"""What is sent of a file over HTTP: its bytes, and what the answer says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 64 * 1024
OTHER_CONTENT = bytes(byte ^ 1 for byte in range(256))


@dataclass(frozen=True)
class Body:
    """A file to send, and how: `etag` is empty for none, `ranges` off ignores Range.

    `padding_bytes` zeros follow the file, within `size_bytes`; `other` makes every byte another.
    """

    path: Path
    size_bytes: int
    etag: str
    ranges: bool = True
    padding_bytes: int = 0
    other: bool = False

    @property
    def file_bytes(self) -> int:
        """Size of the file itself."""
        return self.size_bytes - self.padding_bytes

    def pieces(self, start: int, end: int, piece_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
        """Bytes `start` to `end`, both included."""
        with self.path.open("rb") as file:
            file.seek(start)
            while start <= end:
                wanted = min(piece_bytes, end - start + 1)
                piece = file.read(wanted).ljust(wanted, b"\0")
                yield piece.translate(OTHER_CONTENT) if self.other else piece
                start += wanted


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `end` of `total`; `partial` is a 206."""

    start: int
    end: int
    total: int
    partial: bool
    chunked: bool = False

    def headers(self) -> dict[str, str]:
        """Content-Range and Content-Length."""
        headers = {}
        if self.partial:
            headers["Content-Range"] = f"bytes {self.start}-{self.end}/{self.total}"
        if not self.chunked:
            headers["Content-Length"] = str(self.end - self.start + 1)
        return headers


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """First and last byte of a `bytes=a-b`, `a-` or `-n` header; None means the whole file.

    A malformed header and several ranges are ignored, as RFC 9110 allows. Raises: ValueError if
    no byte of the range exists (416).
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip()) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size_bytes - int(last), 0), size_bytes - 1
        if int(last) == 0:
            raise ValueError("empty suffix")
    else:
        start, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
        if last and int(last) < start:
            return None
    if start >= size_bytes:
        raise ValueError("beyond the end")
    return start, end
