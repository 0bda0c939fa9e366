"""Answers of another kind instead of a download or an HTTP login."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from cloud_fixtures import RawDevice, add, download_target, http_login
from fault_fixtures import (
    CONTENT,
    RANGE,
    SIZE,
    Seen,
    cloud,
    fetch,
    once,
    shared,
    struck,
    target,
    target_of,
    whole,
)

from host_tools.cloud.server import CloudThread

__all__ = ["cloud", "shared", "target"]


@pytest.fixture
def device(cloud: CloudThread) -> RawDevice:
    return add(cloud, f"dk{len(cloud.client.devices())}")


def log_in(cloud: CloudThread, device: RawDevice) -> str:
    session = http_login(cloud, device).json["data"]["sessionId"]
    return download_target(device, session, target_of(cloud, "enos-connect"))


def test_silent_reads_and_does_not_answer(cloud: CloudThread, target: str) -> None:
    assert whole(fetch(cloud, target))
    cloud.client.set_fault("http_silent")
    seen = fetch(cloud, target, silent_after=-1)
    assert (seen.ending, seen.data) == ("silent", b"")
    assert whole(fetch(cloud, target))


@pytest.mark.parametrize("status", [None, 204, 401, 403, 503])
@pytest.mark.parametrize("shape", ["json", "html", "empty"])
def test_status_has_the_body_of_the_switch(
    cloud: CloudThread, target: str, status: int | None, shape: str
) -> None:
    cloud.client.set_switch("error_body", shape)
    seen = once(cloud, "http_status", lambda: fetch(cloud, target), value=status)
    assert seen.status == (status or 500)
    if shape == "empty" or status == 204:
        assert seen.body == b""
    elif shape == "html":
        assert b"<html>" in seen.body
    else:
        assert json.loads(seen.body)["code"] == (status or 500)


def test_expire_ends_the_session_of_this_request(cloud: CloudThread, device: RawDevice) -> None:
    first = log_in(cloud, device)
    assert whole(fetch(cloud, first))
    cloud.client.set_fault("http_expire")
    assert fetch(cloud, first).status == 401
    assert fetch(cloud, first).status == 401
    assert whole(fetch(cloud, log_in(cloud, device)))
    assert struck(cloud, "http_expire") == 1


def test_json_is_a_200_of_enos(cloud: CloudThread, target: str) -> None:
    seen = once(cloud, "http_json", lambda: fetch(cloud, target))
    assert seen.status == 200
    assert seen.headers["Content-Type"].startswith("application/json")
    assert json.loads(seen.body) == {"code": 1009, "message": "no permission"}


def test_html_is_a_200_with_a_page(cloud: CloudThread, target: str) -> None:
    seen = once(cloud, "http_html", lambda: fetch(cloud, target))
    assert seen.status == 200
    assert seen.headers["Content-Type"].startswith("text/html")
    assert seen.body.startswith(b"<html>")


def test_redirect_leads_to_a_path_without_session(cloud: CloudThread, device: RawDevice) -> None:
    target = log_in(cloud, device)
    seen = once(cloud, "http_redirect", lambda: fetch(cloud, target))
    assert seen.status == 302
    where = seen.headers["Location"]
    assert where.startswith("/")
    assert "sessionId" not in where
    cloud.client.set_fault("http_redirect", times=0)
    assert whole(fetch(cloud, where))
    assert whole(fetch(cloud, where, headers=RANGE), 100)
    assert fetch(cloud, where + "0").status == 404


@pytest.mark.parametrize("base", ["https://127.0.0.1:1", "http://other.example/"])
def test_redirect_host_leads_to_another_address(cloud: CloudThread, target: str, base: str) -> None:
    seen = once(cloud, "http_redirect_host", lambda: fetch(cloud, target), value=base)
    assert seen.status == 302
    where = seen.headers["Location"]
    assert where.startswith(base.rstrip("/") + "/")
    cloud.client.set_fault("http_redirect_host", times=0, value=base)
    assert whole(fetch(cloud, urlsplit(where).path))


def test_redirect_loop_leads_to_itself(cloud: CloudThread, device: RawDevice) -> None:
    target = log_in(cloud, device)
    seen = once(cloud, "http_redirect_loop", lambda: fetch(cloud, target))
    assert (seen.status, seen.headers["Location"]) == (302, target)


def test_faults_strike_the_broker_and_every_shape_of_url(
    cloud: CloudThread, device: RawDevice
) -> None:
    targets = [log_in(cloud, device), target_of(cloud), target_of(cloud, "relative")]
    cloud.client.set_fault("http_drop", times=0, at=10)
    seen = [fetch(cloud, target).body for target in targets]
    assert seen == [CONTENT[: SIZE * 10 // 100]] * 3


# --- login


def post_login(cloud: CloudThread, device: RawDevice, silent_after: int | None = None) -> Seen:
    path = f"/auth/{device.product}/{device.key}"
    return fetch(cloud, path, method="POST", body=b"{}", silent_after=silent_after)


def test_login_silent_reads_and_does_not_answer(cloud: CloudThread, device: RawDevice) -> None:
    assert post_login(cloud, device).status == 401
    cloud.client.set_fault("http_login_silent")
    seen = post_login(cloud, device, silent_after=-1)
    assert (seen.ending, seen.data) == ("silent", b"")
    assert http_login(cloud, device).status == 200


def test_login_status_refuses_a_good_login(cloud: CloudThread, device: RawDevice) -> None:
    assert http_login(cloud, device).status == 200
    cloud.client.set_fault("http_login_status", value=503)
    assert http_login(cloud, device).status == 503
    assert http_login(cloud, device).status == 200
