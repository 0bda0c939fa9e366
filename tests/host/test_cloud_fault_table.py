"""Arming, counting and clearing of faults; the admin API and the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cloud_fixtures import cloud

from host_tools.cli import main
from host_tools.cloud.client import AdminError
from host_tools.cloud.faults import FAULTS, Armed, FaultError, Faults
from host_tools.cloud.server import CloudThread

__all__ = ["cloud"]


def strikes(faults: Faults, name: str, occasions: int = 5) -> str:
    return "".join("x" if faults.strike(name, "me") else "-" for _ in range(occasions))


@pytest.mark.parametrize(
    ("times", "skip", "pattern"),
    [(1, 0, "x----"), (2, 1, "-xx--"), (0, 2, "--xxx"), (0, 0, "xxxxx")],
)
def test_fault_strikes_its_times_after_its_skip(times: int, skip: int, pattern: str) -> None:
    faults = Faults()
    assert strikes(faults, "http_json", 2) == "--"
    faults.arm("http_json", times=times, skip=skip)
    assert strikes(faults, "http_html") == "-----"
    assert strikes(faults, "http_json") == pattern


def test_fault_cleared_strikes_no_more_and_forgets() -> None:
    faults = Faults()
    faults.arm("http_json", times=0)
    assert strikes(faults, "http_json", 2) == "xx"
    assert faults.struck("http_json") == 2
    faults.clear()
    assert strikes(faults, "http_json") == "-----"
    assert faults.struck("http_json") == 0


def test_fault_armed_again_starts_anew_and_elsewhere_is_kept() -> None:
    faults = Faults()
    faults.arm("http_drop", at=10)
    assert strikes(faults, "http_drop") == "x----"
    faults.arm("http_drop", at=10.0, times=2)
    faults.arm("http_drop", at=70)
    assert strikes(faults, "http_drop") == "xxx--"
    armed = next(one for one in faults.table() if one["name"] == "http_drop")["armed"]
    assert [(one["at"], one["struck"]) for one in armed] == [(10.0, 2), (70.0, 1)]


def test_fault_that_does_not_fit_neither_strikes_nor_skips() -> None:
    faults = Faults()
    faults.arm("http_drop", at=20, skip=1)
    faults.arm("http_drop", at=80)
    assert faults.strike("http_drop", "me", lambda armed: armed.at == 80).at == 80
    assert faults.strike("http_drop", "me", lambda armed: armed.at == 80) is None
    assert strikes(faults, "http_drop", 2) == "-x"


def test_fault_strikes_are_told() -> None:
    told: list[tuple[str, str]] = []
    faults = Faults(lambda who, what: told.append((who, what)))
    faults.arm("http_json", times=2)
    faults.arm("http_html", times=0)
    strikes(faults, "http_json", 3)
    strikes(faults, "http_html", 1)
    faults.clear()
    assert told == [
        ("cloud", "fault http_json armed"),
        ("cloud", "fault http_html armed"),
        ("me", "fault http_json strikes (1 of 2)"),
        ("me", "fault http_json strikes (2 of 2)"),
        ("me", "fault http_html strikes (1, no end)"),
        ("cloud", "faults cleared"),
    ]


@pytest.mark.parametrize(
    ("at", "size", "byte"),
    [(50, 1001, 500), (10, 99, 9), (33.3, 1000, 333), (0, 5, 0), (None, 9, 4), (99.9, 10, 9)],
)
def test_fault_place_is_rounded_down(at: float | None, size: int, byte: int) -> None:
    assert Armed("http_drop", 1, at, None, 0).byte(size) == byte


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("http_dropp", {}, "no fault 'http_dropp'; there are: http_drop, "),
        ("http_drop", {"times": -1}, "times of a fault is a number from 0"),
        ("http_drop", {"times": True}, "times of a fault is a number from 0"),
        ("http_drop", {"times": "1"}, "times of a fault is a number from 0"),
        ("http_drop", {"skip": -1}, "skip of a fault is a number from 0"),
        ("http_drop", {"at": 100}, "`at` of a fault is a percentage from 0 to below 100"),
        ("http_drop", {"at": -0.1}, "`at` of a fault is a percentage from 0 to below 100"),
        ("http_drop", {"at": "50"}, "`at` of a fault is a percentage from 0 to below 100"),
        ("http_drop", {"value": 1}, "fault http_drop takes no value"),
        ("http_json", {"at": 50}, "fault http_json takes no `at`"),
        ("http_trickle", {"value": "x"}, "value of fault http_trickle is a number 1 to 600000"),
        ("http_trickle", {"value": 0}, "value of fault http_trickle is a number 1 to 600000"),
        ("http_status", {"value": 600}, "value of fault http_status is a number 201 to 599"),
        ("http_status", {"value": [5]}, "value of fault http_status is a text or a number"),
        ("http_status", {"value": True}, "value of fault http_status is a text or a number"),
        ("http_offset", {"value": "x"}, "value of fault http_offset is a number -2147483648 to"),
        ("http_two_faced", {"at": 50}, "fault http_two_faced takes no `at`"),
        ("http_redirect_host", {}, "fault http_redirect_host needs a value: base URL"),
        ("http_redirect_host", {"value": "x"}, "value of fault http_redirect_host is base URL"),
        ("cmd_missing", {"value": "id"}, "value of fault cmd_missing is one of version, sign, "),
        ("cmd_url", {}, "fault cmd_url needs a value: fileUrl"),
        ("reply_none", {"value": "x"}, "value of fault reply_none is one of inform, progress"),
        ("reply_code", {"value": "500"}, "value of fault reply_code is REPLY:CODE"),
        ("reply_code", {"value": "x:500"}, "value of fault reply_code is REPLY:CODE"),
    ],
)
def test_fault_that_cannot_be_armed_is_refused_with_a_reason(
    name: str, options: dict, text: str
) -> None:
    faults = Faults()
    with pytest.raises(FaultError) as error:
        faults.arm(name, **options)
    assert str(error.value).startswith(text)
    assert not any(one["armed"] for one in faults.table())


def test_table_tells_what_each_fault_takes() -> None:
    table = {str(one["name"]): one for one in Faults().table()}
    assert list(table) == list(FAULTS)
    assert all(one["meaning"] for one in table.values())
    trickle = table["http_trickle"]
    assert (trickle["value"], trickle["default"], trickle["at"], trickle["allowed"]) == (
        "milliseconds per byte", 200, True, ["1 to 600000"],
    )  # fmt: skip
    assert table["reply_none"]["allowed"] == ["inform", "progress", "getversion", "all"]
    assert (table["http_json"]["value"], table["http_json"]["at"]) == ("", False)


# --- admin API and command


def armed_of(found: list[dict]) -> dict[str, list[dict]]:
    return {one["name"]: one["armed"] for one in found if one["armed"]}


def test_client_sets_lists_and_clears(cloud: CloudThread) -> None:
    assert armed_of(cloud.client.faults()) == {}
    armed = cloud.client.set_fault("http_trickle", times=0, at=12.5, value="30", skip=2)
    wanted = {"times": 0, "at": 12.5, "value": 30, "skip": 2, "struck": 0, "name": "http_trickle"}
    assert armed == wanted
    assert armed_of(cloud.client.faults()) == {"http_trickle": [wanted]}
    assert cloud.client.set_fault("http_drop")["at"] == 50
    cloud.client.clear_faults()
    assert armed_of(cloud.client.faults()) == {}


def test_client_is_told_what_is_wrong(cloud: CloudThread) -> None:
    with pytest.raises(AdminError, match="takes no `at`"):
        cloud.client.set_fault("http_json", at=1)
    with pytest.raises(AdminError, match="unknown members: when"):
        cloud.client._call("PUT", "/faults/http_json", b'{"when":1}')


def test_faults_do_not_outlive_the_stand_in(tmp_path: Path) -> None:
    with CloudThread(tmp_path) as first:
        first.client.set_fault("http_json")
    with CloudThread(tmp_path) as second:
        assert armed_of(second.client.faults()) == {}


def run(cloud: CloudThread | Path, *arguments: str) -> Result:
    home = cloud if isinstance(cloud, Path) else cloud.home
    return CliRunner().invoke(main, ["fault", *arguments, "--home", str(home)])


def test_command_sets_lists_and_clears(cloud: CloudThread) -> None:
    shown = run(cloud, "set", "http_drop", "--times", "3", "--at", "10", "--skip", "1")
    assert (shown.exit_code, shown.stdout) == (0, "http_drop: at 10 %, after 1, struck 0 of 3\n")
    shown = run(cloud, "set", "cmd_size", "--value", "-5", "--times", "0", "--json")
    assert json.loads(shown.stdout)["value"] == -5
    lines = run(cloud, "list").stdout.splitlines()
    assert len(lines) == len(FAULTS) + 1
    assert "at 10 %, after 1, struck 0 of 3" in lines[1]
    size = next(line for line in lines if line.startswith("cmd_size "))
    assert "-5, struck 0 of no end" in size
    assert "bytes added [1]" in size
    assert json.loads(run(cloud, "list", "--json").stdout) == cloud.client.faults()
    assert run(cloud, "clear").stdout == "no fault is armed\n"
    assert run(cloud, "clear", "--json").exit_code == 0
    assert armed_of(cloud.client.faults()) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("http_dropp", 1, "Error: no fault 'http_dropp'; there are: http_drop, "),
        ("http_json --at 5", 1, "Error: fault http_json takes no `at` (400)"),
        ("http_drop --at 100", 1, "Error: `at` of a fault is a percentage from 0 to below 100"),
        ("http_drop --at x", 2, "Usage: "),
        ("http_drop --times x", 2, "Usage: "),
    ],
)
def test_command_refuses_with_one_line(
    cloud: CloudThread, arguments: str, code: int, text: str
) -> None:
    result = run(cloud, "set", *arguments.split())
    assert result.exit_code == code
    assert result.stderr.startswith(text)


@pytest.mark.parametrize("command", ["list", "clear", "set http_json"])
def test_command_without_stand_in_exits_2(tmp_path: Path, command: str) -> None:
    result = run(tmp_path, *command.split())
    assert (result.exit_code, "no stand-in runs" in result.stderr) == (2, True)
