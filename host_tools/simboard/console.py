"""The USB serial adapter of a board: a PTY that mpremote and other programs open as a serial port."""

from __future__ import annotations

import contextlib
import os
import select
import termios
import tty
from pathlib import Path

UNREAD_BYTES = 64 * 1024
"""What is kept for a client that is slow to read; for no client, nothing is kept."""


class Console:
    """A PTY in raw mode from here to `close`; `path` becomes a symlink to it.

    Nothing here blocks. What no client takes is lost, as on a serial line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._device = os.ttyname(slave)
        # Not kept open: so one can tell whether a client has it open.
        os.close(slave)
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, 0)
        self._unread = b""
        self._had_client = False
        path.unlink(missing_ok=True)
        path.symlink_to(self._device)

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unplug it: clients get an error, the symlink is gone."""
        os.close(self._master)
        self.path.unlink(missing_ok=True)

    def fileno(self) -> int:
        """For a selector, while there is a client: without one it would always be ready."""
        return self._master

    @property
    def unread(self) -> bool:
        """Whether something waits for a client to read on."""
        return bool(self._unread)

    def has_client(self) -> bool:
        """Whether a program has the PTY open."""
        has_client = not self._poll.poll(0)
        if self._had_client and not has_client:
            self._forget()
        self._had_client = has_client
        return has_client

    def read(self) -> bytes:
        """What a client has sent; empty if nothing."""
        try:
            return os.read(self._master, 65536)
        except OSError:  # nothing yet, or the client has gone
            return b""

    def write(self, text: bytes) -> None:
        """Send to the client."""
        if self.has_client():
            self._unread = (self._unread + text)[-UNREAD_BYTES:]
            self.flush()

    def flush(self) -> None:
        """Send what waits, as much as goes."""
        with contextlib.suppress(BlockingIOError):
            while self._unread:
                self._unread = self._unread[os.write(self._master, self._unread) :]

    def _forget(self) -> None:
        """What a client has not read is not for the next one."""
        self._unread = b""
        slave = os.open(self._device, os.O_RDWR | os.O_NOCTTY)
        termios.tcflush(slave, termios.TCIFLUSH)
        os.close(slave)
