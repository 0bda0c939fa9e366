"""One boot of a board: console, control messages and watchdog until it ends."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from host_tools.simboard.process import Vm
from host_tools.simboard.serial_line import SerialLine

PWRON, HARD, WDT, DEEPSLEEP, SOFT = 1, 2, 3, 4, 5
PROMPT = b">>> "
FEED_SLACK_S = 0.01
"""The VM tells of feeds at most every 10 ms."""
Say = Callable[[str], None]


@dataclass
class Life:
    """What lasts from one boot to the next while there is power."""

    cause: int = PWRON
    slot: str | None = None
    sleep_s: float | None = None
    wdt_s: float = 0.0
    deadline: float | None = None
    volatile: dict[str, Any] = field(default_factory=dict)
    raw_repl: bool = False


class Session:
    """The supervisor's side of one boot; without a `line` nothing can be typed."""

    def __init__(
        self, vm: Vm, life: Life, on_console: Say, on_heap: Say, line: SerialLine | None
    ) -> None:
        self._vm = vm
        self._life = life
        self._on_console = on_console
        self._on_heap = on_heap
        self._line = line
        self._text = b""
        self._messages = b""

    def run(self) -> str:
        """Until the boot ends; returns "reset", "panic …", "sleep …", "soft …" or "wdt"."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._vm.console_fd, selectors.EVENT_READ)
            selector.register(self._vm.control_fd, selectors.EVENT_READ)
            while True:
                ready = [key.fd for key, _ in selector.select(self._wait(selector))]
                if self._vm.console_fd in ready and not self._console():
                    selector.unregister(self._vm.console_fd)
                if self._vm.control_fd in ready:
                    message = self._control()
                    if message is not None:
                        return self._finish(message)
                elif self._life.deadline is not None and time.monotonic() >= self._life.deadline:
                    return self._finish("wdt")
                if self._line is not None:
                    self._show(self._line.serve())

    def _wait(self, selector: selectors.BaseSelector) -> float | None:
        """Seconds until something is due."""
        wait_s = None if self._line is None else self._line.watch(selector)
        if self._life.deadline is None:
            return wait_s
        left_s = max(0.0, self._life.deadline - time.monotonic())
        return left_s if wait_s is None else min(left_s, wait_s)

    def _finish(self, message: str) -> str:
        """Kill the process, then print what it had written before."""
        self._vm.kill()
        self._vm.reap()
        while self._console():
            pass
        if self._text not in (b"", PROMPT):
            self._on_console(self._text.decode(errors="replace"))
        if self._line is not None:
            self._life.raw_repl = message.startswith("soft ") and self._line.raw
        return message

    def _console(self) -> bytes:
        piece = os.read(self._vm.console_fd, 65536)
        self._show(piece if self._line is None else self._line.printed(piece))
        return piece

    def _show(self, piece: bytes) -> None:
        *lines, self._text = (self._text + piece).split(b"\n")
        for line in lines:
            self._on_console(line.decode(errors="replace").rstrip("\r"))

    def _control(self) -> str | None:
        """Take the messages that are there; return the one that ends the boot."""
        piece = os.read(self._vm.control_fd, 65536)
        if not piece:
            return "panic the VM ended"
        *lines, self._messages = (self._messages + piece).split(b"\n")
        for line in lines:
            message = line.decode()
            if message.startswith("heap "):
                self._on_heap(message)
                continue
            if self._line is not None and self._line.told(message):
                continue
            if message.startswith("wdt "):
                self._life.wdt_s = int(message[4:]) / 1000
            elif message != "feed":
                return message
            self._life.deadline = time.monotonic() + self._life.wdt_s + FEED_SLACK_S
        return None
