"""The serial port itself: opened with patience, closed for good, read with a limit in time."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from host_tools.board.errors import PortError

READ_S = 2.0
WRITE_S = 10.0
PATIENCE_S = 1.0
"""A program that just ended may hold the port for a moment."""
BACK_S = 15.0
"""A chip whose USB is its own disappears with each reset, for some seconds."""
PAUSE_S = 0.2


class Transport(SerialTransport):  # type: ignore[misc]
    """mpremote's, with a limit for every wait: a board that prints all the time would never let it end."""

    limit_s = 30.0

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = 10,
        data_consumer: Any = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """As mpremote's; at most `limit_s` where no other limit is given."""
        found = super().read_until(
            min_num_bytes, ending, timeout, data_consumer, timeout_overall or self.limit_s
        )
        return bytes(found)

    def close(self) -> None:
        """Close the port, also one that has vanished: held open, it could not come back by its name."""
        with contextlib.suppress(OSError):
            super().close()
        with contextlib.suppress(OSError):
            self.serial.close()


def opened(url: str, patience_s: float = PATIENCE_S) -> Transport:
    """A serial port, open; nothing is sent. Raises: PortError when it cannot be for `patience_s`."""
    end = time.monotonic() + patience_s
    while True:
        try:
            if "://" not in url:
                _check_device(Path(url))
            return _open(url)
        except PortError:
            if time.monotonic() > end:
                raise
        time.sleep(PAUSE_S)


def _open(url: str) -> Transport:
    try:
        transport = Transport(url, timeout=READ_S)
        transport.serial.write_timeout = WRITE_S
        return transport
    except (TransportError, OSError, ValueError):
        raise PortError(
            f"cannot open {url}: is the board plugged in, and no other program using the port?"
        ) from None


def _check_device(path: Path) -> None:
    if not path.exists():
        raise PortError(f"{path}: there is no such port: 'mpremote connect list' shows them")
    if not os.access(path, os.R_OK | os.W_OK):
        raise PortError(
            f"{path}: you may not use the port: add yourself to its group ('ls -l {path}' names it)"
        )
