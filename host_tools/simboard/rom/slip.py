"""SLIP frames on the serial line, as esptool and the ROM use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

END, ESCAPE = 0xC0, 0xDB
ESCAPED = {0xDC: END, 0xDD: ESCAPE}
"""What follows `ESCAPE` on the line -> the byte it stands for."""


class Frame(NamedTuple):
    """What was between two delimiters; not `whole`: cut at a wrong escape or at the limit."""

    data: bytes
    whole: bool


def encode(data: bytes) -> bytes:
    """One frame with both delimiters."""
    return b"\xc0" + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


class Decoder:
    """Bytes of the line in, frames out; never holds more than `limit_bytes` of a frame.

    Every delimiter both ends and begins a frame, so noise with a delimiter in it costs no frame
    that follows. Empty frames are not reported.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._data = bytearray()
        self._whole = True
        self._in_escape = False

    def feed(self, received: bytes) -> Iterator[Frame]:
        """Yield the frames that `received` completes."""
        pieces = received.split(b"\xc0")
        for number, piece in enumerate(pieces):
            if number:
                yield from self._end()
            self._take(piece)

    def _end(self) -> Iterator[Frame]:
        whole = self._whole and not self._in_escape
        data = bytes(self._data)
        self._data.clear()
        self._whole, self._in_escape = True, False
        if data or not whole:
            yield Frame(data, whole)

    def _take(self, piece: bytes) -> None:
        """Add bytes without a delimiter to the frame under way."""
        if not piece or not self._whole:
            return
        first, *rest = (b"\xdb" + piece if self._in_escape else piece).split(b"\xdb")
        self._in_escape = False
        self._add(first)
        for number, part in enumerate(rest, 1):
            if not part and number == len(rest):
                self._in_escape = True
                return
            plain = ESCAPED.get(part[0]) if part else None
            if plain is None:
                self._whole = False
                return
            self._add(bytes((plain,)) + part[1:])

    def _add(self, plain: bytes) -> None:
        room = self._limit_bytes - len(self._data)
        self._whole = self._whole and len(plain) <= room
        self._data += plain[:room]
