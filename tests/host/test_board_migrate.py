"""`factory --migrate` with the real esptool: a board with one application becomes one with two slots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from desk_fixtures import Desk, desk
from factory_fixtures import combined

from host_tools import paths
from host_tools.cloud.server import CloudThread
from host_tools.release.synth import STOCK_BYTES
from host_tools.simboard import make
from host_tools.simboard.board_files import FLASH_BYTES, BoardFiles
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.provision import device_config
from host_tools.simboard.rom.serve import serve

MINE = {
    "boot.py": b"print('boot of mine')\n",
    "main.py": b"print('main of mine')\n",
    "lib/own.py": b"OWN = 1\n",
    "calibration.json": b'{"offset": 17}',
    "log.txt": bytes(3000),
}


class Hand:
    """A person at the buttons of a board that has no reset lines."""

    def __init__(self, board: Desk) -> None:
        self._board = board
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def press(self, text: str) -> None:
        """Do what the tool asks for."""
        if "BOOT" in text:
            self._board.board.power_off()
            self._thread = threading.Thread(target=self._download)
            self._thread.start()
        else:
            self.let_go()
            self._board.board.power_on()

    def let_go(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _download(self) -> None:
        files = BoardFiles(self._board.folder)
        with files.open_flash() as flash:
            serve(
                self._board.console.fileno(),
                Nor(flash, FLASH_BYTES),
                files.config()["mac"],
                self._stop,
            )


def migrate(board: Desk, folder: Path, *arguments: str) -> tuple[int, str]:
    """The command, with a hand on the buttons; its exit code and output."""
    command = [
        sys.executable, "-u", "-m", "host_tools", "factory", "--migrate", board.port,
        "--stock", str(folder / "stock.bin"), "--app", str(paths.DEVICE / "example"),
        "--version", "2.0.0", "--sequence", "2", "--config", str(folder / "board.json"),
        "--ca", str(folder / "ca.der"), "--backup", str(folder / "backup"),
        "--by-hand", "--no-stub", *arguments,
    ]  # fmt: skip
    hand = Hand(board)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if line.startswith("now "):
                hand.press(line)
                process.stdin.write("\n")
                process.stdin.flush()
    finally:
        process.kill()
        process.wait()
        hand.let_go()
    return process.returncode, "".join(said)


def settings(folder: Path, cloud: CloudThread) -> None:
    device = cloud.client.add_device("moved")
    config: dict[str, Any] = device_config(cloud.client.endpoints, device)
    config |= {"spread_s": 1, "ca": []}
    (folder / "board.json").write_text(json.dumps(config))
    (folder / "ca.der").write_bytes(Path(cloud.client.endpoints["ca_der"]).read_bytes())
    (folder / "stock.bin").write_bytes(combined("esp32", "1.26.1", STOCK_BYTES))


@pytest.mark.timeout(240)
def test_migration_keeps_all_files_and_the_board_informs_its_release(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        ports = {"123": cloud.client.endpoints["ntp"]["port"]}
        table = make.TABLES["factory"]
        with desk(tmp_path / "board", dict(MINE), table=table, ports=ports) as board:
            code, said = migrate(board, tmp_path, "--yes", "--leave", "*.txt")
            assert code == 0, said
            report = json.loads(board.run("doctor", "--json").stdout)
            board.board.power_off()
            board.table = make.TABLES["ours"]
            files = board.files()
        device = cloud.client.device("moved")
    assert device is not None
    assert device["version"] == "2.0.0"
    assert report["blockers"] == 0
    assert "EnOS accepted its inform: version 2.0.0" in said
    saved = tmp_path / "backup" / "files"
    assert {name: (saved / name).read_bytes() for name in MINE} == MINE
    assert files["/boot.py.before-ota"] == MINE["boot.py"]
    assert files["/main.py.before-ota"] == MINE["main.py"]
    assert files["/lib/own.py"] == MINE["lib/own.py"]
    assert files["/calibration.json"] == MINE["calibration.json"]
    assert "/log.txt" not in files
    for loss in ("NVS", "/log.txt (saved, and left out)"):
        assert loss in said


def test_migration_without_a_yes_writes_nothing(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        with desk(tmp_path / "board", dict(MINE), table=make.TABLES["factory"]) as board:
            code, said = migrate(board, tmp_path)
            board.board.power_off()
            files = board.files()
    assert code == 1
    assert "--yes" in said
    assert files == {"/" + name: content for name, content in MINE.items()}


def test_migration_of_files_that_do_not_fit_names_the_largest(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        mine = {**MINE, "big.bin": bytes(range(256)) * 500}
        with desk(tmp_path / "board", mine, table=make.TABLES["factory"]) as board:
            code, said = migrate(board, tmp_path, "--yes")
    assert code == 1
    assert "big.bin" in said
    assert "--leave" in said


def test_migration_of_a_board_of_another_chip_is_refused(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        (tmp_path / "stock.bin").write_bytes(combined("esp32s3", "1.26.1"))
        with desk(tmp_path / "board", table=make.TABLES["factory"]) as board:
            code, said = migrate(board, tmp_path, "--yes")
    assert code == 1
    assert "the board is an esp32" in said
