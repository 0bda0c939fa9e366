"""Between the PTY of a board and its VM: what is typed, what is printed, and Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import selectors
import time

from host_tools.simboard.console import Console
from host_tools.simboard.console_text import ConsoleText
from host_tools.simboard.interrupt import Interrupter, Outcome, Places
from host_tools.simboard.process import Vm

CTRL_A = b"\x01"
CTRL_C = b"\x03"
CLIENT_CHECK_S = 0.05
"""How soon a client is noticed; a PTY tells of none."""
UNFINISHED_S = 0.02
"""After so long a kept beginning of a line is shown."""
AGAIN_S = 0.005


class SerialLine:
    """The serial line during one boot.

    `raw` tells the mode of the REPL: at first that of the boot before a soft reset.
    """

    def __init__(self, console: Console, vm: Vm, raw: bool, is_soft: bool) -> None:
        self._console = console
        self._vm = vm
        self._text = ConsoleText(raw)
        self._starts_raw = raw
        self._interrupter: Interrupter | None = None
        self._typed = b""
        self._break_due: float | None = None
        self._printed_at = 0.0
        if not is_soft:
            console.read()  # typed while no UART driver listened

    @property
    def raw(self) -> bool:
        """Whether the REPL is in raw mode."""
        return self._text.raw

    def told(self, message: str) -> bool:
        """Take a control message that is for the line; False if it is for somebody else."""
        if not message.startswith("console "):
            return False
        places = Places(*(int(word) for word in message.split()[1:]))
        self._interrupter = Interrupter(self._vm.pid, places)
        return True

    def printed(self, piece: bytes) -> bytes:
        """Pass on what the VM printed; returns the text in it."""
        line, text = self._text.feed(piece)
        self._printed_at = time.monotonic()
        if line:
            self._console.write(line)
        if self._text.at_repl and self._starts_raw:
            self._starts_raw = False
            self._type(CTRL_A + self._typed)
        return text

    def serve(self) -> bytes:
        """Do what is due, without waiting; returns text that was kept back until now."""
        self._console.flush()
        if self._interrupter is not None:
            self._take(self._console.read())
            if self._break_due is not None and time.monotonic() >= self._break_due:
                self._note(self._interrupter.look_again())
        if not self._text.waiting or time.monotonic() < self._printed_at + UNFINISHED_S:
            return b""
        text = self._text.flush()
        self._console.write(text)
        return text

    def _take(self, typed: bytes) -> None:
        first, *others = typed.split(CTRL_C)
        self._type(first)
        for piece in others:
            if self._interrupter is None or not self._note(self._interrupter.interrupt()):
                self._type(CTRL_C)
            self._type(piece)

    def _type(self, typed: bytes) -> None:
        """Give to the VM; what does not fit into the pipe is lost, as in the chip's ring buffer."""
        if self._starts_raw:
            self._typed += typed
        elif typed:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                os.write(self._vm.typing_fd, typed)

    def _note(self, outcome: Outcome) -> bool:
        """What became of a Ctrl-C; False if no program takes it as one."""
        self._break_due = time.monotonic() + AGAIN_S if outcome is Outcome.LATER else None
        return outcome is not Outcome.UNWANTED

    def watch(self, selector: selectors.BaseSelector) -> float | None:
        """Let `selector` wait for what the line waits for; returns seconds until something is due."""
        due_s = []
        wanted = 0
        if self._console.has_client():
            wanted = selectors.EVENT_WRITE if self._console.unread else 0
            # Before the VM takes what is typed, it stays where it is.
            wanted |= selectors.EVENT_READ if self._interrupter is not None else 0
        if not wanted:
            due_s.append(CLIENT_CHECK_S)
        self._register(selector, wanted)
        if self._text.waiting:
            due_s.append(UNFINISHED_S)
        if self._break_due is not None:
            due_s.append(max(0.0, self._break_due - time.monotonic()))
        return min(due_s, default=None)

    def _register(self, selector: selectors.BaseSelector, wanted: int) -> None:
        known = self._console.fileno() in selector.get_map()
        if not wanted:
            if known:
                selector.unregister(self._console)
        elif known:
            selector.modify(self._console, wanted)
        else:
            selector.register(self._console, wanted)
