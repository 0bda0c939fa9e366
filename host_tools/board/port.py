"""A board's serial port: taken from whatever runs there, worked with, and given back by a reset."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from host_tools.board import snippet
from host_tools.board.errors import BoardCodeError, BoardError, BoardGoneError, PortError

ATTACH_S = 60.0
"""A board that is busy (a TLS handshake, a flash operation, its boot) answers late, but answers."""
READ_S = 2.0
WRITE_S = 10.0
OPEN_TRIES = 4
OPEN_PAUSE_S = 0.3
HOLD_MS = 600_000
"""The watchdog while a tool works: long enough for any one step, and the board comes back by itself if the
tool is killed."""
BOOT_PY_S = 20.0
"""A /boot.py that does not end by itself is interrupted then."""
_RAW = b"raw REPL; CTRL-B to exit\r\n"
_GONE = (TransportError, OSError, struct.error)
Say = Callable[[str], None]


class Port:
    """An open port. `attach()` before anything runs on the board; `close()` in any case.

    `url`: a device such as /dev/ttyUSB0, or any URL of pyserial (socket://host:port, rfc2217://…).
    """

    def __init__(self, url: str, say: Say = lambda text: None) -> None:
        self.url = url
        self._say = say
        self.stays_open = False
        """For `attached`: somebody goes on with the transport."""
        self._serial = opened(url)

    def close(self) -> None:
        """Close the port; the board goes on with what it is at."""
        with contextlib.suppress(OSError):
            self._serial.close()

    @property
    def transport(self) -> SerialTransport:
        """The open port itself."""
        return self._serial

    # ---- the board is taken and given back

    def attach(self, timeout_s: float = ATTACH_S) -> None:
        """Interrupt what runs, restart the VM without main.py, and hold the watchdog off.

        Raises: BoardError when no MicroPython answers.
        """
        end = time.monotonic() + timeout_s
        asked = False
        while True:
            try:
                if self._enter_raw_repl() and self._restart_vm():
                    self._serial.in_raw_repl = True
                    self._hold_watchdog()
                    return
            except BoardGoneError:
                pass  # it was reset meanwhile: once more
            if time.monotonic() > end:
                raise BoardError(
                    f"{self.url}: no MicroPython answers: press the board's reset button and try again; "
                    "if it stays silent, check the port, and that the board runs MicroPython"
                )
            if not asked and time.monotonic() > end - timeout_s / 2:
                asked = True
                self._say("no answer yet: pulling the reset line, and interrupting the start")
                self._pull_reset()

    def reset(self) -> None:
        """Restart the chip: the watchdog gets its own time-out again, and the application runs."""
        self._leave("import machine\nmachine.reset()")

    def restart_vm(self) -> None:
        """Restart the VM only: an image on trial goes on with its trial, which a reset would end."""
        self._serial.serial.write(b"\r\x02")
        time.sleep(0.2)
        self._serial.serial.write(b"\x04")
        self._serial.in_raw_repl = False

    def _leave(self, source: str) -> None:
        with contextlib.suppress(*_GONE):
            self._serial.exec_raw_no_follow(source)
        self._serial.in_raw_repl = False

    def _enter_raw_repl(self) -> bool:
        with _guarded("it was interrupted"):
            self._serial.serial.write(b"\r\x03\x03")
            time.sleep(0.1)
            self._drain()
            self._serial.serial.write(b"\r\x01")
            return self._wait(_RAW + b">", READ_S)

    def _restart_vm(self) -> bool:
        # What ran has filled the memory and armed timers; and threads go on after Ctrl-C.
        with _guarded("it was restarted"):
            self._serial.serial.write(b"\x04")
            if not self._wait(b"soft reboot\r\n", BOOT_PY_S):
                return False
            if self._wait(_RAW, BOOT_PY_S):
                return True
            self._serial.serial.write(b"\x03\x03")
            return self._wait(_RAW, READ_S)

    def _wait(self, text: bytes, timeout_s: float) -> bool:
        return bool(self._serial.read_until(1, text, timeout_overall=timeout_s).endswith(text))

    def _drain(self) -> None:
        while waiting := self._serial.serial.inWaiting():
            self._serial.serial.read(waiting)

    def _hold_watchdog(self) -> None:
        self.exec(f"import json, machine\nmachine.WDT(timeout={HOLD_MS})")

    def _pull_reset(self) -> None:
        # EN is low while RTS is asserted and DTR is not; a PTY and a socket have no such lines.
        with contextlib.suppress(OSError, ValueError):
            self._serial.serial.dtr = False
            self._serial.serial.rts = True
            time.sleep(0.1)
            self._serial.serial.rts = False
            self._serial.serial.dtr = True

    # ---- code on the board

    def exec(self, source: str, timeout_s: float = 30) -> bytes:
        """Run source on the board; return what it printed.

        `timeout_s`: how long it may print nothing.
        Raises: BoardCodeError when it raised, BoardGoneError when the board does not answer.
        """
        with _guarded("it worked"):
            printed, raised = self._serial.exec_raw(source, timeout=timeout_s)
        if raised:
            last = raised.decode("utf-8", "replace").strip().splitlines()[-1]
            raise BoardCodeError(f"on the board: {last}", last)
        return bytes(printed)

    def load(self, name: str) -> None:
        """Define the functions of `on_board/NAME.py` on the board."""
        self.exec(snippet.source(name))

    def call(self, function: str, *arguments: Any, timeout_s: float = 30) -> Any:
        """Call a function that was loaded; its result travels as JSON.

        Raises: as `exec`.
        """
        text = ", ".join(map(repr, arguments))
        printed = self.exec(f"print('\\n' + json.dumps({function}({text})))", timeout_s)
        try:
            return json.loads(printed.decode("utf-8", "replace").strip().rpartition("\n")[2])
        except ValueError:
            raise BoardGoneError(f"{self.url}: the board's answer is garbled: try again") from None


@contextlib.contextmanager
def attached(url: str, say: Say = lambda text: None) -> Iterator[Port]:
    """A board that is taken; it is reset at the end, whatever happened, so that its application runs again.

    One on trial is only restarted: a reset would roll it back.
    Raises: BoardError.
    """
    port = Port(url, say)
    try:
        port.attach()
        try:
            port.load("trial")
            on_trial = port.call("on_trial")
        except BoardCodeError:
            on_trial = False  # no table with slots, or not an ESP32: nothing to protect
        try:
            yield port
        finally:
            (port.restart_vm if on_trial else port.reset)()
    except BaseException:
        port.close()
        raise
    if not port.stays_open:
        port.close()


@contextlib.contextmanager
def _guarded(what: str) -> Iterator[None]:
    try:
        yield
    except TransportExecError as error:
        last = (error.error_output.strip().splitlines() or ["?"])[-1]
        raise BoardCodeError(f"on the board: {last}", last) from None
    except _GONE as error:
        raise BoardGoneError(
            f"the board stopped answering while {what} ({str(error) or type(error).__name__}): "
            "it was reset or unplugged; run the command again"
        ) from None


def opened(url: str) -> SerialTransport:
    """A serial port, open; nothing is sent. Raises: PortError."""
    if "://" not in url:
        _check_device(Path(url))
    for attempt in range(OPEN_TRIES):
        if attempt:
            time.sleep(OPEN_PAUSE_S)  # a program that just ended may hold it for a moment
        try:
            transport = SerialTransport(url, timeout=READ_S)
            transport.serial.write_timeout = WRITE_S
            return transport
        except (TransportError, OSError, ValueError):
            continue
    raise PortError(
        f"cannot open {url}: is the board plugged in, and no other program using the port?"
    )


def _check_device(path: Path) -> None:
    if not path.exists():
        raise PortError(f"{path}: there is no such port: 'mpremote connect list' shows them")
    if not os.access(path, os.R_OK | os.W_OK):
        raise PortError(
            f"{path}: you may not use the port: add yourself to its group ('ls -l {path}' names it)"
        )
