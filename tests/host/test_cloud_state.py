"""What survives a restart, expiry by the clock, many boards."""

from __future__ import annotations

import contextlib
import logging
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cloud_fixtures import (
    RawDevice,
    add,
    cloud,
    download_target,
    http_login,
    https,
    online,
    served,
    wait_for,
)

from host_tools.cloud.client import AdminClient, CloudNotRunningError
from host_tools.cloud.home import HomeError
from host_tools.cloud.server import CloudThread
from host_tools.cloud.standin import Cloud

__all__ = ["cloud"]


class HandClock:
    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


def test_restart_loses_nothing(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    with CloudThread(home) as first:
        device = online(first)
        session = http_login(first, device).json["data"]["sessionId"]
        first.client.add_firmware(b"one", "1.1.0")
        first.client.create_job(["1.1.0"], ["dk1"], timeout_s=600)
        device.expect("upgrade")
        device.progress("40", "downloading")
        served(first, "progress")
        first.client.set_switch("etag", "weak")
        before = first.client.jobs(), first.client.messages(), first.client.firmware()
        credentials = first.endpoints["access_key"], first.endpoints["org_id"]
        authority = Path(first.endpoints["ca_der"]).read_bytes()
    with CloudThread(home) as second:
        jobs = second.client.jobs()
        assert jobs[0]["tasks"][0].pop("online") is False
        assert before[0][0]["tasks"][0].pop("online") is True
        assert (jobs, second.client.messages(), second.client.firmware()) == before
        assert (second.endpoints["access_key"], second.endpoints["org_id"]) == credentials
        assert Path(second.endpoints["ca_der"]).read_bytes() == authority
        device._cloud = second
        target = download_target(device, session, before[2][0]["file_url"])
        answer = https(second, "GET", target)
        assert (answer.body, answer.headers["ETag"][:2]) == (b"one", "W/")
        assert device.connect() == 0
        device.progress("60")
        device.inform("1.1.0")
        wait_for(second, lambda: second.client.job(1)["final"])
        assert second.client.job(1)["tasks"][0]["status"] == "succeeded"
        assert [m["seq"] for m in second.client.messages()] == list(
            range(1, len(second.client.messages()) + 1)
        )


def test_restart_times_out_what_was_upgrading(tmp_path: Path) -> None:
    now = HandClock()
    with CloudThread(tmp_path / "cloud", now=now) as first:
        device = online(first)
        first.client.add_firmware(b"one", "1.1.0")
        first.client.create_job(["1.1.0"], ["dk1"], timeout_s=600)
        device.progress("40")
        served(first, "progress")
    now.time += 601
    with CloudThread(tmp_path / "cloud", now=now) as second:
        task = second.client.job(1)["tasks"][0]
        assert (task["status"], task["desc"]) == ("failed", "timed out after 600 s")


def test_http_session_lives_from_its_last_use(tmp_path: Path) -> None:
    now = HandClock()
    with CloudThread(tmp_path / "cloud", now=now) as running:
        device = add(running)
        uri = running.client.add_firmware(b"one", "1.1.0")["file_url"]
        session = http_login(running, device, lifetime_ms=30_000).json["data"]["sessionId"]
        for _ in range(3):
            now.time += 29.9
            assert https(running, "GET", download_target(device, session, uri)).status == 200
        now.time += 30.1
        assert https(running, "GET", download_target(device, session, uri)).status == 401
        again = http_login(running, device).json["data"]["sessionId"]
        assert again != session
        assert https(running, "GET", download_target(device, again, uri)).status == 200


def test_endpoints_go_away(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    with CloudThread(home) as running:
        assert AdminClient(home).endpoints == running.endpoints
    assert not (home / "endpoints.json").exists()
    with pytest.raises(CloudNotRunningError, match="start `enos-ota cloud`"):
        AdminClient(home)


def test_home_in_use_is_refused_and_left_alone(cloud: CloudThread) -> None:
    with (
        pytest.raises(HomeError, match=r"runs with home .* already"),
        CloudThread(cloud.home),
    ):
        pass
    assert cloud.client.devices() == []
    assert AdminClient(cloud.home).devices() == []


def test_port_in_use_is_named_and_home_is_free_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        base = taken.getsockname()[1]
        with (
            pytest.raises(HomeError, match=f"port {base} cannot be opened"),
            CloudThread(tmp_path / "cloud", port_base=base),
        ):
            pass
    with CloudThread(tmp_path / "cloud") as running:
        assert running.client.devices() == []


def test_home_with_broken_database_is_refused_in_one_line(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    home.mkdir()
    (home / "cloud.sqlite").write_bytes(b"this is not a database" * 100)
    for _ in range(2):
        with pytest.raises(HomeError, match="cannot be used: file is not a database"):
            Cloud(home)


def test_home_with_a_switch_of_another_version_starts_with_the_default(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    with CloudThread(home, switches={"etag": "weak", "downlink_qos": 0}):
        pass
    with contextlib.closing(sqlite3.connect(home / "cloud.sqlite")) as database, database:
        database.execute("UPDATE settings SET value = 'odd' WHERE name = 'switch.etag'")
    with CloudThread(home) as again:
        values = {one["name"]: one["value"] for one in again.client.switches()}
    assert (values["etag"], values["downlink_qos"]) == ("strong", 0)


def test_switch_given_wrong_is_refused_and_home_is_free_again(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(HomeError, match="no switch 'nonsense'"):
            Cloud(tmp_path / "cloud", switches={"nonsense": 1})


def test_killed_stand_in_left_endpoints_client_says_not_running(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as running:
        client = running.client
        left = (running.home / "endpoints.json").read_bytes()
    (tmp_path / "cloud" / "endpoints.json").write_bytes(left)
    for stale in (client, AdminClient(tmp_path / "cloud")):
        with pytest.raises(CloudNotRunningError):
            stale.devices()


# --- many boards, and errors that must show


def test_twenty_boards_in_parallel_upgrade(cloud: CloudThread) -> None:
    content = bytes(200_000)
    keys = [f"dk{number}" for number in range(20)]
    devices = [online(cloud, key) for key in keys]
    cloud.client.add_firmware(content, "1.1.0")
    job = cloud.client.create_job(["1.1.0"])

    def upgrade(device: RawDevice) -> int:
        command = device.expect("upgrade").json["params"]
        session = http_login(cloud, device).json["data"]["sessionId"]
        got = https(cloud, "GET", download_target(device, session, command["fileUrl"])).body
        for step in range(0, 100, 5):
            device.progress(str(step))
        device.ask("inform", {"version": command["version"]})
        return len(got)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(upgrade, devices)) == [len(content)] * 20
    done = cloud.client.job(job["id"])
    assert {task["status"] for task in done["tasks"]} == {"succeeded"}
    assert len(done["tasks"]) == 20


def test_uplink_that_fails_inside_shows_in_the_log(
    cloud: CloudThread, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = online(cloud)
    device.subscribe("inform_reply")

    def broken(*_: object) -> None:
        raise RuntimeError("seeded")

    with caplog.at_level(logging.ERROR), monkeypatch.context() as patch:
        patch.setattr("host_tools.cloud.ota.OtaService._getversion", broken)
        device.request("getversion")
        device.inform("1.0.0")
        device.expect("inform_reply")
    assert "was not served" in caplog.text
    assert "seeded" in caplog.text
