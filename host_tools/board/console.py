"""What a board prints: lines from its port, which may vanish in a reset and come back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import serial

from host_tools.board.errors import PortError
from host_tools.board.serial_port import BACK_S, Transport, opened

READ_S = 0.1
LONGEST_LINE_BYTES = 4096


class Console:
    """Lines of a board. The port is only read: nothing that runs there is disturbed.

    `transport`: an open one to take over. `patience_s`: the port may be missing for so long at first.
    """

    def __init__(
        self, url: str, transport: Transport | None = None, patience_s: float = 1.0
    ) -> None:
        self.url = url
        self._transport = transport or opened(url, patience_s)
        self._text = b""

    def close(self) -> None:
        """Close the port."""
        self._transport.close()

    def lines(self, timeout_s: float | None = None) -> Iterator[str]:
        """Lines as they come, until `timeout_s` has passed; without it for ever.

        Raises: PortError when the port is gone and does not come back.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while end is None or time.monotonic() < end:
            self._text += self._read()
            *found, self._text = self._text.split(b"\n")
            if len(self._text) > LONGEST_LINE_BYTES:
                found, self._text = [*found, self._text], b""
            for line in found:
                yield line.decode("utf-8", "replace").rstrip("\r")

    def _read(self) -> bytes:
        try:
            port = self._transport.serial
            waiting = port.in_waiting
            if waiting:
                return bytes(port.read(waiting))
        except (OSError, serial.SerialException):
            self._reopen()
        time.sleep(READ_S)
        return b""

    def _reopen(self) -> None:
        self.close()
        try:
            self._transport = opened(self.url, BACK_S)
        except PortError:
            raise PortError(f"{self.url}: the board is gone: was it unplugged?") from None
