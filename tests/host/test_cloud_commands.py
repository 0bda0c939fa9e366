"""The operator's commands against a running stand-in, and `enos-ota cloud` itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cloud_fixtures import cloud, online, served

from host_tools.cli import main
from host_tools.cloud.server import CloudThread
from host_tools.cloud.switches import SWITCHES

__all__ = ["cloud"]


def run(cloud: CloudThread | Path, *arguments: str) -> Result:
    home = cloud if isinstance(cloud, Path) else cloud.home
    return CliRunner().invoke(main, [*arguments, "--home", str(home)])


def document(cloud: CloudThread, *arguments: str):
    result = run(cloud, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "command",
    ["device list", "device add x", "firmware list", "job list", "job watch 1", "job cancel 1",
     "job create --version 1", "switch list", "switch set etag weak"],
)  # fmt: skip
def test_command_without_stand_in_exits_2_and_says_what_to_do(tmp_path: Path, command: str) -> None:
    result = run(tmp_path, *command.split())
    assert result.exit_code == 2
    text = f"Error: no stand-in runs with home {tmp_path}: start `enos-ota cloud`\n"
    assert result.stderr == text


def test_device_add_and_list(cloud: CloudThread) -> None:
    shown = run(cloud, "device", "add", "dk1")
    added = document(cloud, "device", "add", "dk2", "--product", "pk2")
    assert shown.exit_code == 0
    assert "device_secret" in shown.stdout
    assert (added["product_key"], len(added["device_secret"])) == ("pk2", 32)
    listed = document(cloud, "device", "list")
    assert [(one["product_key"], one["device_key"]) for one in listed] == [
        ("pk2", "dk2"),
        ("pk_demo", "dk1"),
    ]
    assert "device_secret" not in listed[0]
    assert "never informed" in run(cloud, "device", "list").stdout
    assert added["device_secret"] not in run(cloud, "device", "list").stdout


@pytest.mark.parametrize("key", ["dk1", "a/b", "a&b", "a|b", "+", "#", " "])
def test_device_add_twice_or_with_bad_key_is_refused(cloud: CloudThread, key: str) -> None:
    cloud.client.add_device("dk1")
    result = run(cloud, "device", "add", key)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


@pytest.mark.parametrize("shape", ["enos-connect", "relative", "https"])
@pytest.mark.parametrize("method", ["md5", "sha256"])
def test_firmware_add_and_list(cloud: CloudThread, tmp_path: Path, shape: str, method: str) -> None:
    file = tmp_path / "release.bin"
    file.write_bytes(b"release")
    options = ("--version", "1.1.0", "--url-shape", shape, "--sign-method", method)
    added = document(cloud, "firmware", "add", str(file), *options)
    assert (added["name"], added["size_bytes"]) == ("release.bin", 7)
    assert len(added["sign"]) == {"md5": 32, "sha256": 64}[method]
    assert document(cloud, "firmware", "list") == [added]
    assert added["file_url"] in run(cloud, "firmware", "list").stdout


def test_firmware_add_missing_file_is_refused(cloud: CloudThread) -> None:
    result = run(cloud, "firmware", "add", "/nowhere.bin", "--version", "1")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_job_create_never_informed_is_refused(cloud: CloudThread) -> None:
    cloud.client.add_device("dk1")
    cloud.client.add_firmware(b"x", "1.1.0")
    result = run(cloud, "job", "create", "--version", "1.1.0", "--device", "dk1")
    assert result.exit_code == 1
    assert "pk_demo/dk1 never informed a version" in result.stderr


def test_job_create_watch_list_success(cloud: CloudThread) -> None:
    device = online(cloud)
    cloud.client.add_firmware(b"x", "1.1.0")
    created = document(
        cloud, "job", "create", "--version", "1.1.0", "--device", "dk1",
        "--from-versions", "0.9,1.0.0", "--timeout-s", "300",
    )  # fmt: skip
    assert created["from_versions"] == ["0.9", "1.0.0"]
    assert created["timeout_s"] == 300
    device.progress("40")
    device.inform("1.1.0")
    watched = run(cloud, "job", "watch", "1")
    assert watched.exit_code == 0
    assert "1.0.0 -> 1.1.0" in watched.stdout
    assert "succeeded" in watched.stdout
    assert document(cloud, "job", "watch", "1")["final"] is True
    assert "succeeded" in run(cloud, "job", "list").stdout


def test_job_watch_waits_and_exits_1_with_meaning_and_desc(cloud: CloudThread) -> None:
    device = online(cloud)
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])

    def fail_later() -> None:
        device.progress("99")
        device.progress("-6", "1.1.0: app raised OSError")

    timer = threading.Timer(0.3, fail_later)
    timer.start()
    watched = run(cloud, "job", "watch", "1")
    timer.join()
    assert watched.exit_code == 1
    words = " ".join(watched.stdout.split())
    assert "-6 failed rolled back: 1.1.0: app raised OSError" in words


def test_device_words_cannot_steer_the_terminal(cloud: CloudThread) -> None:
    device = online(cloud, version="1\x1b[2J")
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])
    device.progress("-2", "lost\x1b[31m\r\n\u202eroute")
    served(cloud, "progress")
    for command in (["device", "list"], ["job", "list"], ["job", "watch", "1"]):
        shown = run(cloud, *command).stdout
        assert not {"\x1b", "\r", "\u202e"} & set(shown), command


def test_job_on_request_cancel_and_retry(cloud: CloudThread) -> None:
    device = online(cloud)
    for version in ("1.1.0", "1.2.0"):
        cloud.client.add_firmware(b"x", version)
    options = ("--version", "1.1.0", "--version", "1.2.0", "--on-request")
    created = document(cloud, "job", "create", *options)
    assert (created["kind"], created["versions"]) == ("request", ["1.1.0", "1.2.0"])
    assert len(device.ask("getversion")["data"]) == 2
    cancelled = document(cloud, "job", "cancel", "1", "--device", "dk1")
    assert cancelled["tasks"][0]["desc"] == "Cancelled by user"
    assert run(cloud, "job", "cancel", "1").stderr == (
        "Error: only init or published tasks can be cancelled (24620)\n"
    )
    assert document(cloud, "job", "retry", "1")["tasks"][0]["status"] == "init"
    assert document(cloud, "job", "stop", "1")["status"] == "stopped"
    assert device.ask("getversion")["data"] == []
    assert "24404" in run(cloud, "job", "cancel", "99").stderr


def test_switch_list_and_set(cloud: CloudThread) -> None:
    assert [one["name"] for one in document(cloud, "switch", "list")] == list(SWITCHES)
    assert document(cloud, "switch", "set", "downlink_qos", "0")["value"] == 0
    assert "downlink_qos" in run(cloud, "switch", "list").stdout
    refused = run(cloud, "switch", "set", "downlink_qos", "7")
    assert (refused.exit_code, "it has: 0, 1" in refused.stderr) == (1, True)


def test_every_switch_position_can_be_set_over_the_api(cloud: CloudThread) -> None:
    for name, switch in SWITCHES.items():
        for value in (*switch.positions, switch.default):
            assert cloud.client.set_switch(name, value)["value"] == value


def test_message_log_since_and_wait(cloud: CloudThread) -> None:
    device = online(cloud)
    log = served(cloud, "inform")
    assert log[0] | {"time": 0} == {
        "seq": 1,
        "time": 0,
        "product": "pk_demo",
        "device": "dk1",
        "direction": "up",
        "topic": device.prefix + "inform",
        "payload": log[0]["payload"],
    }
    assert json.loads(log[0]["payload"])["params"] == {"version": "1.0.0"}
    timer = threading.Timer(0.2, device.inform, ["1.0.1"])
    timer.start()
    news = cloud.client.messages(since=1, wait_s=20)
    timer.join()
    assert [message["seq"] for message in news] == [2]
    assert cloud.client.messages(since=2) == []


def test_admin_api_without_token_is_refused(cloud: CloudThread) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}):
        request = urllib.request.Request(cloud.endpoints["admin"] + "/devices", headers=headers)
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert error.value.code == 401


@pytest.mark.parametrize("as_json", [False, True])
def test_cloud_command_announces_tells_and_stops_on_ctrl_c(tmp_path: Path, as_json: bool) -> None:
    home = tmp_path / "cloud"
    command = [sys.executable, "-m", "host_tools", "cloud", "--home", str(home), "--port-base", "0"]
    process = subprocess.Popen(
        command + ["--json"] * as_json,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    assert (home / "endpoints.json").exists()
    if not as_json:
        assert run(home, "switch", "set", "etag", "weak").exit_code == 0
    process.send_signal(signal.SIGINT)
    rest, errors = process.stdout.read(), process.stderr.read()
    assert (process.wait(20), errors) == (0, "")
    assert not (home / "endpoints.json").exists()
    if as_json:
        shown = json.loads(first + rest)
        assert shown["mqtt"].startswith("mqtt://localhost:")
        assert not {"secret_key", "admin_token"} & set(shown)
    else:
        assert first.startswith("EnOS stand-in is ready")
        assert "CA certificate" in rest
        assert "switch etag = weak" in rest


def test_cloud_command_address_as_hostname_is_refused(tmp_path: Path) -> None:
    result = run(tmp_path, "cloud", "--hostname", "192.168.1.9")
    assert result.exit_code == 2
    assert "boards need a name" in result.stderr


def test_cloud_command_home_in_use_is_refused(cloud: CloudThread) -> None:
    result = run(cloud, "cloud", "--port-base", "0")
    assert result.exit_code == 1
    assert "already" in result.stderr
