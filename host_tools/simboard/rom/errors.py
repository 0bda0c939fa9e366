"""What the ROM loader answers when it does not do what it was told."""

from __future__ import annotations

INVALID, FAILED, CHECKSUM, WRITE, READ, READ_LENGTH, DEFLATE = range(5, 12)
"""Error byte of an answer (esptool serial protocol, "ROM Loader Errors")."""


class RomError(Exception):
    """A command is refused: `code` is the error byte of the answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ROM error 0x{code:02x}")
        self.code = code
