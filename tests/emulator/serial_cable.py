"""The cable to an emulated chip's console, connected all the time.

QEMU's UART of the ESP32 drops what the chip prints while nobody is connected. And a board's port stays when its
power is cut.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

LOOPBACK = "127.0.0.1"
PIECE_BYTES = 4096
CLIENT_S = 5.0
"""A program that does not read for so long is cut off."""


class SerialCable:
    """Between a chip and one program at a time; what the chip prints is kept in `log`, too."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab", buffering=0)
        self._chip: socket.socket | None = None
        self._client: socket.socket | None = None
        self._server = socket.create_server((LOOPBACK, 0))
        self._start(self._serve)

    @property
    def url(self) -> str:
        """What `enos-ota … PORT` is given."""
        return f"socket://{LOOPBACK}:{self._server.getsockname()[1]}"

    def plug(self, chip: socket.socket) -> None:
        """Connect a chip."""
        chip.settimeout(None)
        self._chip = chip
        self._start(self._read_chip, chip)

    def unplug(self) -> None:
        """The chip has gone; the program stays connected."""
        if self._chip is not None:
            self._chip.close()
            self._chip = None

    @staticmethod
    def _start(target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _read_chip(self, chip: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := chip.recv(PIECE_BYTES):
                self._log.write(piece)
                client = self._client
                if client is None:
                    continue
                try:
                    client.sendall(piece)
                except OSError:
                    self._client = None

    def _serve(self) -> None:
        while True:
            client, _ = self._server.accept()
            client.settimeout(CLIENT_S)
            self._client = client
            with client, contextlib.suppress(OSError):
                self._read_client(client)
            self._client = None

    def _read_client(self, client: socket.socket) -> None:
        while True:
            try:
                piece = client.recv(PIECE_BYTES)
            except TimeoutError:
                if self._client is None:
                    return
                continue
            if not piece:
                return
            if self._chip is not None:
                with contextlib.suppress(OSError):
                    self._chip.sendall(piece)
