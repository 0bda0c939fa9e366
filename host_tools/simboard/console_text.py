"""What the VM prints, made into what a chip prints."""

from __future__ import annotations

from host_tools.simboard.process import HERE

RAW_REPL = b"raw REPL; CTRL-B to exit"
_ESCAPE = b"\xff"
_HEAD_BYTES = 4
_FRAME = f'  File "{HERE}'.encode()
"""How a traceback shows what is C on the chip."""
_KNOWN_BYTES = 200
"""So much of an unfinished line is remembered."""


class ConsoleText:
    """Lines end in CR LF, the banner is the chip's, tracebacks have no lines of the simulator.

    The VM puts what is not plain text into frames: FF, kind, length (2 bytes, big-endian), content. Kinds:
    T text, B bytes to be left alone, R the REPL begins (its banner, LF, the banner to be shown).

    Attributes: raw (whether the REPL is in raw mode), at_repl (whether it has begun).
    """

    def __init__(self, raw: bool) -> None:
        self.raw = raw
        self.at_repl = False
        self._input = b""
        self._line = b""
        self._kept = b""
        self._banner = self._shown_banner = b""
        self._skipping = False

    @property
    def waiting(self) -> bool:
        """Whether the beginning of a line is kept back: it may turn out to be one to change."""
        return bool(self._kept) and not self._skipping

    def feed(self, piece: bytes) -> tuple[bytes, bytes]:
        """(for the serial line, the text in it) of the next piece."""
        self._input += piece
        line = text = b""
        while self._input:
            plain, escape, rest = self._input.partition(_ESCAPE)
            shown = self._text(plain)
            self._input = escape + rest
            if escape:
                kind, content = self._frame()
                if kind == b"B":
                    line, text = line + shown + content, text + shown
                    continue
                if not kind:
                    return line + shown, text + shown
                shown += self._text(content) if kind == b"T" else self._begin_repl(content)
            line, text = line + shown, text + shown
        return line, text

    def flush(self) -> bytes:
        """What was kept back, since the line does not go on for a while."""
        kept, self._kept = self._kept, b""
        self._line += kept
        return kept

    def _frame(self) -> tuple[bytes, bytes]:
        """(kind, content) of the frame that begins the input; kind is empty if it is not all there."""
        length = int.from_bytes(self._input[2:_HEAD_BYTES], "big")
        end = _HEAD_BYTES + length
        if len(self._input) < max(_HEAD_BYTES, end):
            return b"", b""
        kind, content = self._input[1:2], self._input[_HEAD_BYTES:end]
        self._input = self._input[end:]
        return kind, content

    def _begin_repl(self, banners: bytes) -> bytes:
        kept = self.flush()
        self._banner, _, self._shown_banner = banners.partition(b"\n")
        self.at_repl = True
        # The VM's REPL always begins in friendly mode; the chip's stays raw across a soft reset.
        self._skipping = self.raw
        return kept

    def _text(self, piece: bytes) -> bytes:
        *lines, self._kept = (self._kept + piece).split(b"\n")
        out = b""
        for line in lines:
            out += self._finished(line)
            self._line = b""
        if not self._skipping and not (self._line == b"" and self._may_change(self._kept)):
            out += self._kept
            self._line = (self._line + self._kept)[-_KNOWN_BYTES:]
            self._kept = b""
        return out

    def _may_change(self, start: bytes) -> bool:
        return start.startswith(_FRAME) or any(
            text.startswith(start) for text in (self._banner + b"\r", _FRAME)
        )

    def _finished(self, line: bytes) -> bytes:
        """The rest of a line, as it is to be shown."""
        whole = (self._line + line).rstrip(b"\r")
        if whole.endswith(RAW_REPL):
            self.raw, self._skipping = True, False
        if self._skipping or (not self._line and whole.startswith(_FRAME)):
            return b""
        if self.at_repl and whole == self._banner:
            self.raw = False
            line = self._shown_banner
        return line + (b"\n" if (self._line + line).endswith(b"\r") else b"\r\n")
