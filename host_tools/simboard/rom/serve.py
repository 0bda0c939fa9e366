"""Download mode of a simulated board on a PTY or a socket."""

from __future__ import annotations

import errno
import os
import selectors
import threading
import time

from host_tools.simboard.chip.nor import FlashHaltedError, Nor
from host_tools.simboard.rom import slip
from host_tools.simboard.rom.loader import MAX_PACKET_BYTES, Loader

POLL_S = 0.1
"""How soon `stop` is seen."""
SEND_S, SEND_RETRY_S = 1.0, 0.005
"""What nobody has read after `SEND_S` is lost: a UART has no flow control."""
RECEIVE_BYTES = 1 << 16


def serve(fd: int, flash: Nor, mac: str, stop: threading.Event) -> bool:
    """Be the ROM loader on a line: one chip, from its entry into download mode.

    `fd` is the master of a PTY (its slave in raw mode; clients may come and go) or a connected
    socket; it stays open, and nobody else may use it meanwhile. `mac` is written as
    "24:6f:28:00:00:01".

    Returns True when the client has sent the chip to its application (FLASH_END; the chip boots
    now), False when `stop` is set, the socket is closed or the flash is halted.
    """
    loader = Loader(flash, bytes.fromhex(mac.replace(":", "")))
    was_blocking = os.get_blocking(fd)
    os.set_blocking(fd, False)  # else an answer that nobody reads would hold this thread
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(fd, selectors.EVENT_READ)
            return _talk(fd, selector, loader, stop)
    except FlashHaltedError:
        return False
    finally:
        os.set_blocking(fd, was_blocking)


def _talk(fd: int, selector: selectors.BaseSelector, loader: Loader, stop: threading.Event) -> bool:
    decoder = slip.Decoder(MAX_PACKET_BYTES)
    while not stop.is_set():
        if not selector.select(POLL_S):
            continue
        received = _receive(fd, stop)
        if received is None:
            return False
        for frame in decoder.feed(received):
            for answer in loader.handle(frame.data, frame.whole):
                _send(fd, slip.encode(answer), stop)
            if loader.leaving:
                return True
    return False


def _receive(fd: int, stop: threading.Event) -> bytes | None:
    """What has come, None if nothing can come any more."""
    try:
        return os.read(fd, RECEIVE_BYTES) or None
    except BlockingIOError:
        return b""
    except OSError as error:
        if error.errno != errno.EIO:
            return None
        # Linux: nobody has the slave open. The next client finds the same chip.
        stop.wait(POLL_S)
        return b""


def _send(fd: int, data: bytes, stop: threading.Event) -> None:
    """Write all of `data`, or lose the rest."""
    left = memoryview(data)
    deadline = time.monotonic() + SEND_S
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            if time.monotonic() > deadline or stop.wait(SEND_RETRY_S):
                return
        except OSError:
            return  # the client is gone; reading tells whether for good
