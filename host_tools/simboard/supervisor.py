"""Power, ROM, bootloader and watchdog of a simulated board."""

from __future__ import annotations

import json
import os
import selectors
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tools.simboard import heap
from host_tools.simboard.board_files import FLASH_BYTES, BoardFiles
from host_tools.simboard.chip import bootloader
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.chip.partitions import TableError
from host_tools.simboard.process import Vm

PWRON, HARD, WDT, DEEPSLEEP, SOFT = 1, 2, 3, 4, 5
Say = Callable[[str], None]
CAUSES = {PWRON: "PWRON", HARD: "HARD", WDT: "WDT", DEEPSLEEP: "DEEPSLEEP", SOFT: "SOFT"}
DEFAULT_VM_HEAP_BYTES = 80 * 1024
"""The Python heap a boot begins with, before it grows: what the chip's 56 KiB are worth here.

Words are twice as wide, code, text and buffers are not: the same upgrade needs 1.44 times as much as on a
32-bit build of the unix port. Once it is full it grows, by as much again at most.
"""
UNBOOTABLE_PAUSE_S = 1.0
PROMPT = b">>> "
FEED_SLACK_S = 0.01
"""The VM tells of feeds at most every 10 ms."""


@dataclass
class _Life:
    """What lasts from one boot to the next while there is power."""

    cause: int = PWRON
    slot: str | None = None
    sleep_s: float | None = None
    wdt_s: float = 0.0
    deadline: float | None = None
    volatile: dict[str, Any] = field(default_factory=dict)


class Board:
    """One board. Callbacks come from its own thread, in order.

    `on_console(line)` gets what the board prints; `on_event(event)` gets dicts with "t" (Unix
    seconds) and "event": "power" (on/off), "bootloader" (text), "rollback" (slot), "boot" (slot,
    cause), "reset" (cause, slot, detail), "heap" (grown: the Python heap has taken a second part from
    the IDF heap, or given it back; idf_free in bytes).
    """

    def __init__(
        self,
        folder: Path,
        on_console: Callable[[str], None] = lambda line: None,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
        vm_heap_bytes: int = DEFAULT_VM_HEAP_BYTES,
    ) -> None:
        self.files = BoardFiles(Path(folder))
        self._on_console = on_console
        self._on_event = on_event
        self._vm_heap_bytes = vm_heap_bytes
        self._lock = threading.Lock()
        self._off = threading.Event()
        self._vm: Vm | None = None
        self._thread: threading.Thread | None = None

    # ---- what a person does

    def power_on(self) -> None:
        """Apply power. Raises: BoardError, ToolMissingError."""
        if self._thread is not None:
            raise RuntimeError("the board is on")
        self._board = self.files.config()
        self.files.lose_power()
        if not self.files.air.exists():
            self.files.set_air(True)
        shims_bytes = heap.bootstrap_bytes(self.files, self._board)
        self._heap_bytes = 2 * self._vm_heap_bytes + shims_bytes + heap.SLACK_BYTES
        self._off.clear()
        self._thread = threading.Thread(target=self._play, name=f"board {self.files.folder.name}")
        self._thread.daemon = True
        self._thread.start()

    def power_off(self) -> None:
        """Cut the power, at whatever instruction the board is."""
        with self._lock:
            self._off.set()
            if self._vm is not None:
                self._vm.kill()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the power is off; False if the time passed before."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def set_air(self, up: bool) -> None:
        """Let radio waves reach the board, or not: takes effect within 10 ms."""
        self.files.set_air(up)

    # ---- the life of the board

    def _event(self, event: str, **details: Any) -> None:
        self._on_event({"t": time.time(), "event": event, **details})

    def _heap_event(self, message: str) -> None:
        _, grown, idf_free = message.split()
        self._event("heap", grown=grown == "1", idf_free=int(idf_free))

    def _play(self) -> None:
        life = _Life()
        self._event("power", on=True)
        while not self._off.is_set():
            if life.cause == DEEPSLEEP:
                # Without a wake-up time only a pin could end the sleep, and there is none.
                self._off.wait(life.sleep_s)
            elif life.cause != SOFT:
                life.slot = self._bootloader()
            if self._off.is_set():
                break
            if life.slot is None:
                self._off.wait(UNBOOTABLE_PAUSE_S)
                continue
            self._boot(life)
        self._event("power", on=False)

    def _bootloader(self) -> str | None:
        """Play the bootloader on the flash file; return the label of the slot to start."""
        with self.files.open_flash() as file:
            nor = Nor(file, FLASH_BYTES)
            try:
                result = bootloader.boot(nor, lambda text: self._event("bootloader", text=text))
            except TableError as error:
                self._event("bootloader", text=f"E boot: {error}")
                return None
        for slot in result.aborted:
            self._event("rollback", slot=slot)
        return result.slot

    def _boot(self, life: _Life) -> None:
        """Run the VM once, and note in `life` how it ended."""
        self._event("boot", slot=life.slot, cause=CAUSES[life.cause])
        if life.cause != SOFT:
            life.deadline = None
            life.volatile = {}
        assert life.slot is not None
        config = self.files.vm_config(self._board, life.slot, life.cause, life.volatile)
        config |= {"heap_bytes": self._vm_heap_bytes, "unix_heap_bytes": self._heap_bytes}
        with self._lock:
            if self._off.is_set():
                return
            self._vm = vm = Vm(self._heap_bytes, self.files.clock, config)
        try:
            message = _Session(vm, life, self._on_console, self._heap_event).run()
        finally:
            with self._lock:
                self._vm = None
            vm.close()
        if not self._off.is_set():
            self._ended(life, message)

    def _ended(self, life: _Life, message: str) -> None:
        word, _, detail = message.partition(" ")
        life.cause = {"wdt": WDT, "sleep": DEEPSLEEP, "soft": SOFT}.get(word, HARD)
        if word == "sleep":
            life.sleep_s = int(detail) / 1000 if int(detail) >= 0 else None
        if word == "soft":
            life.volatile = json.loads(detail)
        shown = {"panic": detail, "reset": "machine.reset()"}.get(word, "")
        self._event("reset", cause=CAUSES[life.cause], slot=life.slot, detail=shown)


class _Session:
    """Console, control messages and watchdog of one boot."""

    def __init__(self, vm: Vm, life: _Life, on_console: Say, on_heap: Say) -> None:
        self._vm = vm
        self._life = life
        self._on_console = on_console
        self._on_heap = on_heap
        self._text = b""
        self._messages = b""

    def run(self) -> str:
        """Until the boot ends; returns "reset", "panic …", "sleep …", "soft …" or "wdt"."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._vm.console_fd, selectors.EVENT_READ)
            selector.register(self._vm.control_fd, selectors.EVENT_READ)
            while True:
                timeout = None
                if self._life.deadline is not None:
                    timeout = max(0.0, self._life.deadline - time.monotonic())
                ready = [key.fd for key, _ in selector.select(timeout)]
                if self._vm.console_fd in ready and not self._console():
                    selector.unregister(self._vm.console_fd)
                if self._vm.control_fd in ready:
                    message = self._control()
                    if message is not None:
                        return self._finish(message)
                elif self._life.deadline is not None and time.monotonic() >= self._life.deadline:
                    return self._finish("wdt")

    def _finish(self, message: str) -> str:
        """Kill the process, then print what it had written before."""
        self._vm.kill()
        self._vm.reap()
        while self._console():
            pass
        if self._text not in (b"", PROMPT):
            self._on_console(self._text.decode(errors="replace"))
        return message

    def _console(self) -> bytes:
        piece = os.read(self._vm.console_fd, 65536)
        *lines, self._text = (self._text + piece).split(b"\n")
        for line in lines:
            self._on_console(line.decode(errors="replace").rstrip("\r"))
        return piece

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
            if message.startswith("wdt "):
                self._life.wdt_s = int(message[4:]) / 1000
            elif message != "feed":
                return message
            self._life.deadline = time.monotonic() + self._life.wdt_s + FEED_SLACK_S
        return None
