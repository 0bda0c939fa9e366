"""Faults of MQTT packets and connections, on the wire."""

from __future__ import annotations

import json

import pytest
from cloud_fixtures import RawDevice, add, cloud, wait_for
from fault_fixtures import SILENCE_S, struck

from host_tools.cloud.server import CloudThread

__all__ = ["cloud"]

PINGREQ, PINGRESP = 0xC0, 0xD0
REQUEST = json.dumps({"id": "1", "params": {"version": "1.0.0"}}).encode()


@pytest.fixture
def added(cloud: CloudThread) -> dict:
    cloud.client.set_switch("downlink_qos", 0)
    return cloud.client.add_device("dk1")


def silent(cloud: CloudThread, device: RawDevice, name: str, wait_s: float = SILENCE_S) -> bool:
    """Whether a fault struck and the connection is open without a byte to read."""
    wait_for(cloud, lambda: struck(cloud, name) == 1)
    device.sock.settimeout(wait_s)
    try:
        device.sock.recv(1)
    except TimeoutError:
        return True
    return False


def ping(device: RawDevice) -> int:
    device.write(PINGREQ, b"")
    return device.packet()[0]


def connected(cloud: CloudThread, added: dict, *, tls: bool = False) -> RawDevice:
    """A connected device that gets replies to inform, without acknowledging them."""
    device = RawDevice(cloud, added, tls=tls)
    assert device.connect() == 0
    device.subscribe("inform_reply")
    return device


def raw_reply(device: RawDevice) -> bytes:
    """The whole packet of a reply, by a request that is the same each time."""
    device.publish("inform", REQUEST, qos=0)
    kind, body = device.packet()
    assert kind == 0x30
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


def test_no_connack_is_silent_and_keeps_the_connection(cloud: CloudThread, added: dict) -> None:
    cloud.client.set_fault("mqtt_no_connack")
    device = RawDevice(cloud, added)
    device.packet = lambda: (0x20, b"\x00\xff")  # type: ignore[method-assign]
    device.connect()
    assert silent(cloud, device, "mqtt_no_connack")
    assert cloud.client.device("dk1")["online"] is False
    assert RawDevice(cloud, added).connect() == 0


def test_no_connack_leaves_a_refusal_alone(cloud: CloudThread) -> None:
    cloud.client.set_fault("mqtt_no_connack")
    device = add(cloud)
    assert device.connect(secret="wrong") == 4
    assert struck(cloud, "mqtt_no_connack") == 0


def test_no_suback_accepts_and_does_not_answer(cloud: CloudThread) -> None:
    device = add(cloud)
    assert device.connect() == 0
    cloud.client.set_fault("mqtt_no_suback")
    topic = (device.prefix + "inform_reply").encode()
    device.write(0x82, b"\x00\x63" + len(topic).to_bytes(2, "big") + topic + b"\x01")
    assert silent(cloud, device, "mqtt_no_suback")
    assert ping(device) == PINGRESP
    device.inform("1.0.0")
    assert device.expect("inform_reply").json["code"] == 200
    assert device.subscribe("progress_reply") == [1]


def test_no_pingresp_reads_and_does_nothing_from_then_on(cloud: CloudThread, added: dict) -> None:
    device = connected(cloud, added)
    assert ping(device) == PINGRESP
    cloud.client.set_fault("mqtt_no_pingresp")
    device.write(PINGREQ, b"")
    assert silent(cloud, device, "mqtt_no_pingresp")
    device.write(PINGREQ, b"")
    device.publish("inform", REQUEST, qos=0)
    assert silent(cloud, device, "mqtt_no_pingresp")
    assert cloud.client.device("dk1")["version"] is None
    later = connected(cloud, added)
    assert ping(later) == PINGRESP
    raw_reply(later)
    assert cloud.client.device("dk1")["version"] == "1.0.0"


def test_silent_connection_is_not_closed_by_its_keepalive(cloud: CloudThread, added: dict) -> None:
    device = RawDevice(cloud, added)
    assert device.connect(keepalive=1) == 0
    cloud.client.set_fault("mqtt_no_pingresp")
    device.write(PINGREQ, b"")
    assert silent(cloud, device, "mqtt_no_pingresp", 2)


@pytest.mark.parametrize("tls", [False, True])
def test_half_a_message_then_silence(cloud: CloudThread, added: dict, tls: bool) -> None:
    device = connected(cloud, added, tls=tls)
    packet = raw_reply(device)
    cloud.client.set_fault("mqtt_half")
    device.publish("inform", REQUEST, qos=0)
    assert device._exactly(len(packet) // 2) == packet[: len(packet) // 2]
    assert silent(cloud, device, "mqtt_half")
    device.write(PINGREQ, b"")
    assert silent(cloud, device, "mqtt_half")
    assert raw_reply(connected(cloud, added, tls=tls)) == packet


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("name", ["mqtt_half_close", "mqtt_drop"])
def test_half_a_message_or_none_then_closed(
    cloud: CloudThread, added: dict, name: str, tls: bool
) -> None:
    device = connected(cloud, added, tls=tls)
    packet = raw_reply(device)
    cloud.client.set_fault(name)
    device.publish("inform", REQUEST, qos=0)
    if name == "mqtt_half_close":
        assert device._exactly(len(packet) // 2) == packet[: len(packet) // 2]
    assert device.sock.recv(1) == b""
    assert raw_reply(connected(cloud, added, tls=tls)) == packet
    assert struck(cloud, name) == 1


def test_trickle_sends_single_bytes_and_the_rest_behind(cloud: CloudThread, added: dict) -> None:
    device = connected(cloud, added, tls=True)
    packet = raw_reply(device)
    cloud.client.set_fault("mqtt_trickle", value=2)
    device.publish("inform", REQUEST, qos=0)
    # A TLS record at a time.
    pieces = [device.sock.recv(4096)]
    device.write(PINGREQ, b"")
    pieces += [device.sock.recv(4096) for _ in packet[1:]]
    assert b"".join(pieces) == packet
    assert {len(piece) for piece in pieces} == {1}
    assert device.packet() == (PINGRESP, b"")
    assert raw_reply(device) == packet
    assert struck(cloud, "mqtt_trickle") == 1


def test_trickle_waits_its_value(cloud: CloudThread, added: dict) -> None:
    device = connected(cloud, added)
    cloud.client.set_fault("mqtt_trickle", value=60_000)
    device.publish("inform", REQUEST, qos=0)
    assert device.sock.recv(4096) == b"\x30"
    assert silent(cloud, device, "mqtt_trickle")


def test_strike_is_told_with_the_device(cloud: CloudThread, added: dict) -> None:
    device = connected(cloud, added)
    cloud.client.set_fault("mqtt_drop")
    device.publish("inform", REQUEST, qos=0)
    assert device.sock.recv(1) == b""
    told = [(who, what) for _at, who, what in cloud.events]
    assert ("pk_demo/dk1", "fault mqtt_drop strikes (1 of 1)") in told
