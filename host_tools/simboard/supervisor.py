"""Power, ROM, bootloader and watchdog of a simulated board."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host_tools.simboard import heap
from host_tools.simboard.board_files import FLASH_BYTES, BoardFiles
from host_tools.simboard.chip import bootloader
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.chip.partitions import TableError
from host_tools.simboard.console import Console
from host_tools.simboard.process import Vm
from host_tools.simboard.serial_line import SerialLine
from host_tools.simboard.session import DEEPSLEEP, HARD, PWRON, SOFT, WDT, Life, Session

CAUSES = {PWRON: "PWRON", HARD: "HARD", WDT: "WDT", DEEPSLEEP: "DEEPSLEEP", SOFT: "SOFT"}
DEFAULT_VM_HEAP_BYTES = 72 * 1024
"""The Python heap a boot begins with, before it grows: what the chip's 56 KiB are worth here.

Words are twice as wide, code, text and buffers are not: what the agent holds takes 1.29 to 1.31 times as much as
on an (emulated) ESP32. Once it is full it grows, by as much again at most.
"""
UNBOOTABLE_PAUSE_S = 1.0
ROM_BANNER = "ets Jul 29 2019 12:21:46"
ROM_RESETS = {
    PWRON: "rst:0x1 (POWERON_RESET)",
    HARD: "rst:0xc (SW_CPU_RESET)",
    WDT: "rst:0xc (SW_CPU_RESET)",
    DEEPSLEEP: "rst:0x5 (DEEPSLEEP_RESET)",
}
"""What the ROM prints; it cannot tell a panic or a watchdog from `machine.reset()`."""


class Board:
    """One board. Callbacks come from its own thread, in order.

    `on_console(line)` gets what the board prints; `on_event(event)` gets dicts with "t" (Unix
    seconds) and "event": "power" (on/off), "bootloader" (text), "rollback" (slot), "boot" (slot,
    cause), "reset" (cause, slot, detail), "heap" (grown: the Python heap has taken a second part from
    the IDF heap, or given it back; idf_free in bytes).
    With a `console`, which stays its owner's, the board ends at a REPL that can be used there.
    """

    def __init__(
        self,
        folder: Path,
        on_console: Callable[[str], None] = lambda line: None,
        on_event: Callable[[dict[str, Any]], None] = lambda event: None,
        vm_heap_bytes: int = DEFAULT_VM_HEAP_BYTES,
        console: Console | None = None,
    ) -> None:
        self.files = BoardFiles(Path(folder))
        self._on_console = on_console
        self._on_event = on_event
        self._vm_heap_bytes = vm_heap_bytes
        self._console = console
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
        self._heap_bytes = 3 * self._vm_heap_bytes + shims_bytes + heap.SLACK_BYTES
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
        life = Life()
        self._event("power", on=True)
        while not self._off.is_set():
            if life.cause == DEEPSLEEP:
                # Without a wake-up time only a pin could end the sleep, and there is none.
                self._off.wait(life.sleep_s)
            if self._off.is_set():
                break
            if life.cause != SOFT:
                self._rom(life.cause)
            if life.cause not in (SOFT, DEEPSLEEP):
                life.slot = self._bootloader()
            if life.slot is None:
                self._off.wait(UNBOOTABLE_PAUSE_S)
                continue
            self._boot(life)
        self._event("power", on=False)

    def _rom(self, cause: int) -> None:
        if self._console is not None:
            for line in (ROM_BANNER, "", ROM_RESETS[cause] + ",boot:0x13 (SPI_FAST_FLASH_BOOT)"):
                self._console.write(line.encode() + b"\r\n")
                self._on_console(line)

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

    def _boot(self, life: Life) -> None:
        """Run the VM once, and note in `life` how it ended."""
        self._event("boot", slot=life.slot, cause=CAUSES[life.cause])
        if life.cause != SOFT:
            life.deadline = None
            life.volatile = {}
        assert life.slot is not None
        config = self.files.vm_config(self._board, life.slot, life.cause, life.volatile)
        config |= {"heap_bytes": self._vm_heap_bytes, "unix_heap_bytes": self._heap_bytes}
        config |= {"console": self._console is not None, "raw": life.raw_repl}
        with self._lock:
            if self._off.is_set():
                return
            self._vm = vm = Vm(self._heap_bytes, self.files.clock, config)
        line = None
        if self._console is not None:
            line = SerialLine(self._console, vm, life.raw_repl, life.cause == SOFT)
        try:
            message = Session(vm, life, self._on_console, self._heap_event, line).run()
        finally:
            with self._lock:
                self._vm = None
            vm.close()
        if not self._off.is_set():
            self._ended(life, message)

    def _ended(self, life: Life, message: str) -> None:
        word, _, detail = message.partition(" ")
        life.cause = {"wdt": WDT, "sleep": DEEPSLEEP, "soft": SOFT}.get(word, HARD)
        if word == "sleep":
            life.sleep_s = int(detail) / 1000 if int(detail) >= 0 else None
        if word == "soft":
            life.volatile = json.loads(detail)
        shown = {"panic": detail, "reset": "machine.reset()"}.get(word, "")
        self._event("reset", cause=CAUSES[life.cause], slot=life.slot, detail=shown)
