"""The whole loop, pushed and on request, once per position of every switch."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from cloud_fixtures import RawDevice, add, download_target, http_login, https, wait_for

from host_tools.cloud.server import CloudThread
from host_tools.cloud.switches import SWITCHES

CONTENT = bytes(range(256)) * 700
POSITIONS = [(name, value) for name, switch in SWITCHES.items() for value in switch.allowed]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud") as running:
        for version, shape in (
            ("1.1.0", "enos-connect"),
            ("1.2.0", "relative"),
            ("1.3.0", "https"),
        ):
            running.client.add_firmware(CONTENT, version, url_shape=shape)
        yield running


def fetch(cloud: CloudThread, device: RawDevice, firmware: dict) -> bytes:
    url = firmware["fileUrl"]
    if url.startswith("enos-connect:"):
        session = http_login(cloud, device).json["data"]["sessionId"]
        target = download_target(device, session, quote(url, safe=""))
    else:
        target = url.removeprefix(cloud.endpoints["http_broker"])
    body = b""
    while len(body) < firmware["fileSize"]:
        headers = {"Range": f"bytes={len(body)}-{len(body) + 65535}"}
        answer = https(cloud, "GET", target, headers=headers)
        if answer.status == 200:
            return answer.body
        assert answer.status == 206
        body += answer.body
    return body


def upgrade(cloud: CloudThread, device: RawDevice, firmware: dict) -> None:
    assert firmware["fileSize"] == len(CONTENT)
    assert fetch(cloud, device, firmware) == CONTENT
    for step in ("0", "50", "98"):
        assert device.ask("progress", {"step": step})["code"] == 200
    device.close()
    assert device.connect() == 0
    assert device.ask("progress", {"step": "100"})["code"] == 200
    assert device.ask("inform", {"version": firmware["version"]})["code"] == 200
    device.messages.clear()


@pytest.mark.parametrize(("name", "value"), POSITIONS)
def test_loop_pushed_offline_pushed_online_and_on_request(
    shared: CloudThread, name: str, value: str | int
) -> None:
    key = f"{name}-{value}"
    client = shared.client
    client.set_switch(name, value)
    try:
        device = add(shared, key, tls=name == "tls_client_certificate")
        assert device.connect() == 0
        assert device.ask("inform", {"version": "1.0.0"})["code"] == 200
        pushed = client.create_job(["1.1.0"], [key])
        upgrade(shared, device, device.expect("upgrade").json["params"])
        device.close()
        wait_for(shared, lambda: not client.device(key)["online"])
        waiting = client.create_job(["1.2.0"], [key])
        device.connect()
        device.ask("inform", {"version": "1.1.0"})
        upgrade(shared, device, device.expect("upgrade").json["params"])
        asked = client.create_job(["1.3.0", "1.1.0"], [key], on_request=True)
        offered = device.ask("getversion")["data"]
        assert [firmware["version"] for firmware in offered] == ["1.3.0", "1.1.0"]
        upgrade(shared, device, offered[0])
        assert not device.ask("getversion").get("data")
        for job in (pushed, waiting, asked):
            assert client.job(job["id"])["tasks"][0]["status"] == "succeeded"
    finally:
        device.close()
        client.set_switch(name, SWITCHES[name].default)
