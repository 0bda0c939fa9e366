"""`enos-ota board` with its console, and boards as out of the drawer."""

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from console_fixtures import PROMPT, Client, ConsoleBoard

from host_tools import paths
from host_tools.cloud.server import CloudThread
from host_tools.simboard.board_files import BoardError, BoardFiles
from host_tools.simboard.commands import board
from host_tools.simboard.make import TABLES

PARTITIONS = """
import esp32
P = esp32.Partition
def show(thunk):
    try:
        print(thunk())
    except OSError as error:
        print(error.args[0])
show(lambda: P(P.RUNNING).info())
show(lambda: P(P.BOOT))
show(lambda: P(P.RUNNING).get_next_update())
show(P.mark_app_valid_cancel_rollback)
show(P(P.RUNNING).set_boot)
show(lambda: P('vfs').info())
"""
NOT_FOUND = -261


@pytest.mark.parametrize("table", TABLES)
def test_blank_board_runs_stock_micropython_with_a_console(tmp_path, table):
    command = [sys.executable, "-m", "host_tools", "board", "--json", "--blank", "--table", table]
    command += ["--dir", str(tmp_path), "--cloud", str(tmp_path / "none"), "--name", "new"]
    program = ["ls", "+", "exec", "import os, network as n; print(os.uname().release)"]
    program += ["eval", "n.WLAN(0).active(True), n.WLAN(0).scan()[0][0]"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        first = json.loads(process.stdout.readline())
        assert (first["event"], first["path"]) == ("pty", str(tmp_path / "new" / "console"))
        while '"Performing initial setup"' not in process.stdout.readline():
            pass
        done = subprocess.run(
            [paths.tool("mpremote"), "connect", first["path"], "resume", *program],
            capture_output=True,
            check=True,
            timeout=60,
            text=True,
        )
        assert done.stdout.split() == ["ls", ":", "139", "boot.py", "1.26.1", "True", "b'demo'"]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert not (tmp_path / "new" / "console").exists()
    again = CliRunner().invoke(board, ["--dir", str(tmp_path), "--name", "new", "--blank"])
    assert "is made already: choose another --name, or leave out --blank" in again.output


def test_blank_board_finds_the_clock_of_a_stand_in_that_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("host_tools.simboard.commands._run", lambda simulated: None)
    folder = ["--dir", str(tmp_path / "boards"), "--blank"]
    with CloudThread(tmp_path / "cloud") as cloud:
        command = [*folder, "--cloud", str(tmp_path / "cloud")]
        assert CliRunner().invoke(board, command).exit_code == 0
        assert cloud.client.devices() == []
        ports = BoardFiles(tmp_path / "boards" / "board").config()["network"]["ports"]
        assert ports == {"123": cloud.client.endpoints["ntp"]["port"]}


def test_table_without_a_second_slot_behaves_as_the_chips(tmp_path):
    running = ConsoleBoard(tmp_path, PARTITIONS, table=TABLES["factory"])
    running.run("Type")
    assert [line for line in running.console if line and line[0] in "(-2"][:6] == [
        "(0, 0, 65536, 2031616, 'factory', False)",
        "2",
        "2",
        f"{NOT_FOUND}",
        f"{NOT_FOUND}",
        "(1, 129, 2097152, 2097152, 'vfs', False)",
    ]
    assert running.boots() == [("factory", "PWRON")]
    running.unplug()


@pytest.mark.parametrize(
    ("version", "mpy"), [("1.21.0", (6, 1)), ("1.22.2", (6, 2)), ("1.26.1", (6, 3))]
)
def test_board_of_another_micropython_says_so(tmp_path, version, mpy):
    running = ConsoleBoard(tmp_path)
    config = json.loads(running.files.config_path.read_text())
    running.files.save_config({**config, "micropython": version})
    with Client(running.path) as client, running:
        assert f"\r\nMicroPython v{version} on 20".encode() in client.until(PROMPT)
        client.raw()
        program = (
            "import sys, os\ni = sys.implementation\nprint(i.version, os.uname().release)\n"
            "print(i._mpy & 0xFF, i._mpy >> 8 & 3)\nprint(sys.version.split(' on ')[0])\n"
        )
        numbers = tuple(int(part) for part in version.split("."))
        assert client.run(program)[0].splitlines() == [
            f"{(*numbers, '')} {version}",
            f"{mpy[0]} {mpy[1]}",
            f"3.4.0; MicroPython v{version}",
        ]
    running.files.save_config({**config, "micropython": "new"})
    with pytest.raises(BoardError, match=r"must be a version such as 1\.22\.2"):
        running.files.config()
    running.unplug()
