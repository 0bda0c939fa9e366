"""The MQTT side of the stand-in, over real sockets."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from cloud_fixtures import RawDevice, add, cloud, down, online, served, tls_context, wait_for

from host_tools.cloud.broker import MqttBroker
from host_tools.cloud.envelope import DeviceId
from host_tools.cloud.server import CloudThread

__all__ = ["cloud"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud") as running:
        yield running


@pytest.fixture(scope="module")
def known(shared: CloudThread) -> dict:
    return shared.client.add_device("dk1")


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("method", ["sha256", "hmacsha256", "sha1", "hmacsha1", "md5", "hmacmd5"])
@pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])
def test_connect_hash_names_and_cases_are_accepted(
    shared: CloudThread, known: dict, tls: bool, method: str, upper: bool
) -> None:
    device = RawDevice(shared, known, tls=tls)
    assert device.connect(method=method, upper=upper) == 0
    assert not device.session_present
    device.close()


@pytest.mark.parametrize("cid", ["123456", "pk_demo.dk1", "dk1{ip=1.2.3.4,version=x}"])
@pytest.mark.parametrize("timestamp", ["1", "1548753362502", "1548753362.5"])
def test_connect_free_cid_and_timestamp_are_accepted(
    shared: CloudThread, known: dict, cid: str, timestamp: str
) -> None:
    device = RawDevice(shared, known)
    assert device.connect(cid=cid, timestamp=timestamp) == 0
    device.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"secret": "wrong"},
        {"mode": "3"},
        {"mode": "1"},
        {"user": "dk1&other"},
        {"user": "nobody&pk_demo"},
        {"client_id": "dk1"},
        {"client_id": "dk1|securemode=2,signmethod=sha256,timestamp=9|"},
        {"client_id": "other|securemode=2,signmethod=sha256,timestamp=2524608000000|"},
    ],
    ids=["secret", "mode3", "mode1", "product", "device", "form", "timestamp", "cid"],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_connect_wrong_is_refused_and_closed(
    shared: CloudThread, known: dict, fault: dict, tls: bool
) -> None:
    device = RawDevice(shared, known, tls=tls)
    assert device.connect(**fault) == 4
    with pytest.raises((EOFError, ConnectionError)):
        device.packet()
    assert known["device_secret"] not in str(shared.events)


@pytest.mark.parametrize("code", [4, 5])
def test_connack_code(cloud: CloudThread, code: int) -> None:
    cloud.client.set_switch("connack_code", code)
    assert add(cloud).connect(secret="wrong") == code


@pytest.mark.parametrize(
    ("position", "keepalive", "code"),
    [
        ("none", 5, 0),
        ("none", 0, 0),
        ("30-1200", 29, 4),
        ("30-1200", 30, 0),
        ("30-1200", 1200, 0),
        ("30-1200", 1201, 4),
    ],
)
def test_keepalive_limits(cloud: CloudThread, position: str, keepalive: int, code: int) -> None:
    cloud.client.set_switch("keepalive_limits", position)
    assert add(cloud).connect(keepalive=keepalive) == code


@pytest.mark.parametrize(
    ("trusted", "name"), [(False, "localhost"), (True, "other.example")], ids=["ca", "name"]
)
def test_connect_tls_other_authority_or_name_is_refused_by_the_client(
    shared: CloudThread, trusted: bool, name: str
) -> None:
    context = tls_context(shared) if trusted else ssl.create_default_context()
    where = urlsplit(shared.endpoints["mqtts"])
    with (
        socket.create_connection((where.hostname, where.port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize("position", ["none", "requested"])
def test_tls_client_certificate_needs_none(cloud: CloudThread, position: str) -> None:
    cloud.client.set_switch("tls_client_certificate", position)
    device = add(cloud, tls=True)
    assert device.connect() == 0
    assert device.ask("inform", {"version": "1"})["code"] == 200


def test_second_login_evicts_the_older(cloud: CloudThread) -> None:
    known = cloud.client.add_device("dk1")
    older, newer = RawDevice(cloud, known), RawDevice(cloud, known)
    assert older.connect(cid="a") == 0
    assert newer.connect(cid="b") == 0
    with pytest.raises((EOFError, ConnectionError)):
        older.packet()
    assert newer.ask("inform", {"version": "1.0.0"})["code"] == 200
    assert cloud.client.device("dk1")["online"] is True
    told = [what for _, who, what in cloud.events if who == "pk_demo/dk1"]
    assert told[:3] == ["connected", "disconnected", "connected"]


def test_message_of_an_evicted_connection_is_dropped() -> None:
    served: list[bytes] = []
    switchboard = SimpleNamespace(
        connected=lambda device, clean_session: None,
        disconnected=lambda device: None,
        uplink=lambda device, topic, payload: served.append(payload),
    )
    broker = MqttBroker(switchboard)
    older, newer = (
        SimpleNamespace(device=DeviceId("pk", "dk"), clean_session=True, abort=lambda: None)
        for _ in range(2)
    )
    broker.connected(older)
    broker.received(older, "/t", b"1")
    broker.connected(newer)
    broker.received(older, "/t", b"2")
    broker.received(newer, "/t", b"3")
    assert served == [b"1", b"3"]


def test_same_client_id_of_two_devices_does_not_evict(cloud: CloudThread) -> None:
    first, second = add(cloud, "a"), add(cloud, "b")
    assert first.connect(cid="same") == 0
    assert second.connect(cid="same") == 0
    assert first.ask("inform", {"version": "1"})["code"] == 200
    assert second.ask("inform", {"version": "1"})["code"] == 200


def test_refused_login_leaves_the_device_connected(cloud: CloudThread) -> None:
    known = cloud.client.add_device("dk1")
    good, bad = RawDevice(cloud, known), RawDevice(cloud, known)
    assert good.connect() == 0
    assert good.subscribe("inform_reply") == [1]
    assert bad.connect(secret="wrong") == 4
    good.inform("1.0.0")
    assert good.expect("inform_reply").json["code"] == 200


@pytest.mark.parametrize("clean", [False, True], ids=["kept", "clean"])
def test_reconnect_has_lost_its_subscriptions(cloud: CloudThread, clean: bool) -> None:
    device = add(cloud)
    device.connect(clean=clean)
    device.subscribe("inform_reply")
    device.close()
    device.connect(clean=clean)
    assert not device.session_present
    device.inform("1.0.0")
    assert down(served(cloud, "inform")) == []


def test_reply_only_while_subscribed(cloud: CloudThread) -> None:
    device = add(cloud)
    device.connect()
    device.inform("1.0.0")
    assert down(served(cloud, "inform")) == []
    device.subscribe("inform_reply")
    device.inform("1.0.0")
    assert device.expect("inform_reply").json["id"] == "2"
    device.unsubscribe("inform_reply")
    device.inform("1.0.0")
    assert down(served(cloud, "inform", 3)) == ["inform_reply"]


def test_replies_always_reaches_the_unsubscribed(cloud: CloudThread) -> None:
    cloud.client.set_switch("replies", "always")
    device = add(cloud)
    device.connect()
    device.inform("1.0.0")
    assert device.expect("inform_reply").json["code"] == 200


@pytest.mark.parametrize("pattern", ["#", "/sys/+/+/ota/device/+", "/sys/pk_demo/dk1/#"])
def test_wildcard_subscription_gets_replies_once_and_no_echo(
    cloud: CloudThread, pattern: str
) -> None:
    device = add(cloud)
    device.connect()
    assert device.subscribe(pattern) == [1]
    device.inform("1.0.0")
    device.inform("1.0.0")
    assert device.expect("inform_reply").json["id"] == "1"
    assert device.expect("inform_reply").json["id"] == "2"
    assert device.messages == []


def test_foreign_subscription_is_refused(cloud: CloudThread) -> None:
    device = add(cloud)
    device.connect()
    foreign = "/sys/pk_demo/other/ota/device/upgrade"
    assert device.subscribe(foreign, "upgrade", "/sys/other/#") == [0x80, 1, 0x80]


def test_foreign_publish_is_acknowledged_dropped_and_answered_1009(cloud: CloudThread) -> None:
    victim = online(cloud, "victim")
    victim.subscribe("#")
    device = online(cloud, "dk1")
    device.subscribe("#")
    topic = "/sys/pk_demo/victim/ota/device/inform"
    device.publish(topic, b'{"id":"5","params":{"version":"6.6.6"}}')
    assert device.expect(topic + "_reply").json["code"] == 1009
    assert cloud.client.device("victim")["version"] == "1.0.0"
    victim.inform("1.0.1")
    assert victim.expect("inform_reply").json["code"] == 200
    assert victim.messages == []
    assert any("1009" in what for _, who, what in cloud.events if who == "pk_demo/dk1")


def test_foreign_publish_without_subscription_is_logged_only(cloud: CloudThread) -> None:
    device = online(cloud)
    device.publish("/sys/pk_demo/other/ota/device/inform", b"{}")
    assert down(served(cloud, "other/ota/device/inform")) == []


def test_retained_publish_is_not_kept(cloud: CloudThread) -> None:
    device = online(cloud)
    device.publish("inform", b'{"params":{"version":"2"}}', retain=True)
    served(cloud, "inform", 2)
    other = online(cloud, "dk2")
    other.subscribe("#")
    assert other.ask("getversion")["data"] == []
    assert other.messages == []


@pytest.mark.parametrize("qos", [0, 1])
def test_uplink_qos_and_empty_payload(cloud: CloudThread, qos: int) -> None:
    device = add(cloud)
    device.connect()
    device.subscribe("inform_reply")
    device.publish("inform", b"", qos)
    assert device.expect("inform_reply").json["code"] == 1251
    device.publish("inform", b"nonsense", qos)
    assert device.expect("inform_reply").json["code"] == 1220


@pytest.mark.parametrize("qos", [0, 1])
def test_downlink_qos(cloud: CloudThread, qos: int) -> None:
    cloud.client.set_switch("downlink_qos", qos)
    device = online(cloud)
    cloud.client.add_firmware(b"x" * 100, "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])
    message = device.expect("upgrade")
    assert (message.qos, message.retain) == (qos, False)
    device.subscribe("inform_reply", qos=0)
    device.inform("1.0.0")
    assert device.expect("inform_reply").qos == 0


def test_push_reaches_device_without_subscription_and_loop_succeeds(cloud: CloudThread) -> None:
    device = online(cloud)
    cloud.client.add_firmware(b"x" * 100, "1.1.0")
    job = cloud.client.create_job(["1.1.0"], ["dk1"])
    upgrade = device.expect("upgrade").json
    assert upgrade["params"]["version"] == "1.1.0"
    device.publish("upgrade_reply", json.dumps({"id": upgrade["id"], "code": 200}).encode())
    for step in ("0", "50", "98"):
        device.progress(step)
    device.close()
    device.connect()
    device.progress("100")
    device.inform("1.1.0")
    wait_for(cloud, lambda: cloud.client.job(job["id"])["final"])
    assert cloud.client.job(job["id"])["tasks"][0]["status"] == "succeeded"


def test_push_to_offline_device_comes_after_inform(cloud: CloudThread) -> None:
    device = online(cloud)
    device.close()
    wait_for(cloud, lambda: not cloud.client.device("dk1")["online"])
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])
    device.connect()
    device.subscribe("inform_reply")
    device.inform("1.0.0")
    device.expect("upgrade")
    assert down(cloud.client.messages()) == ["inform_reply", "upgrade"]


def test_push_delay_and_repush_interval_run_on_the_clock(cloud: CloudThread) -> None:
    cloud.client.set_switch("push_delay_s", 1)
    cloud.client.set_switch("repush_interval_s", 1)
    device = online(cloud)
    device.close()
    wait_for(cloud, lambda: not cloud.client.device("dk1")["online"])
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])
    device.connect()
    device.inform("1.0.0")
    first, second = device.expect("upgrade").json, device.expect("upgrade").json
    assert first["params"] == second["params"]
    assert first["id"] != second["id"]


def test_push_lost_with_the_connection_comes_again_on_reconnect(cloud: CloudThread) -> None:
    device = online(cloud)
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])
    device.close()
    device.connect()
    device.inform("1.0.0")
    assert device.expect("upgrade").json["params"]["version"] == "1.1.0"


def test_silent_client_is_dropped_after_its_keepalive(cloud: CloudThread) -> None:
    device = add(cloud)
    device.connect(keepalive=1)
    with pytest.raises((EOFError, ConnectionError)):
        device.packet()
    wait_for(cloud, lambda: not cloud.client.device("dk1")["online"])


def test_pinging_client_outlives_its_keepalive(cloud: CloudThread) -> None:
    device = add(cloud)
    device.connect(keepalive=1)
    for _ in range(4):
        with pytest.raises(TimeoutError):
            device.packet(wait_s=0.6)
        device.write(0xC0, b"")
        device.take(0xD0)
    assert device.ask("inform", {"version": "1"})["code"] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x10\x04\x00\x04MQ",
        b"\x10\xff\xff\xff\xff\x7f",
        b"\x30\x05hello",
        b"\x10\x0c\x00\x04MQTT\x05\xc2\x00\x3c\x00\x00",
        b"\x10\x10\x00\x04MQTT\x04\xc2\x00\x3c\x00\x02\xff\xfe\x00\x00",
    ],
)
def test_garbage_for_connect_harms_nobody(cloud: CloudThread, garbage: bytes) -> None:
    device = online(cloud)
    bad = add(cloud, "bad").open()
    bad.sock.sendall(garbage)
    bad.sock.close()
    device.subscribe("inform_reply")
    device.inform("1.0.0")
    assert device.expect("inform_reply").json["code"] == 200


@pytest.mark.parametrize(
    "garbage",
    [b"\x30\x06\x00\x04a/+bx", b"\xf0\x00", b"\x00\x00", b"\x82\x03\x00\x01\x00", b"\x30\x7fcut"],
    ids=["wildcard", "reserved", "zero", "subscribe", "cut"],
)
def test_garbage_after_connect_ends_that_connection_only(
    cloud: CloudThread, garbage: bytes
) -> None:
    device, bad = online(cloud), online(cloud, "bad")
    bad.sock.sendall(garbage)
    bad.sock.shutdown(1)
    wait_for(cloud, lambda: not cloud.client.device("bad")["online"])
    assert device.ask("inform", {"version": "1"})["code"] == 200
    assert bad.connect() == 0


@pytest.mark.parametrize(("clean", "tails"), [(False, ["upgrade"]), (True, [])])
def test_offline_messages_stored_reach_a_kept_session_at_connect(
    cloud: CloudThread, clean: bool, tails: list[str]
) -> None:
    cloud.client.set_switch("offline_messages", "stored")
    device = online(cloud)
    device.close()
    wait_for(cloud, lambda: not cloud.client.device("dk1")["online"])
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["dk1"])
    device.connect(clean=clean)
    device.publish("getversion", b"{}")
    assert down(served(cloud, "getversion")) == tails


def test_unacknowledged_downlink_is_told(
    cloud: CloudThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> bool:
        raise TimeoutError

    monkeypatch.setattr("host_tools.cloud.broker.deliver", lost)
    device = online(cloud)
    device.subscribe("inform_reply")
    device.inform("1.0.0")
    wait_for(cloud, lambda: any("did not acknowledge" in what for _, _, what in cloud.events))
