"""`enos-ota board`: made once, run again and again, and clear about what it lacks."""

import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from simboard_fixtures import image

from host_tools.cloud.server import CloudThread
from host_tools.simboard.commands import board, event_text
from host_tools.simboard.make import make_board
from host_tools.simboard.process import faketime_library
from host_tools.simboard.supervisor import Board


def refused(*arguments):
    result = CliRunner().invoke(board, [str(argument) for argument in arguments])
    assert result.exit_code == 1
    lines = result.output.strip().splitlines()
    assert len(lines) == 1, result.output
    return lines[0]


def run_until(folder, home, release, text):
    """Console of a run that is stopped by Ctrl-C once it prints `text`."""
    command = [sys.executable, "-m", "host_tools", "board", "--dir", str(folder)]
    if release:
        command += ["--cloud", str(home), "--release", str(release)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if text in line:
            process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    return lines


def test_board_first_use_makes_it_and_the_next_run_goes_on(tmp_path):
    release = tmp_path / "plain.bin"
    release.write_bytes(image())
    boards = tmp_path / "boards"
    with CloudThread(tmp_path / "cloud") as cloud:
        first = run_until(boards, tmp_path / "cloud", release, "boot: ota_0")
        assert cloud.client.device("board")
        again = refused(
            "--dir", tmp_path / "others", "--cloud", tmp_path / "cloud", "--release", release
        )
    assert "choose another --name" in again
    assert first[0] == f"[board] made: {boards / 'board'}, device board"
    assert first[-1] == "[board] power off"
    second = run_until(boards, None, None, "boot: ota_0")
    assert second[0].startswith(
        f"[board] console: {boards / 'board' / 'console'} (a PTY: mpremote "
    )
    assert second[1] == "[board] power on"
    assert "[board] boot: ota_0 (PWRON)" in second
    assert "made already" in refused("--dir", boards, "--release", release)


def test_board_that_is_on_in_another_terminal_is_refused(tmp_path):
    release = tmp_path / "plain.bin"
    release.write_bytes(image())
    folder = ["--dir", str(tmp_path / "boards")]
    with CloudThread(tmp_path / "cloud"):
        made = ["--cloud", str(tmp_path / "cloud"), "--release", str(release)]
        command = [sys.executable, "-m", "host_tools", "board", *folder, *made]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            while "boot: ota_0" not in process.stdout.readline():
                pass
            assert "is on already" in refused(*folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)  # reads on: a full pipe would keep it from ending
            assert process.returncode == 0


def test_board_in_a_folder_with_a_blank_runs_with_the_chips_clock(tmp_path):
    library = tmp_path / "a folder" / faketime_library().name
    library.parent.mkdir()
    library.write_bytes(faketime_library().read_bytes())
    release = tmp_path / "plain.bin"
    release.write_bytes(image())
    program = {"main.py": b"import time; print('year', time.gmtime()[0])"}
    make_board(tmp_path / "board", release, {}, b"", extra_files=program)
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKETIME_LIB", str(library))
        running = Board(tmp_path / "board", on_console=lines.append)
        running.power_on()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not any("year" in line for line in lines):
            time.sleep(0.05)
        running.power_off()
    assert "year 2000" in lines


def test_board_without_a_stand_in_says_what_to_start(tmp_path):
    release = tmp_path / "plain.bin"
    release.write_bytes(image())
    line = refused("--dir", tmp_path, "--cloud", tmp_path / "none", "--release", release)
    assert "start `enos-ota cloud`" in line


def test_board_with_a_bad_release_adds_no_device(tmp_path):
    release = tmp_path / "page.bin"
    release.write_bytes(b"<html>")
    with CloudThread(tmp_path / "cloud") as cloud:
        line = refused("--dir", tmp_path, "--cloud", tmp_path / "cloud", "--release", release)
        assert cloud.client.devices() == []
    assert "would not boot" in line


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"event": "reset", "cause": "WDT", "slot": "ota_0", "detail": ""}, "reset: WDT, ota_0"),
        (
            {"event": "reset", "cause": "HARD", "slot": "ota_1", "detail": "LoadProhibited"},
            "reset: HARD, ota_1: LoadProhibited",
        ),
        ({"event": "rollback", "slot": "ota_1"}, "rollback: ota_1 was not marked valid"),
        ({"event": "power", "on": False}, "power off"),
    ],
)
def test_event_text_is_short(event, text):
    assert event_text(event) == text
