"""A board at a serial port: taken from whatever runs there, worked with, and given back by a reset."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

from mpremote.transport import TransportError, TransportExecError

from host_tools.board import snippet
from host_tools.board.errors import BoardCodeError, BoardError, BoardGoneError, PortError
from host_tools.board.serial_port import BACK_S, Transport, opened

ATTACH_S = 60.0
"""A board that is busy (a TLS handshake, a flash operation, its boot) answers late, but answers."""
READ_S = 2.0
HOLD_MS = 600_000
"""The watchdog while a tool works: long enough for any one step, and the board comes back by itself if the
tool is killed."""
BOOT_PY_S = 20.0
"""A /boot.py that does not end by itself is interrupted then."""
RESET_S, ROM_S, PRESS_S = 0.1, 1.0, 5.0
"""How long EN is held low; the ROM looks at IO0; and Ctrl-C is pressed after a reset."""
UNCUT_S = 60.0
LOAD_S = 15.0
_RAW = b"raw REPL; CTRL-B to exit\r\n"
_GONE = (TransportError, OSError, struct.error)
Say = Callable[[str], None]


class Port:
    """An open port. `attach()` before anything runs on the board; `close()` in any case.

    `url`: a device such as /dev/ttyUSB0, or any URL of pyserial (socket://host:port, rfc2217://…).
    Attributes: on_trial (known once attached: a reset would roll the running image back); stays_open (for
    `attached`: somebody goes on with `transport`).
    """

    def __init__(self, url: str, say: Say = lambda text: None) -> None:
        self.url = url
        self.on_trial = False
        self.stays_open = False
        self.transport: Transport = opened(url)
        self._say = say
        self._uncut = False

    def close(self) -> None:
        """Close the port; the board goes on with what it is at."""
        self.transport.close()

    # ---- the board is taken and given back

    def attach(self, timeout_s: float = ATTACH_S) -> None:
        """Interrupt what runs, restart the VM without main.py, and hold the watchdog off.

        Where nothing answers for half the time, the reset line is pulled: that ends a trial.
        Raises: BoardError when no MicroPython answers.
        """
        start = time.monotonic()
        pulls = 0
        while True:
            try:
                if self._enter_raw_repl() and self._restart_vm():
                    self._look_at_trial()
                    return
            except BoardGoneError:
                self._reopen()
            age_s = time.monotonic() - start
            if age_s > timeout_s:
                raise BoardError(
                    f"{self.url}: no MicroPython answers: press the board's reset button while the command "
                    "waits; if it stays silent, check the port; if something that /boot.py starts prints all "
                    "the time, rename /boot.py ('mpremote resume fs mv')"
                )
            if age_s > timeout_s * (2 + pulls) / 4:
                pulls += 1
                self._say(
                    "no answer yet: pulling the reset line; or press the board's reset button"
                )
                self._pull_reset()

    def reset(self) -> None:
        """Restart the chip: the watchdog gets its own time-out again, and the application runs.

        Whatever was interrupted: the end of a step that must not be cut is awaited before.
        """
        if self._uncut:
            self.transport.read_until(1, b"\x04>", timeout_overall=UNCUT_S)
        try:
            if self._enter_raw_repl():
                # Without raw paste: in the midst of one the board takes this for its end.
                self._write(b"import machine\nmachine.reset()\x04")
                return
        except BoardGoneError:
            pass
        self._say("the board could not be reset: press its reset button")

    def restart_vm(self) -> None:
        """Restart the VM only: an image on trial goes on with its trial, which a reset would end."""
        with contextlib.suppress(BoardGoneError):
            self._enter_raw_repl()
            self._write(b"\x02")
            time.sleep(0.2)
            self._write(b"\x04")

    def _enter_raw_repl(self) -> bool:
        with _guarded("it was interrupted"):
            self._write(b"\r\x03\x03")
            time.sleep(0.1)
            self._drain()
            self._write(b"\r\x01")
            return self._wait(_RAW + b">", READ_S)

    def _restart_vm(self) -> bool:
        # What ran has filled the memory and armed timers; and threads go on after Ctrl-C.
        with _guarded("it was restarted"):
            self._write(b"\x04")
            if not self._wait(b"soft reboot\r\n", BOOT_PY_S):
                return False
            if self._wait(_RAW, BOOT_PY_S):
                return True
            self._write(b"\x03\x03")
            return self._wait(_RAW, READ_S)

    def _look_at_trial(self) -> None:
        try:
            self.load("trial")
            self.on_trial, ours = self.call("look")
        except BoardCodeError:
            self.on_trial = ours = False  # no ESP32: nothing to protect
        if self.on_trial and not ours:
            return  # somebody else's trial: nobody would feed the watchdog after us
        self.exec(f"import machine\nmachine.WDT(timeout={HOLD_MS})")

    def _pull_reset(self) -> None:
        # EN is low while RTS is asserted and DTR is not, IO0 the other way round: DTR stays off until the ROM
        # has looked at IO0. A PTY and a socket have no such lines.
        lines = self.transport.serial
        start = time.monotonic()
        with contextlib.suppress(OSError, ValueError):
            lines.dtr = False
            lines.rts = True
            time.sleep(RESET_S)
            lines.rts = False
        asserted = False
        while (age_s := time.monotonic() - start) < PRESS_S:
            with contextlib.suppress(OSError, ValueError):
                if not asserted and age_s > ROM_S:
                    asserted = True
                    lines.dtr = True  # some chips' own USB prints nothing without it
                    lines.rts = True
                self._write(b"\x03")
            time.sleep(0.05)

    def _reopen(self) -> None:
        self.transport.close()
        try:
            self.transport = opened(self.url, BACK_S)
        except PortError as error:
            raise BoardError(str(error)) from None

    def _write(self, data: bytes) -> None:
        self.transport.serial.write(data)

    def _wait(self, text: bytes, timeout_s: float) -> bool:
        return self.transport.read_until(1, text, timeout_overall=timeout_s).endswith(text)

    def _drain(self) -> None:
        end = time.monotonic() + READ_S
        while (waiting := self.transport.serial.inWaiting()) and time.monotonic() < end:
            self.transport.serial.read(waiting)

    # ---- code on the board

    def exec(self, source: str, timeout_s: float = 30) -> bytes:
        """Run source on the board; return what it printed.

        `timeout_s`: how long it may take.
        Raises: BoardCodeError when it raised, BoardGoneError when the board does not answer.
        """
        self.transport.limit_s = timeout_s
        # mpremote prints what it did not expect.
        with _guarded("it worked"), contextlib.redirect_stdout(io.StringIO()):
            printed, raised = self.transport.exec_raw(source, timeout=timeout_s)
        if raised:
            last = raised.decode("utf-8", "replace").strip().splitlines()[-1]
            raise BoardCodeError(f"on the board: {last}", last)
        return bytes(printed)

    def load(self, name: str) -> None:
        """Define the functions of `on_board/NAME.py` on the board."""
        self.exec(snippet.source(name), LOAD_S)

    def call(
        self, function: str, *arguments: Any, timeout_s: float = 30, uncut: bool = False
    ) -> Any:
        """Call a function that was loaded; its result travels as JSON.

        `uncut`: `reset` awaits its end.
        Raises: as `exec`.
        """
        text = ", ".join(map(repr, arguments))
        self._uncut = uncut
        printed = self.exec(
            f"import json\nprint('\\n' + json.dumps({function}({text})))", timeout_s
        )
        self._uncut = False
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
        try:
            port.attach()
            yield port
        finally:
            (port.restart_vm if port.on_trial else port.reset)()
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
