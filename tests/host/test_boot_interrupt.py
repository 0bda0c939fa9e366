"""/boot.py and a person who holds Ctrl-C down: what it mounts is mounted, and the prompt comes after it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from desk_fixtures import Desk, desk

from host_tools.board import stubs
from host_tools.board.port import attached
from host_tools.release.make import make_release
from host_tools.release.synth import synth_vm

BOOT, MAIN = (stubs.content(name) for name in stubs.NAMES)
MOUNT = b"def mount_slot_files(slot):\n"
SLOWLY = b"    import time\n    print('mounting')\n    time.sleep_ms(1000)\n"
APP = "import time\n\n\ndef main():\n    while True:\n        time.sleep(1)\n"
WAIT_S = 30


def test_boot_is_not_cut_short_by_ctrl_c(tmp_path: Path) -> None:
    vm, app = tmp_path / "vm.bin", tmp_path / "app"
    vm.write_bytes(synth_vm())
    app.mkdir()
    (app / "enos_main.py").write_text(APP)
    release = make_release(vm, app, "1.0.0", 1, tmp_path / "1.0.0.bin").path.read_bytes()
    files = {"boot.py": BOOT.replace(MOUNT, MOUNT + SLOWLY), "main.py": MAIN}
    assert SLOWLY in files["boot.py"]
    with desk(tmp_path / "board", files, release=release) as board:
        wait(board, "mounting")
        stop = threading.Event()
        holding = threading.Thread(target=hold, args=(board.port, stop))
        holding.start()
        try:
            wait(board, "MicroPython v1.26.1")
        finally:
            stop.set()
            holding.join()
        with attached(board.port) as port:
            listed = port.exec("import os; print(os.listdir('/app'))")
    assert not [line for line in board.lines if line.startswith("boot:")], board.lines
    assert b"enos_main.mpy" in listed


def wait(board: Desk, text: str) -> None:
    end = time.monotonic() + WAIT_S
    while not any(text in line for line in board.lines):
        assert time.monotonic() < end, board.lines
        time.sleep(0.02)


def hold(path: str, stop: threading.Event) -> None:
    """Hold Ctrl-C down."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    while not stop.wait(0.01):
        os.write(line, b"\x03")
    os.close(line)
