"""`enos-ota doctor`: the right blocker for each kind of board, and nothing of the board is disturbed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from desk_fixtures import Desk, desk, entry

from host_tools import paths
from host_tools.board.doctor.examine import judge
from host_tools.board.doctor.finding import BLOCKER, OK, WARNING
from host_tools.cli import main
from host_tools.simboard import make
from host_tools.simboard.chip.partitions import Entry

NEW, PENDING, VALID = 0, 1, 2
SMALL_SLOTS = (
    Entry(1, 2, 0x9000, 0x4000, "nvs"),
    Entry(1, 0, 0xD000, 0x2000, "otadata"),
    Entry(1, 1, 0xF000, 0x1000, "phy_init"),
    Entry(0, 0, 0x10000, 0x1A0000, "factory"),
    Entry(0, 0x10, 0x1B0000, 0x100000, "ota_0"),
    Entry(0, 0x11, 0x2B0000, 0x100000, "ota_1"),
    Entry(1, 0x81, 0x3B0000, 0x50000, "vfs"),
)
FOREIGN_BOOT = b"import machine\nprint('mine')\n"


def examined(desk: Desk) -> dict[str, Any]:
    """The report as JSON, with its findings by name."""
    result = desk.run("doctor", "--json")
    report: dict[str, Any] = json.loads(result.stdout)
    report["by_name"] = {finding["name"]: finding for finding in report["findings"]}
    report["exit_code"] = result.exit_code
    return report


def blockers(report: dict[str, Any]) -> dict[str, str]:
    return {
        f["name"]: f"{f['text']} | {f['advice']}"
        for f in report["findings"]
        if f["level"] == BLOCKER
    }


def test_doctor_of_a_stock_board_with_slots_finds_no_blocker(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        report = examined(board)
        levels = {name: finding["level"] for name, finding in report["by_name"].items()}
    assert (report["exit_code"], blockers(report)) == (0, {})
    assert levels["/boot.py"] == levels["settings"] == levels["agent"] == WARNING
    for name in ("TLS session", "partition table", "umqtt.simple", "rollback", "flash size"):
        assert levels[name] == OK
    assert "seq 1 VALID" in report["by_name"]["otadata"]["text"]
    assert "takes 26,136 bytes" in report["by_name"]["TLS session"]["text"]


def test_doctor_of_a_table_with_one_application_sends_it_to_the_migration(tmp_path: Path) -> None:
    with desk(tmp_path / "board", table=make.TABLES["factory"]) as board:
        report = examined(board)
    assert (report["exit_code"], list(blockers(report))) == (1, ["partition table"])
    assert "no OTA slots" in blockers(report)["partition table"]
    assert "factory --migrate" in blockers(report)["partition table"]


def test_doctor_of_slots_that_are_too_small_says_how_small(tmp_path: Path) -> None:
    with desk(tmp_path / "board", table=SMALL_SLOTS) as board:
        report = examined(board)
    assert list(blockers(report)) == ["slot size"]
    assert "1,048,576" in blockers(report)["slot size"]
    assert "too small" in blockers(report)["slot size"]


def test_doctor_of_stock_ota_slots_warns_that_only_the_firmware_fits(tmp_path: Path) -> None:
    with desk(tmp_path / "board", table=make.TABLES["stock"]) as board:
        report = examined(board)
    assert blockers(report) == {}
    assert report["by_name"]["slot size"]["level"] == WARNING
    assert "only the firmware" in report["by_name"]["slot size"]["advice"]


def test_doctor_of_an_image_on_trial_blocks_and_does_not_end_the_trial(tmp_path: Path) -> None:
    with desk(tmp_path / "board", entries=(entry(1, VALID), entry(2, NEW))) as board:
        report = examined(board)
        again = examined(board)
        board.board.power_off()
        states = board.otadata()
    for found in (report, again):
        assert list(blockers(found)) == ["otadata"]
        assert "PENDING_VERIFY" in blockers(found)["otadata"]
        assert "wait until the trial is over" in blockers(found)["otadata"]
    assert states == entry(1, VALID) + entry(2, PENDING)


def test_doctor_of_a_full_file_system_says_how_much_is_needed(tmp_path: Path) -> None:
    files = {"boot.py": b"", "log.txt": bytes(130_000)}
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    assert list(blockers(report)) == ["file system"]
    assert "are needed" in blockers(report)["file system"]


def test_doctor_of_an_old_micropython_asks_for_a_newer_one(tmp_path: Path) -> None:
    with desk(tmp_path / "board", micropython="1.22.2") as board:
        report = examined(board)
    assert list(blockers(report)) == ["MicroPython"]
    assert "1.22.2" in blockers(report)["MicroPython"]
    assert "1.23.0 or newer" in blockers(report)["MicroPython"]


def test_doctor_of_a_foreign_boot_py_tells_how_it_is_kept(tmp_path: Path) -> None:
    with desk(tmp_path / "board", {"boot.py": FOREIGN_BOOT}) as board:
        report = examined(board)
    assert list(blockers(report)) == ["/boot.py"]
    assert "--replace" in blockers(report)["/boot.py"]


def test_doctor_of_a_board_whose_main_never_ends_interrupts_and_restarts_it(tmp_path: Path) -> None:
    main = b"import time\nprint('main begins')\nwhile True:\n    time.sleep(1)\n"
    with desk(tmp_path / "board", {"main.py": main}) as board:
        before = board.lines.count("main begins")
        report = examined(board)
        result = board.run("monitor", "--until", "main begins", "--seconds", "20")
    assert list(blockers(report)) == ["/main.py"]
    assert before <= 1
    assert result.exit_code == 0


def test_doctor_of_stubs_of_another_abi_blocks(tmp_path: Path) -> None:
    boot = (paths.BOOT / "boot.py").read_bytes().replace(b"Stub ABI 1", b"Stub ABI 7")
    main = (paths.BOOT / "main.py").read_bytes() + b"# another edition\n"
    with desk(tmp_path / "board", {"boot.py": boot}) as board:
        report = examined(board)
    assert list(blockers(report)) == ["/boot.py"]
    assert "stub ABI 7, ours is 1" in blockers(report)["/boot.py"]
    facts = report["facts"]
    facts["files"]["main.py"] = [main.split(b"\n")[0].decode(), True, "0" * 64]
    assert {f.name: f.text for f in judge(facts)}["/main.py"] == "stub ABI 1, another edition"


def test_doctor_shows_a_table_for_a_person(tmp_path: Path) -> None:
    with desk(tmp_path / "board", {"boot.py": FOREIGN_BOOT}) as board:
        result = board.run("doctor")
    assert result.exit_code == 1
    assert "blocker  /boot.py" in result.stdout
    assert "upgrades will not work yet: 1 blockers" in result.stdout


@pytest.mark.parametrize("port", ["/dev/no-such-port", "socket://127.0.0.1:1"])
def test_doctor_without_a_board_says_what_to_look_at(port: str) -> None:
    result = CliRunner().invoke(main, ["doctor", port])
    assert result.exit_code == 1
    assert port in result.output
    assert "Traceback" not in result.output


def facts_of_a_stock_board(tmp_path: Path) -> dict[str, Any]:
    with desk(tmp_path / "board") as board:
        facts: dict[str, Any] = examined(board)["facts"]
    return facts


def test_doctor_judges_what_no_simulated_board_can_show(tmp_path: Path) -> None:
    facts = facts_of_a_stock_board(tmp_path)

    def finding(name: str) -> Any:
        return next(f for f in judge(facts) if f.name == name)

    assert finding("rollback").level == OK
    facts["flash"]["size"] = 0x200000
    assert finding("flash size").level == BLOCKER
    facts["partitions"]["apps"][0]["idf"] = "v5.5.1"  # the bootloader is of another build
    assert finding("rollback").level == WARNING
    facts["partitions"]["otadata"] = [[1, NEW, True], [0, 0, False]]
    assert finding("rollback").level == BLOCKER
    facts["tls"] = [[113840, 90000, 39000, 90000], [113840, 64000, 20000, 64000]]
    assert finding("TLS session").level == BLOCKER
    facts["tls"] = [[113840, 90000, 60000, 90000], [113840, 64000, 30000, 64000]]
    assert finding("TLS session").level == WARNING
    facts["vm"]["umqtt"] = None
    assert "mip install umqtt.simple" in finding("umqtt.simple").advice
    facts["vm"]["missing"] = ["hashlib.md5"]
    assert finding("modules").level == BLOCKER
    facts["files"]["frozen_stubs"] = True
    facts["files"]["boot.py"] = None
    assert finding("/boot.py").text == "frozen into the firmware"
