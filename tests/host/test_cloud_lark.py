"""Firmware of the newest file store: a direct link is asked for first."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from cloud_fixtures import RawDevice, add, download_target, http_login, https
from fault_fixtures import CONTENT, SIZE, cloud, fetch, shared, target_of, whole

from host_tools.cloud.server import CloudThread

__all__ = ["cloud", "shared"]


@pytest.fixture
def device(cloud: CloudThread) -> RawDevice:
    return add(cloud, f"dk{len(cloud.client.devices())}")


def url_target(cloud: CloudThread, device: RawDevice, shape: str, *, session: str = "") -> str:
    session = session or http_login(cloud, device).json["data"]["sessionId"]
    uri = quote(target_of(cloud, shape), safe="")
    return download_target(device, session, uri).replace("/download?", "/download/url?")


def test_lark_url_has_its_own_scheme(cloud: CloudThread) -> None:
    assert re.fullmatch(r"enos-lark://[0-9a-f]{16}\.bin", target_of(cloud, "enos-lark"))


@pytest.mark.parametrize("shape", ["enos-lark", "enos-connect", "relative"])
def test_link_serves_the_bytes_without_a_session(
    cloud: CloudThread, device: RawDevice, shape: str
) -> None:
    cloud.client.set_switch("relative_at_broker", "yes")
    answer = https(cloud, "GET", url_target(cloud, device, shape))
    link = answer.json.pop("data")
    assert answer.json == {"id": "1", "code": 200, "message": "", "data": link}
    assert link.startswith(cloud.endpoints["http_broker"] + "/")
    path = link.removeprefix(cloud.endpoints["http_broker"])
    first = fetch(cloud, path)
    assert whole(first)
    assert whole(fetch(cloud, path, headers={"Range": "bytes=9-99"}), 9, 99)
    tag = {"Range": "bytes=9-", "If-Range": first.headers["ETag"]}
    assert whole(fetch(cloud, path, headers=tag), 9, SIZE - 1)
    assert first.body == CONTENT


def test_lark_is_not_served_by_the_broker_itself(cloud: CloudThread, device: RawDevice) -> None:
    target = url_target(cloud, device, "enos-lark").replace("/download/url?", "/download?")
    assert fetch(cloud, target).status == 404


def test_link_needs_a_session_and_a_known_file(cloud: CloudThread, device: RawDevice) -> None:
    assert fetch(cloud, url_target(cloud, device, "enos-lark", session="x")).status == 401
    assert fetch(cloud, url_target(cloud, device, "https")).status == 404
    assert fetch(cloud, url_target(cloud, device, "relative")).status == 404
    assert fetch(cloud, "/files/0000000000000000.bin").status == 404


def test_faults_strike_behind_the_link_and_expire_before(
    cloud: CloudThread, device: RawDevice
) -> None:
    target = url_target(cloud, device, "enos-lark")
    path = https(cloud, "GET", target).json["data"].removeprefix(cloud.endpoints["http_broker"])
    cloud.client.set_fault("http_short", at=10)
    cloud.client.set_fault("http_expire")
    assert fetch(cloud, path).body == CONTENT[: SIZE * 10 // 100]
    assert fetch(cloud, target).status == 401
