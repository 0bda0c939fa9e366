"""What can be wrong with a board on a port: every text is one line and says what to do."""

from __future__ import annotations


class BoardError(Exception):
    """The board or its port cannot be used."""


class PortError(BoardError):
    """The port cannot be opened."""


class BoardGoneError(BoardError):
    """The board stopped answering in the middle of a command."""


class BoardCodeError(BoardError):
    """Code that ran on the board raised; `last_line` is that of its traceback."""

    def __init__(self, text: str, last_line: str) -> None:
        super().__init__(text)
        self.last_line = last_line
