"""`enos-ota deploy` and `undeploy`: what changes, what is kept, and what an interrupted one leaves."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from desk_fixtures import STOCK_BOOT, Desk, desk, edition

from host_tools import paths
from host_tools.board import port as port_module
from host_tools.board import stubs
from host_tools.board.errors import BoardError
from host_tools.board.port import Port
from host_tools.release import rescue
from host_tools.release.make import make_release
from host_tools.release.synth import synth_vm
from host_tools.simboard import make

BOOT, MAIN = (stubs.content(name) for name in stubs.NAMES)
APP = """\
import asyncio


async def run():
    print("app: {greeting}")
    while True:
        await asyncio.sleep(1)
"""
ENOS_MAIN = """\
import asyncio

import app


def main():
    asyncio.run(app.run())
"""


def app(folder: Path, greeting: str) -> Path:
    """An application that greets, and needs neither agent nor settings."""
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text(APP.format(greeting=greeting))
    (folder / "enos_main.py").write_text(ENOS_MAIN)
    return folder


def deploy(board: Desk, *arguments: Any) -> dict[str, Any]:
    result = board.run("deploy", "--json", *map(str, arguments))
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def greeted(board: Desk, greeting: str) -> bool:
    """Whether the application of that greeting runs, after a power cycle."""
    board.lines.clear()
    board.cycle()
    result = board.run("monitor", "--until", "app: ", "--seconds", "20")
    return f"app: {greeting}" in result.output


def test_deploy_to_a_stock_board_runs_the_application_and_repeated_changes_nothing(
    tmp_path: Path,
) -> None:
    folder = app(tmp_path / "app", "one")
    with desk(tmp_path / "board") as board:
        first = deploy(board, "--app", folder, "--version", "1.0.0")
        assert greeted(board, "one")
        second = deploy(board, "--app", folder)
        app(folder, "two")
        third = deploy(board, "--app", folder)
        assert greeted(board, "two")
        board.board.power_off()
        files = board.files()
    assert first["changed"] == ["/boot.py", "/main.py", "/rescue.fs", "/app"]
    assert first["kept"] == ["/boot.py.before-ota"]
    assert (second["changed"], second["sent_bytes"]) == ([], 0)
    # main.py leaves for the switch; of the application only what changed travels.
    changed = len(MAIN) + len(files["/app/app.mpy"])
    assert (third["changed"], third["sent_bytes"]) == (["/app"], changed)
    assert set(files) == {
        "/boot.py", "/boot.py.before-ota", "/main.py", "/rescue.fs",
        "/app/app.mpy", "/app/enos_main.mpy", "/app/.deployed",
    }  # fmt: skip
    assert files["/rescue.fs"] == rescue.rescue_image("xtensawin")


def test_deploy_prints_bytes_and_ram_of_the_agent(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        document = deploy(board, "--app", app(tmp_path / "app", "one"))
        text = board.run("deploy").output
    mpy, ram = document["agent"]["mpy_bytes"], document["agent"]["ram_bytes"]
    assert 40_000 < mpy < 80_000
    assert 10_000 < ram < 60_000
    found = re.search(r"agent: ([\d,]+) bytes of \.mpy; .* takes ([\d,]+) bytes of RAM", text)
    assert found is not None, text
    assert int(found[1].replace(",", "")) == mpy


def test_deploy_names_the_version_that_a_plain_image_informs(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        deploy(board, "--app", app(tmp_path / "app", "one"), "--version", "3.1.4")
        board.board.power_off()
        flash = (board.folder / "flash.bin").read_bytes()
    elf = flash[0x10000 + 176 : 0x10000 + 208]
    assert elf + b"3.1.4" in flash[0x9000:0xD000]


FOREIGN = {
    "boot.py": b"print('mine')\n",
    "main.py": b"print('main of mine')\n",
    "app/own.py": b"# mine\n",
    "data.txt": b"17",
}


def test_deploy_beside_foreign_files_touches_nothing_and_names_them(tmp_path: Path) -> None:
    folder = app(tmp_path / "app", "one")
    with desk(tmp_path / "board", dict(FOREIGN)) as board:
        before = board.run("deploy", "--app", str(folder))
        board.board.power_off()
        files = board.files()
    assert before.exit_code == 1
    assert "/main.py is not ours" in before.output
    assert files == {"/" + name: content for name, content in FOREIGN.items()}


def test_undeploy_restores_every_foreign_file_byte_for_byte(tmp_path: Path) -> None:
    folder = app(tmp_path / "app", "one")
    with desk(tmp_path / "board", dict(FOREIGN)) as board:
        document = deploy(board, "--app", folder, "--replace")
        assert greeted(board, "one")
        again = deploy(board, "--app", folder)
        removed = board.run("undeploy")
        once_more = board.run("undeploy")
        board.board.power_off()
        files = board.files()
    assert document["kept"] == ["/main.py.before-ota", "/boot.py.before-ota", "/app.before-ota"]
    assert (again["changed"], again["kept"]) == ([], [])
    assert removed.exit_code == once_more.exit_code == 0
    assert files == {"/" + name: content for name, content in FOREIGN.items()}


def test_undeploy_of_a_stock_board_leaves_what_micropython_had_made(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        deploy(board, "--app", app(tmp_path / "app", "one"))
        board.run("undeploy")
        board.board.power_off()
        files = board.files()
    assert files == {"/boot.py": STOCK_BOOT}


def test_deploy_killed_at_any_file_leaves_the_old_application_and_is_repeated(
    tmp_path: Path,
) -> None:
    old, new = app(tmp_path / "old", "old"), app(tmp_path / "new", "new")
    (new / "more.py").write_text("MORE = 1\n")
    command = [sys.executable, "-m", "host_tools", "deploy"]
    killed = []
    with desk(tmp_path / "board") as board:
        deploy(board, "--app", old)
        outdate(board, tmp_path)
        while True:
            process = subprocess.Popen(
                [*command, board.port, "--app", new],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=paths.ROOT,
            )
            assert process.stdout is not None
            line = process.stdout.readline()
            if line.startswith("changed:"):
                process.wait()
                break
            killed.append(line.split()[0])
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert greeted(board, "old"), killed
        assert greeted(board, "new")
        board.board.power_off()
        files = board.files()
    # A small file may be there before the tool that brought the one before it is killed.
    copied = {"/boot.py", "/main.py", "/app/app.mpy", "/app/more.mpy"}
    assert len(copied & set(killed)) > 1, killed
    assert (files["/boot.py"], files["/main.py"]) == (BOOT, MAIN)
    assert not [path for path in files if ".enos-" in path]


def await_line(board: Desk, start: str) -> None:
    """Until the console says so; not through the port: it may have said so before anybody listens there."""
    end = time.monotonic() + 60
    while not any(line.startswith(start) for line in board.lines):
        assert time.monotonic() < end, board.lines
        time.sleep(0.1)


def outdate(board: Desk, folder: Path) -> None:
    """Another edition of both stubs is on the board: they have to be copied again."""
    await_line(board, "app: ")  # what comes amid a boot, mpremote may lose
    for name in stubs.NAMES:
        path = folder / name
        path.write_bytes(edition(name))
        command = [
            paths.tool("mpremote"),
            "connect",
            board.port,
            "resume",
            "cp",
            str(path),
            f":{name}",
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_deploy_where_two_agents_do_not_fit_replaces_the_old_one(tmp_path: Path) -> None:
    files = {"boot.py": b"", "rescue.fs": bytes(60_000), "log.txt": bytes(44_000)}
    with desk(tmp_path / "board", files) as board:
        deploy(board, "--app", app(tmp_path / "app", "one"))
        assert greeted(board, "one")
        board.board.power_off()
        found = board.files()
    assert found["/rescue.fs"] == rescue.rescue_image("xtensawin")
    assert found["/log.txt"] == bytes(44_000)


@pytest.mark.parametrize(
    ("files", "hardware", "why"),
    [
        ({"boot.py": b"", "log.txt": bytes(130_000)}, {}, "file system is full"),
        (None, {"table": make.TABLES["factory"]}, "factory --migrate"),
        (None, {"micropython": "1.22.2"}, "1.23.0 or newer"),
    ],
    ids=["full", "one-slot", "old"],
)
def test_deploy_that_could_not_work_says_why_and_writes_nothing(
    tmp_path: Path, files: dict[str, bytes] | None, hardware: dict[str, Any], why: str
) -> None:
    folder = app(tmp_path / "app", "one")
    with desk(tmp_path / "board", files, **hardware) as board:
        result = board.run("deploy", "--app", str(folder))
        board.board.power_off()
        found = board.files()
    assert result.exit_code == 1
    assert why in result.output
    expected = {"boot.py": STOCK_BOOT} if files is None else files
    assert found == {"/" + name: content for name, content in expected.items()}


def test_deploy_of_an_application_beside_a_release_explains_that_it_would_not_run(
    tmp_path: Path,
) -> None:
    vm, folder = tmp_path / "vm.bin", app(tmp_path / "app", "of the slot")
    vm.write_bytes(synth_vm())
    release = make_release(vm, folder, "1.0.0", 1, tmp_path / "1.0.0.bin").path.read_bytes()
    with desk(tmp_path / "board", release=release) as board:
        refused = board.run("deploy", "--app", str(folder))
        document = deploy(board)
        assert greeted(board, "of the slot")
    assert refused.exit_code == 1
    assert "travels in its slot (release 1.0.0)" in refused.output
    assert document["changed"] == ["/boot.py", "/main.py", "/rescue.fs"]


def test_deploy_without_an_application_asks_for_one(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        result = board.run("deploy")
    assert result.exit_code == 1
    assert "--app FOLDER" in result.output


def test_undeploy_after_an_upgrade_sees_through_the_mounted_slot(tmp_path: Path) -> None:
    vm, folder = tmp_path / "vm.bin", app(tmp_path / "app", "of the slot")
    vm.write_bytes(synth_vm())
    release = make_release(vm, folder, "1.1.0", 2, tmp_path / "1.1.0.bin").path.read_bytes()
    mine = {"boot.py": b"print('mine')\n", "app/own.py": b"# mine\n"}
    copied = {"app/app.mpy": b"M\x06", "app/.deployed": b'["app.mpy"]', "rescue.fs": bytes(9000)}
    kept = {name.replace("app/", "app.before-ota/"): data for name, data in mine.items()}
    kept["boot.py.before-ota"] = kept.pop("boot.py")
    files = {"boot.py": BOOT, "main.py": MAIN, **copied, **kept}
    with desk(tmp_path / "board", files, release=release) as board:
        assert greeted(board, "of the slot")
        result = board.run("undeploy")
        board.board.power_off()
        found = board.files()
    assert result.exit_code == 0, result.output
    assert found == {"/" + name: data for name, data in mine.items()}


def test_deploy_beside_an_older_agent_that_would_come_first_says_which(tmp_path: Path) -> None:
    files = {"boot.py": b"", "lib/enos_ota/__init__.py": b"", "lib/enos_ota/agent.py": b""}
    with desk(tmp_path / "board", files) as board:
        result = board.run("deploy", "--app", str(app(tmp_path / "app", "one")))
    assert result.exit_code == 1
    assert "/lib/enos_ota" in result.output


def test_tool_interrupted_in_a_transfer_resets_the_board(tmp_path: Path) -> None:
    folder = app(tmp_path / "app", "one")
    command = [sys.executable, "-m", "host_tools", "deploy"]
    with desk(tmp_path / "board") as board:
        deploy(board, "--app", folder)
        outdate(board, tmp_path)
        board.lines.clear()
        process = subprocess.Popen(
            [*command, board.port, "--app", app(tmp_path / "app", "two")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=paths.ROOT,
            # In a shell's background Ctrl-C would be ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[0]
        await_line(board, "app: one")
    assert process.returncode == 1
    assert "Traceback" not in said


def test_tool_at_a_board_that_prints_all_the_time_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_module, "BOOT_PY_S", 3.0)
    boot = b"""import _thread, time
def tick():
    while True:
        print(">>> tick")
        time.sleep_ms(20)
_thread.start_new_thread(tick, ())
"""
    with desk(tmp_path / "board", {"boot.py": boot}) as board:
        port = Port(board.port)
        with contextlib.suppress(BoardError):  # it may get through between two lines
            port.attach(timeout_s=8)
        port.close()
