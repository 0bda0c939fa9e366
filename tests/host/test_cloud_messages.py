"""What the OTA service answers, message by message; envelopes and topic rights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cloud_bench import DEVICE, Bench

from host_tools.cloud import envelope
from host_tools.cloud.envelope import DeviceId

ME = DeviceId("pk", "dk")
ALL = {tail + "_reply" for tail in ("inform", "progress", "getversion", "foo")}


def bench_with(folder: Path, **positions: str | int) -> Bench:
    bench = Bench(folder, **positions)
    bench.subscribed = set(ALL)
    bench.start()
    bench.sent.clear()
    return bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_with(tmp_path)


def test_inform_reply_has_the_documented_shape(bench: Bench) -> None:
    bench.inform("1.0.0")
    assert bench.sent == [("inform_reply", {"id": "1", "code": 200, "message": "", "data": {}})]


@pytest.mark.parametrize("number", ["17", 17, "abc", ""])
def test_reply_gives_the_id_back_as_it_came(bench: Bench, number: object) -> None:
    bench.up("inform", {"version": "1"}, id=number)
    answered = bench.reply("inform")["id"]
    assert (answered, type(answered)) == (number, type(number))


def test_reply_without_id_has_none(bench: Bench) -> None:
    bench.raw("inform", b'{"params":{"version":"1.0.0"}}')
    assert "id" not in bench.reply("inform")


@pytest.mark.parametrize("tail", ["inform", "progress", "getversion"])
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 1251),
        (b"  ", 1251),
        (b"{", 1220),
        (b"\xff\xfe", 1220),
        (b"[1]", 1220),
        (b'"text"', 1220),
        (b'{"id":"1","params":[]}', 1220),
        (b"[" * 100_000, 1220),
        (b"x" * (512 * 1024 + 1), 1008),
    ],
    ids=["empty", "blank", "cut", "bytes", "list", "text", "params", "deep", "large"],
)
def test_payload_errors_have_their_codes(
    bench: Bench, tail: str, payload: bytes, code: int
) -> None:
    bench.raw(tail, payload)
    assert bench.codes(tail) == [code]
    assert bench.store.device(DEVICE).version == "1.0.0"


@pytest.mark.parametrize("version", ["", None, True, {}, "\ud800"])
def test_inform_without_usable_version_is_refused(bench: Bench, version: object) -> None:
    bench.inform(version)
    assert bench.codes("inform") == [1220]
    assert bench.store.device(DEVICE).version == "1.0.0"


def test_inform_number_as_python_sdk_sends_is_taken(bench: Bench) -> None:
    bench.inform(1.5)
    assert bench.store.device(DEVICE).version == "1.5"


@pytest.mark.parametrize(
    ("method", "enforced", "code"),
    [
        ("ota.inform", "no", 200),
        ("ota.inform", "yes", 1260),
        ("ota.device.inform", "yes", 200),
        (None, "yes", 1260),
    ],
)
def test_method_enforced(tmp_path: Path, method: str, enforced: str, code: int) -> None:
    bench = bench_with(tmp_path, method_enforced=enforced)
    if enforced == "no":
        assert bench.store.device(DEVICE).version == "1.0.0"
    bench.up("inform", {"version": "2"}, method=method)
    assert bench.codes("inform") == [code]
    assert bench.reply("inform")["id"] == "1"


@pytest.mark.parametrize(
    ("step", "position", "code"),
    [
        (20, "yes", 200),
        (20, "no", 1220),
        ("20", "no", 200),
        ("-3", "no", 200),
        ("20%", "yes", 1220),
        ("2.5", "yes", 1220),
        (2.5, "yes", 1220),
        (True, "yes", 1220),
        ("101", "yes", 1220),
        ("", "yes", 1220),
        ("--1", "yes", 1220),
        (-(10**30), "yes", 1220),
        (None, "yes", 1220),
    ],
)
def test_progress_step_forms(tmp_path: Path, step: object, position: str, code: int) -> None:
    bench = bench_with(tmp_path, numeric_step_accepted=position)
    job = bench.push()
    bench.progress(step)
    assert bench.codes("progress") == [code]
    assert (bench.status(job) == "published") == (code != 200)


@pytest.mark.parametrize("code", [200, 500])
def test_orphan_progress_code(tmp_path: Path, code: int) -> None:
    bench = bench_with(tmp_path, orphan_progress_code=code)
    bench.progress("5")
    assert bench.codes("progress") == [code]


@pytest.mark.parametrize(
    ("position", "expected"), [("empty_list", []), ("null", None), ("absent", ...)]
)
def test_getversion_nothing(tmp_path: Path, position: str, expected: object) -> None:
    bench = bench_with(tmp_path, getversion_nothing=position)
    bench.up("getversion")
    assert bench.reply("getversion").get("data", ...) == expected


@pytest.mark.parametrize(
    ("position", "expected"),
    [("object", {}), ("null", None), ("empty_string", ""), ("absent", ...)],
)
def test_reply_data(tmp_path: Path, position: str, expected: object) -> None:
    bench = bench_with(tmp_path, reply_data=position)
    bench.inform("1.0.0")
    assert bench.reply("inform").get("data", ...) == expected


@pytest.mark.parametrize(("position", "there"), [("yes", True), ("no", False)])
def test_reply_message(tmp_path: Path, position: str, there: bool) -> None:
    bench = bench_with(tmp_path, reply_message=position)
    bench.inform("1.0.0")
    assert ("message" in bench.reply("inform")) == there


@pytest.mark.parametrize(("position", "kind"), [("string", str), ("number", int)])
def test_id_type_of_upgrade(tmp_path: Path, position: str, kind: type) -> None:
    bench = bench_with(tmp_path, id_type=position)
    bench.push()
    assert type(bench.sent[-1][1]["id"]) is kind


def test_upgrade_has_the_documented_shape(bench: Bench) -> None:
    bench.push()
    tail, message = bench.sent[-1]
    firmware = bench.shelf.of("1.1.0")
    assert tail == "upgrade"
    assert {name: message[name] for name in ("version", "method")} == {
        "version": "1.0",
        "method": "ota.device.upgrade",
    }
    assert message["params"] == {
        "version": "1.1.0",
        "sign": firmware.sha256,
        "signMethod": "sha256",
        "fileUrl": firmware.url,
        "fileSize": 45,
    }


@pytest.mark.parametrize("position", ["subscribed", "always"])
def test_replies_to_whom(tmp_path: Path, position: str) -> None:
    bench = Bench(tmp_path, replies=position)
    bench.start()
    assert [tail for tail, _ in bench.sent] == (["inform_reply"] if position == "always" else [])


@pytest.mark.parametrize(
    "topic",
    [
        "/sys/pk/other/ota/device/inform",
        "/sys/other/dk/ota/device/inform",
        "/sys/pk/dk/ota/device/upgrade",
        "/sys/pk/dk/ota/device/request",
        "sys/pk/dk/ota/device/inform",
        "/anything",
    ],
)
def test_uplink_foreign_topic_is_1009(bench: Bench, topic: str) -> None:
    answers: list[tuple[str, dict]] = []

    def note(device: DeviceId, where: str, payload: bytes, **_: bool) -> bool:
        answers.append((where, json.loads(payload)))
        return True

    bench.service._downlink = note  # type: ignore[method-assign]
    bench.service.uplink(DEVICE, topic, b'{"params":{"version":"6.6.6"}}')
    assert [(where, answer["code"]) for where, answer in answers] == [(topic + "_reply", 1009)]
    assert bench.store.device(DEVICE).version == "1.0.0"
    assert any("1009" in line for line in bench.told)


def test_uplink_own_other_topic_is_noted_only(bench: Bench) -> None:
    bench.service.uplink(DEVICE, "/sys/pk/dk/thing/measurepoint/post", b"{}")
    assert bench.sent == []
    assert not any("refused" in line for line in bench.told)


@pytest.mark.parametrize(
    ("pattern", "permitted"),
    [
        ("/sys/pk/dk/ota/device/upgrade", True),
        ("/sys/pk/dk/#", True),
        ("/ext/session/pk/dk/thing/activate/info", True),
        ("#", True),
        ("/#", True),
        ("+/sys/+/+/ota/device/+", True),
        ("/+/+/+/ota/device/upgrade", True),
        ("/sys/+/dk/ota/#", True),
        ("/sys/pk/other/ota/device/upgrade", False),
        ("/sys/other/dk/#", False),
        ("/sys/pk/dk2/#", False),
        ("/sys/pk/dk", False),
        ("sys/pk/dk/ota/device/upgrade", False),
        ("", False),
    ],
)
def test_filter_permitted(pattern: str, permitted: bool) -> None:
    assert envelope.filter_permitted(ME, pattern) == permitted


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("/a/b", True),
        ("/a/+", True),
        ("/+/b", True),
        ("/a/#", True),
        ("/a/b/#", True),
        ("#", True),
        ("/a", False),
        ("/a/b/c", False),
        ("/a/+/c", False),
        ("a/b", False),
        ("+/b", False),
    ],
)
def test_matches(pattern: str, hit: bool) -> None:
    assert envelope.matches("/a/b", pattern) == hit
