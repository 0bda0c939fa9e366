"""What a board prints: lines from its port, which may vanish in a reset and come back."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import serial
from mpremote.transport_serial import SerialTransport

from host_tools.board.errors import PortError
from host_tools.board.port import opened

READ_S = 0.1
LONGEST_LINE_BYTES = 4096
BACK_S = 15.0
"""A chip whose USB is its own disappears with each reset, for some seconds."""


class Console:
    """Lines of a board. The port is only read: nothing that runs there is disturbed.

    `transport`: an open one to take over.
    """

    def __init__(self, url: str, transport: SerialTransport | None = None) -> None:
        self.url = url
        self._transport = transport or opened(url)
        self._text = b""

    def close(self) -> None:
        """Close the port."""
        with contextlib.suppress(OSError):
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

    def rest(self) -> str:
        """The line that has not ended, such as a prompt."""
        return self._text.decode("utf-8", "replace")

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
        end = time.monotonic() + BACK_S
        while True:
            try:
                self._transport = opened(self.url)
                return
            except PortError:
                if time.monotonic() > end:
                    raise PortError(f"{self.url}: the board is gone: was it unplugged?") from None
                time.sleep(READ_S)
