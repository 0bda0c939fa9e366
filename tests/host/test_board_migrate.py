"""`factory --migrate` with the real esptool: a board with one application becomes one with two slots."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from desk_fixtures import Desk, desk
from factory_fixtures import Issuer, combined

from host_tools import paths
from host_tools.cloud.server import CloudThread
from host_tools.factory import migrate as migration
from host_tools.factory.errors import FactoryError
from host_tools.factory.esptool import Esptool
from host_tools.factory.migrate import Saved, check_board, losses, restored, write_board
from host_tools.factory.migrate_command import _ask
from host_tools.release.synth import STOCK_BYTES
from host_tools.simboard import make
from host_tools.simboard.board_files import FLASH_BYTES, BoardFiles
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.provision import device_config
from host_tools.simboard.rom.serve import serve

CARD = b"""
import os, vfs
class Card:
    def __init__(self):
        self.data = bytearray(8 * 512)
    def readblocks(self, block, buf, offset=0):
        buf[:] = self.data[block * 512 + offset : block * 512 + offset + len(buf)]
    def writeblocks(self, block, buf, offset=0):
        self.data[block * 512 + offset : block * 512 + offset + len(buf)] = buf
    def ioctl(self, op, arg):
        return {4: 8, 5: 512}.get(op, 0)
card = Card()
vfs.VfsLfs2.mkfs(card)
vfs.mount(card, "/sd")
"""
MINE = {
    "boot.py": b"print('boot of mine')\nimport card\n",
    "card.py": CARD,
    "main.py": b"print('main of mine')\n",
    "lib/own.py": b"OWN = 1\n",
    "calibration.json": b'{"offset": 17}',
    "log.txt": bytes(3000),
    "enos.json": b"not ours",
    "enos-0123abcd.der": b"a private key of former settings",
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


def migrate(board: Desk, folder: Path, *arguments: str, backup: bool = True) -> tuple[int, str]:
    """The command in `folder`, with a hand on the buttons; its exit code and output."""
    command = [
        sys.executable, "-u", "-m", "host_tools", "factory", "--migrate", board.port,
        "--stock", str(folder / "stock.bin"), "--app", str(paths.DEVICE / "example"),
        "--version", "2.0.0", "--sequence", "2", "--config", str(folder / "board.json"),
        "--ca", str(folder / "ca.der"), "--by-hand", "--no-stub", *arguments,
    ]  # fmt: skip
    if backup:
        command += ["--backup", str(folder / "backup")]
    hand = Hand(board)
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
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
        certificate, key = Issuer().pair(tmp_path, days=30)
        pair = ("--cert", str(certificate), "--key-file", str(key))
        ports = {"123": cloud.client.endpoints["ntp"]["port"]}
        table = make.TABLES["factory"]
        with desk(tmp_path / "board", dict(MINE), table=table, ports=ports) as board:
            code, said = migrate(board, tmp_path, "--yes", "--leave", "*.txt", *pair)
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
    settled = json.loads(files["/enos.json"])
    ours = {*settled["ca"], settled["cert"], settled["key"]}
    assert {path for path in files if path.endswith(".der")} == ours
    assert "replaced: /enos-0123abcd.der (saved)" in said
    assert f"warning: {certificate} ends on 20" in said
    for loss in ("NVS", "/log.txt (saved, and left out)", "from now on", "at /sd"):
        assert loss in said
    assert "replaced: /enos.json (saved)" in said
    assert "partition 'vfs'" not in said
    assert "writing the flash" in said
    private = [path for path in (tmp_path / "backup").rglob("*") if path.stat().st_mode & 0o077]
    assert private == []


def test_migration_without_a_yes_writes_nothing_and_saves_to_the_current_folder(
    tmp_path: Path,
) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        with desk(tmp_path / "board", dict(MINE), table=make.TABLES["factory"]) as board:
            code, said = migrate(board, tmp_path, backup=False)
            board.board.power_off()
            files = board.files()
    assert code == 1
    assert "--yes" in said
    (folder,) = tmp_path.glob("migrate-*")
    assert str(folder) in said.split("saved /")[0]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "files" / "main.py").read_bytes() == MINE["main.py"]
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


def test_migration_of_an_old_micropython_asks_the_chip_for_the_size_of_its_flash(
    tmp_path: Path,
) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        table = make.TABLES["factory"]
        arguments = ("--yes", "--flash-size", "8MB")
        with desk(tmp_path / "board", dict(MINE), table=table, micropython="1.24.0") as board:
            code, said = migrate(board, tmp_path, *arguments)
            board.board.power_off()
            files = board.files()
    assert code == 1
    assert "the board's flash has 4,096 KB, --flash-size asks for 8,192 KB" in said
    assert said.count("\nnow ") == 2  # into the download mode, and out of it again
    assert files == {"/" + name: content for name, content in MINE.items()}


def test_migration_of_a_board_of_another_chip_is_refused(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as cloud:
        settings(tmp_path, cloud)
        (tmp_path / "stock.bin").write_bytes(combined("esp32s3", "1.26.1"))
        with desk(tmp_path / "board", table=make.TABLES["factory"]) as board:
            code, said = migrate(board, tmp_path, "--yes")
    assert code == 1
    assert "the board is an esp32" in said


def facts(version: tuple[int, ...] = (1, 26, 1), flash_bytes: int = 4 << 20) -> dict[str, Any]:
    """What migrate looks at, of an ESP32 with an ffat root, an image in ota_1 and a partition of its own."""
    apps = [
        {"label": "ota_0", "chip_id": 0, "image_bytes": 9000},
        {"label": "ota_1", "chip_id": 0, "image_bytes": 9000},
        {"label": "empty", "image_bytes": 0},
    ]
    labels = ("nvs", "otadata", "phy_init", "ffat", "records")
    data = [[1, 2, 0, 4096, label, False] for label in labels]
    return {
        "vm": {"version": list(version)},
        "flash": {"size": flash_bytes},
        "partitions": {"running": "ota_0", "apps": apps, "data": data},
        "on_trial": False,
    }


def maker(flash_bytes: int = 8 << 20) -> Any:
    stock = SimpleNamespace(chip="esp32", path=Path("stock.bin"))
    return SimpleNamespace(stock=stock, layout=SimpleNamespace(flash_bytes=flash_bytes))


def test_losses_name_everything_that_is_not_saved_or_does_not_come_back() -> None:
    files = {
        "enos.json": b"old",
        "enos-1234.der": b"same",
        "boot.py": b"import mine",
        "main.py": b"# nothing\n",
        "log.txt": b"",
    }
    ours = {"enos.json": b"new", "enos-1234.der": b"same", "boot.py": b"#", "main.py": b"#"}
    saved = Saved(Path("x"), files, facts(), ("/app", "/sd"))
    found = losses(saved, ours, ("/log*",))
    assert found[2:] == [
        "/log.txt (saved, and left out)",
        "replaced: /enos.json (saved)",
        "replaced: /main.py (saved)",
        "what is mounted at /sd, which is not saved",
        "partition 'ota_1', which is not saved",
        "partition 'records', which is not saved",
    ]


def test_certificates_of_former_settings_do_not_come_back_but_those_of_a_release() -> None:
    """A private key that was replaced must not stay; what a release made the agent trust must."""
    trust = json.dumps({"ca": ["enos-11111111.der"], "revoked": ["ab" * 32]}).encode()
    kept = {"enos_trust.json": trust, "enos-11111111.der": b"CA", "mine.der": b"mine"}
    files = {**kept, "enos-22222222.der": b"key", "enos-33333333.der": b"same"}
    ours = {"enos-33333333.der": b"same"}
    assert restored(files, ours, ()) == kept
    assert losses(Saved(Path("x"), files, facts()), ours, ())[2:3] == [
        "replaced: /enos-22222222.der (saved)"
    ]
    assert restored({**files, "enos_trust.json": b"{"}, {}, ()).keys() == {
        "enos_trust.json",
        "mine.der",
    }


def test_a_foreign_boot_py_is_not_kept_over_an_older_one() -> None:
    files = {"boot.py": b"import mine\n", "boot.py.before-ota": b"import older\n"}
    with pytest.raises(FactoryError, match="move one of them away"):
        restored(files, {}, ())
    for leave, kept in (("boot.py", b"import older\n"), ("*.before-ota", b"import mine\n")):
        assert restored(files, {}, (leave,)) == {"boot.py.before-ota": kept}
    ours = {**files, "boot.py": b"# Stub ABI 1.\n"}
    assert restored(ours, {"boot.py": b""}, ()) == {"boot.py.before-ota": b"import older\n"}


def test_the_size_of_a_flash_is_believed_from_micropython_1_26_on() -> None:
    check_board(facts((1, 25, 0)), maker())
    with pytest.raises(FactoryError, match="--flash-size"):
        check_board(facts((1, 26, 0)), maker())


ESPTOOL = """\
#!{python}
import sys, time
print("esptool v5", sys.argv[1:])
if "flash-id" in sys.argv:
    print("Detected flash size: 4MB")
if "write-flash" in sys.argv:
    for percent in ("0.0", "50.0", "100.0"):
        print("Writing at 0x1000", percent + "% 1/2 bytes...")
    sys.exit("A fatal error occurred: Packet content transfer stopped" if {broken} else 0)
"""


def esptool(folder: Path, monkeypatch: pytest.MonkeyPatch, broken: bool = False) -> Path:
    """A program in esptool's place."""
    path = folder / "esptool"
    path.write_text(ESPTOOL.format(python=sys.executable, broken=broken))
    path.chmod(0o700)
    monkeypatch.setattr(paths, "tool", lambda name: str(path))
    return path


class Watched:
    """What is shown while esptool works."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @contextlib.contextmanager
    def __call__(self, what: str) -> Iterator[Callable[[str], None]]:
        self.seen.append(what.partition(",")[0])
        yield self.seen.append


def test_esptool_shows_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    esptool(tmp_path, monkeypatch)
    watched = Watched()
    tool = Esptool("/dev/x", "esp32", lambda text: True, watched)
    assert tool.begin() == 4 << 20
    tool.write(tmp_path / "flash.bin")
    assert watched.seen == [
        "asking for the size of the flash",
        "writing the flash", "0.0 %", "50.0 %", "100.0 %",
        "comparing it",
    ]  # fmt: skip


def test_esptool_that_fails_is_told_with_a_lower_baud_rate_and_a_command_to_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    esptool(tmp_path, monkeypatch, broken=True)
    tool = Esptool("/dev/x", "esp32", lambda text: True, Watched(), baud=230400)
    image = tmp_path / "my board" / "flash.bin"
    with pytest.raises(FactoryError) as caught:
        tool.write(image)
    text = str(caught.value)
    assert "Packet content transfer stopped" in text
    assert "a lower --baud" in text
    again = shlex.split(text.partition("again: ")[2])
    assert again[again.index("--baud") + 1] == "230400"
    assert again[-1] == str(image)


def test_nobody_at_the_buttons_means_that_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    esptool(tmp_path, monkeypatch)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    watched = Watched()
    tool = Esptool("/dev/x", "esp32", _ask, watched, by_hand=True)
    with pytest.raises(FactoryError, match="nothing was written"):
        tool.begin()
    assert watched.seen == []


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_port_that_is_missing_after_the_reset_does_not_undo_the_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    monkeypatch.setattr(migration, "BACK_S", 20 if comes_back else 0.5)
    esptool(tmp_path, monkeypatch)
    master, slave = os.openpty()
    port = tmp_path / "port"

    def appear() -> None:
        port.symlink_to(os.ttyname(slave))
        time.sleep(0.5)
        os.write(master, b"10:00:00 I enos: EnOS knows version 2.0.0\n")

    timer = threading.Timer(3, appear)
    tool = Esptool(str(port), "esp32", lambda text: True, Watched())
    if comes_back:
        timer.start()
    try:
        contact = write_board(
            tool, tmp_path / "flash.bin", maker(4 << 20), str(port), lambda text: None
        )
    finally:
        timer.cancel()
        os.close(slave)
        os.close(master)
    assert contact.version == ("2.0.0" if comes_back else "")
    assert ("it is written" in contact.reason) != comes_back
