"""Faults of the command and of the replies, on the wire."""

from __future__ import annotations

import hashlib
import json

import pytest
from cloud_fixtures import RawDevice, cloud, online, served, wait_for
from fault_fixtures import struck

from host_tools.cloud.faults import FIELDS
from host_tools.cloud.server import CloudThread

__all__ = ["cloud"]

ALTERED = [
    ("cmd_size", None, {"fileSize": 8}),
    ("cmd_size", "-3", {"fileSize": 4}),
    ("cmd_size_text", None, {"fileSize": "7"}),
    ("cmd_size_absent", None, {"fileSize": None}),
    ("cmd_method", "MD5", {"signMethod": "MD5"}),
    ("cmd_method", "crc32", {"signMethod": "crc32"}),
    ("cmd_url", "ftp://x/y", {"fileUrl": "ftp://x/y"}),
    ("cmd_version", "1.0.0", {"version": "1.0.0"}),
    ("cmd_big", None, {"extra": "x" * 4096}),
    ("cmd_big", 20_000, {"extra": "x" * 20_000}),
    *[("cmd_missing", field, {field: None}) for field in FIELDS],
]


@pytest.fixture
def device(cloud: CloudThread) -> RawDevice:
    cloud.client.add_firmware(b"release", "1.1.0")
    return online(cloud)


def offered(device: RawDevice) -> dict:
    return device.ask("getversion")["data"][0]


def changed(params: dict, change: dict) -> dict:
    return {name: value for name, value in (params | change).items() if value is not None}


@pytest.mark.parametrize(("name", "value", "change"), ALTERED)
def test_command_fault_alters_one_offer(
    cloud: CloudThread, device: RawDevice, name: str, value: str | int | None, change: dict
) -> None:
    cloud.client.create_job(["1.1.0"], ["dk1"], on_request=True)
    before = offered(device)
    cloud.client.set_fault(name, value=value)
    assert offered(device) == changed(before, change) != before
    assert offered(device) == before


@pytest.mark.parametrize(("name", "value", "change"), ALTERED)
def test_command_fault_alters_the_upgrade(
    cloud: CloudThread, device: RawDevice, name: str, value: str | int | None, change: dict
) -> None:
    cloud.client.set_fault(name, value=value)
    job = cloud.client.create_job(["1.1.0"], ["dk1"])
    struck_params = device.expect("upgrade").json["params"]
    device.progress("-1")
    wait_for(cloud, lambda: cloud.client.job(job["id"])["tasks"][0]["status"] == "failed")
    cloud.client.retry(job["id"])
    assert struck_params == changed(device.expect("upgrade").json["params"], change)
    assert struck(cloud, name) == 1


@pytest.mark.parametrize("digit", "09f")
@pytest.mark.parametrize("method", ["md5", "sha256"])
def test_command_fault_sign_has_one_other_digit(
    cloud: CloudThread, device: RawDevice, method: str, digit: str
) -> None:
    contents = (bytes([number]) for number in range(256))
    content = next(c for c in contents if hashlib.new(method, c).hexdigest().endswith(digit))
    cloud.client.add_firmware(content, "1.2.0", sign_method=method)
    cloud.client.create_job(["1.2.0"], ["dk1"], on_request=True)
    before = offered(device)
    cloud.client.set_fault("cmd_sign")
    seen = offered(device)
    assert changed(seen, {"sign": before["sign"]}) == before
    pairs = list(zip(seen["sign"], before["sign"], strict=True))
    assert sum(new != old for new, old in pairs) == 1
    assert offered(device) == before


def test_command_faults_strike_together(cloud: CloudThread, device: RawDevice) -> None:
    cloud.client.create_job(["1.1.0"], ["dk1"], on_request=True)
    cloud.client.set_fault("cmd_size", value=1)
    cloud.client.set_fault("cmd_size_text")
    assert offered(device)["fileSize"] == "8"


def test_command_duplicate_publishes_the_same_twice(cloud: CloudThread, device: RawDevice) -> None:
    cloud.client.set_fault("cmd_duplicate")
    job = cloud.client.create_job(["1.1.0"], ["dk1"])
    assert device.expect("upgrade").json == device.expect("upgrade").json
    device.progress("-1")
    wait_for(cloud, lambda: cloud.client.job(job["id"])["tasks"][0]["status"] == "failed")
    cloud.client.retry(job["id"])
    device.expect("upgrade")
    device.ask("progress", {"step": "1"})
    sent = [m["topic"] for m in cloud.client.messages() if m["direction"] == "down"]
    assert sum(topic.endswith("/upgrade") for topic in sent) == 3


# --- replies


PARAMS = {"inform": {"version": "1.0.0"}, "progress": {"step": "1"}, "getversion": {}}


@pytest.mark.parametrize("tail", PARAMS)
@pytest.mark.parametrize("value", [None, "all", "one", "other"])
def test_reply_none_is_not_sent(
    cloud: CloudThread, device: RawDevice, tail: str, value: str | None
) -> None:
    other = "progress" if tail == "inform" else "inform"
    assert device.ask(tail, PARAMS[tail])["code"] == 200
    cloud.client.set_fault("reply_none", value={"one": tail, "other": other}.get(value, value))
    lost = device.request(tail, PARAMS[tail])
    # The wire keeps the order: what has not come before this reply does not come.
    kept = device.request(tail, PARAMS[tail])
    ids = [device.expect(tail + "_reply").json["id"]]
    if value == "other":
        ids.append(device.expect(tail + "_reply").json["id"])
    assert ids == ([lost, kept] if value == "other" else [kept])
    assert struck(cloud, "reply_none") == (value != "other")
    assert len(served(cloud, tail)) > 0


@pytest.mark.parametrize("value", ["progress:500", "all:-1"])
def test_reply_code_is_another_once(cloud: CloudThread, device: RawDevice, value: str) -> None:
    assert device.ask("progress", PARAMS["progress"])["code"] == 200
    cloud.client.set_fault("reply_code", value=value)
    if value.startswith("progress"):
        assert device.ask("inform", PARAMS["inform"])["code"] == 200
    assert device.ask("progress", PARAMS["progress"])["code"] == int(value.partition(":")[2])
    assert device.ask("progress", PARAMS["progress"])["code"] == 200


def test_reply_id_is_a_number_once(cloud: CloudThread, device: RawDevice) -> None:
    cloud.client.set_fault("reply_id_number", value="inform")
    assert isinstance(device.ask("progress", PARAMS["progress"])["id"], str)
    given = device.ask("inform", PARAMS["inform"])["id"]
    assert isinstance(given, int)
    after = device.ask("inform", PARAMS["inform"])["id"]
    assert isinstance(after, str)
    assert int(after) > given


def test_reply_garbage_is_no_json_once(cloud: CloudThread, device: RawDevice) -> None:
    cloud.client.set_fault("reply_garbage")
    device.subscribe("inform_reply")
    device.inform("1.0.0")
    message = device.expect("inform_reply")
    with pytest.raises(json.JSONDecodeError):
        json.loads(message.payload)
    assert device.ask("inform", PARAMS["inform"])["code"] == 200
