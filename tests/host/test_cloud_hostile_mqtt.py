"""MQTT clients that mean harm, over real sockets: refused, told, and honest ones are served on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cloud_fixtures import WAIT_S, RawDevice, add, cloud, lines, online, served, told, wait_for

from host_tools.cloud.connection import SERVE_POLL_S, Connection
from host_tools.cloud.envelope import DeviceId
from host_tools.cloud.faults import Faults
from host_tools.cloud.limits import Limits
from host_tools.cloud.server import CloudThread

__all__ = ["cloud"]

SHORT = Limits(
    connect_s=1.0, packet_s=1.0, handshake_s=1.0, stuck_s=1.0, connect_bytes=500,
    packet_bytes=600_000, filters=3, waiting=20,
)  # fmt: skip
ENDED = (EOFError, ConnectionError)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[CloudThread]:
    with CloudThread(tmp_path / "strict", limits=SHORT) as running:
        yield running


def raw(cloud: CloudThread, which: str = "mqtt") -> socket.socket:
    where = urlsplit(cloud.endpoints[which])
    return socket.create_connection((where.hostname, where.port), WAIT_S)


def honest(cloud: CloudThread) -> None:
    """A device logs in and is answered: whatever others did."""
    device = add(cloud, f"honest{len(cloud.client.devices())}")
    assert device.connect() == 0
    assert device.ask("inform", {"version": "1.0.0"})["code"] == 200
    device.close()


def ended(sock: socket.socket) -> bool:
    """Whether the other end has closed."""
    with contextlib.suppress(ConnectionError):
        while sock.recv(4096):
            pass
    return True


# --- topics of others


FOREIGN = [
    "/sys/pk_demo/victim/ota/device/upgrade",
    "/sys/pk_demo/victim/#",
    "/sys/+/victim/ota/device/+",
    "/ext/session/pk_demo/victim/#",
    "/sys/other/dk1/#",
    "/sys/pk_demo/dk1",
    "$SYS/#",
    "$SYS/broker/version",
    "/$SYS/#",
    "/sys/pk_demo/dk1x/#",
    "sys/pk_demo/dk1/#",
]


@pytest.mark.parametrize("pattern", FOREIGN)
def test_subscription_to_others_topics_is_refused_and_told(
    cloud: CloudThread, pattern: str
) -> None:
    device = online(cloud)
    assert device.subscribe(pattern, "upgrade") == [0x80, 1] if pattern[0] == "/" else True
    if pattern[0] != "/":
        body = b"\0\x09" + struct.pack("!H", len(pattern)) + pattern.encode() + b"\x01"
        device.write(0x82, body)
        assert device.take(0x90)[2:] == b"\x80"
    line = told(cloud, "subscription refused")
    assert line == f"pk_demo/dk1: subscription refused (no permission): {pattern}"


@pytest.mark.parametrize(
    "pattern", ["#", "+/#", "/#", "/sys/#", "/sys/+/+/#", "/+/+/+/ota/device/+"]
)
def test_wildcard_subscription_gets_nothing_that_is_for_others(
    cloud: CloudThread, pattern: str
) -> None:
    spy, victim = online(cloud, "spy"), online(cloud, "victim")
    body = b"\0\x09" + struct.pack("!H", len(pattern)) + pattern.encode() + b"\x01"
    spy.write(0x82, body)
    assert spy.take(0x90)[2:] == b"\x01"
    cloud.client.add_firmware(b"x", "1.1.0")
    cloud.client.create_job(["1.1.0"], ["victim"])
    victim.expect("upgrade")
    assert victim.ask("inform", {"version": "1.0.1"})["code"] == 200
    spy.inform("1.0.0")
    assert spy.expect("inform_reply").json["code"] == 200
    assert spy.messages == []


@pytest.mark.parametrize("tail", ["inform", "progress", "getversion", "upgrade_reply", "upgrade"])
def test_publish_to_others_topics_is_dropped_and_told(cloud: CloudThread, tail: str) -> None:
    victim, device = online(cloud, "victim"), online(cloud)
    victim.subscribe("#")
    topic = f"/sys/pk_demo/victim/ota/device/{tail}"
    device.publish(topic, b'{"id":"1","params":{"version":"6.6.6","step":"-1"}}')
    line = told(cloud, "refused (1009")
    assert line == f"pk_demo/dk1: refused (1009 no permission for this topic): {topic}"
    assert cloud.client.device("victim")["version"] == "1.0.0"
    assert victim.ask("getversion")["code"] == 200
    assert victim.messages == []


def test_publish_to_sys_topics_ends_that_connection(cloud: CloudThread) -> None:
    victim, device = online(cloud, "victim"), online(cloud)
    topic = b"$SYS/broker/x"
    device.write(0x30, struct.pack("!H", len(topic)) + topic + b"x")
    with pytest.raises(ENDED):
        device.packet()
    told(cloud, "refused (1009 no permission for this topic): $SYS/broker/x")
    assert victim.ask("inform", {"version": "1"})["code"] == 200


def test_will_is_not_published_when_the_connection_breaks(cloud: CloudThread) -> None:
    victim = online(cloud, "victim")
    victim.subscribe("#")
    device = add(cloud)
    topic, message = b"/sys/pk_demo/victim/ota/device/upgrade", b'{"id":"1"}'

    def with_will(client_id: str, user: str, password: str, keepalive: int, clean: bool) -> None:
        parts = (client_id.encode(), topic, message, user.encode(), password.encode())
        body = b"\0\4MQTT\4" + bytes([0xEE]) + struct.pack("!H", keepalive)
        device.write(0x10, body + b"".join(struct.pack("!H", len(p)) + p for p in parts))

    device.send_connect = with_will  # type: ignore[method-assign]
    assert device.connect() == 0
    device.close()
    wait_for(cloud, lambda: not cloud.client.device("dk1")["online"])
    other = online(cloud, "other")
    other.subscribe("#")
    assert other.ask("getversion")["data"] == []
    assert victim.ask("getversion")["data"] == []
    assert victim.messages == other.messages == []


def test_retained_message_reaches_no_later_subscriber(cloud: CloudThread) -> None:
    device = online(cloud)
    for topic in ("upgrade", "/sys/pk_demo/victim/ota/device/upgrade"):
        device.publish(topic, b'{"id":"1"}', retain=True)
    served(cloud, "upgrade", 2)
    victim = online(cloud, "victim")
    victim.subscribe("#", "upgrade")
    assert victim.ask("getversion")["data"] == []
    assert victim.messages == []


# --- who it claims to be


def test_wrong_signatures_and_unknown_devices_are_told_without_secrets(cloud: CloudThread) -> None:
    device = add(cloud)
    assert device.connect(secret="wrong") == 4
    assert device.connect(user="nobody&pk_demo") == 4
    assert device.connect(mode="3") == 4
    assert lines(cloud) == [
        "mqtt: login refused (742 signature check failed for pk_demo/dk1)",
        "mqtt: login refused (705 no such device)",
        "mqtt: login refused (770 securemode is not 2: only static activation is played)",
    ]
    honest(cloud)


def test_many_connections_of_one_device_leave_the_last(cloud: CloudThread) -> None:
    known = cloud.client.add_device("dk1")
    devices = [RawDevice(cloud, known) for _ in range(40)]
    for device in devices:
        assert device.connect(cid="same") == 0
    for device in devices[:-1]:
        with pytest.raises(ENDED):
            device.packet()
    assert devices[-1].ask("inform", {"version": "1"})["code"] == 200
    assert sum(line.endswith(": disconnected") for line in lines(cloud)) == 39
    honest(cloud)


@pytest.mark.parametrize("end", ["", "eof", "disconnect"])
def test_client_that_leaves_while_it_is_answered_is_offline_and_leaves_nothing(
    cloud: CloudThread, end: str
) -> None:
    known = cloud.client.add_device("dk1")
    for _ in range(30):
        device = RawDevice(cloud, known)
        device.packet = lambda wait_s=0.0: (0x20, b"\0\0")  # type: ignore[method-assign]
        assert device.connect() == 0
        if end == "eof":
            device.sock.shutdown(socket.SHUT_WR)
        elif end == "disconnect":
            device.write(0xE0, b"")
        device.close()

    async def being_served() -> int:
        names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
        return sum(name in ("MqttBroker._serve", "Broker.external_connected") for name in names)

    def gone() -> bool:
        counting = asyncio.run_coroutine_threadsafe(being_served(), cloud._loop)
        return counting.result(WAIT_S) == 0 and not cloud.client.device("dk1")["online"]

    wait_for(cloud, gone)
    honest(cloud)


def test_connections_beyond_the_limit_are_closed_and_told_once(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "few", limits=Limits(connections=5, connect_s=1.0)) as few:
        crowd = [raw(few) for _ in range(9)]
        assert all(ended(sock) for sock in crowd[5:])
        told(few, "connections refused: there are 5 already")
        assert all(ended(sock) for sock in crowd)
        honest(few)
        assert sum("there are 5" in line for line in lines(few)) == 1


# --- packets


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "the first packet is not a CONNECT"),
        (b"\x16\x03\x01\x00\x05hello", "CONNECT with wrong flags"),
        (b"\xc0\x00", "the first packet is not a CONNECT"),
        (b"\x10\x04\x00\x04MQ", "CONNECT is malformed"),
        (b"\x10\xf5\x03", "a packet of 501 bytes, more than 500"),
        (b"\x10\xff\xff\xff\x7f", "a packet of 268435455 bytes, more than 500"),
        (b"\x10\xff\xff\xff\xff\x7f", "the length of a packet has more than 4 bytes"),
    ],
)
def test_rubbish_instead_of_a_connect_is_dropped_and_told(
    strict: CloudThread, data: bytes, reason: str
) -> None:
    with raw(strict) as sock:
        sock.sendall(data)
        assert ended(sock)
    assert told(strict, reason) == f"mqtt: 127.0.0.1 dropped: {reason}"
    honest(strict)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04same", "a second CONNECT"),
        (b"\x34\x06\x00\x02/t\x00\x01", "PUBLISH with QoS 2: EnOS takes 0 and 1"),
        (b"\x36\x06\x00\x02/t\x00\x01", "PUBLISH with QoS 3: EnOS takes 0 and 1"),
        (b"\x62\x02\x00\x01", "a packet of kind 6, which no client of EnOS sends"),
        (b"\x30\xc1\xcf\x24", "a packet of 600001 bytes, more than 600000"),
        (b"\x30\x06\x00\x04a/+bx", "PUBLISH to no topic, or to a filter"),
        (b"\xf0\x00", "a packet of kind 15, which no client of EnOS sends"),
        (b"\x82\x03\x00\x01\x00", "SUBSCRIBE is malformed"),
        (b"\x30\x04\x00\x02\xff\xfe", "PUBLISH is malformed"),
    ],
)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_bad_packet_after_login_is_dropped_and_told(
    strict: CloudThread, data: bytes, reason: str, tls: bool
) -> None:
    device = add(strict, tls=tls)
    assert device.connect() == 0
    device.sock.sendall(data)
    with pytest.raises((*ENDED, OSError)):
        device.packet()
    assert told(strict, reason) == f"pk_demo/dk1: 127.0.0.1 dropped: {reason}"
    wait_for(strict, lambda: not strict.client.device("dk1")["online"])
    honest(strict)


def test_payload_longer_than_enos_takes_is_answered_1008_the_connection_stays(
    cloud: CloudThread,
) -> None:
    device = online(cloud)
    device.subscribe("inform_reply")
    device.publish("inform", b"x" * (512 * 1024 + 1))
    assert device.expect("inform_reply").json["code"] == 1008
    told(cloud, "refused (1008 message is too large)")
    assert device.ask("inform", {"version": "2"})["code"] == 200


def test_subscription_of_qos_2_is_granted_1(cloud: CloudThread) -> None:
    device = online(cloud)
    assert device.subscribe("inform_reply", "#", qos=2) == [1, 1]
    device.inform("1.0.0")
    assert device.expect("inform_reply").qos == 1


def test_subscriptions_beyond_the_limit_are_refused_and_told(strict: CloudThread) -> None:
    device = online(strict)
    assert device.subscribe(*(f"x{n}" for n in range(5))) == [1, 1, 1, 0x80, 0x80]
    told(strict, f"subscription refused (too many): {device.prefix}x3")
    assert device.subscribe("x0") == [1]
    device.unsubscribe("x0", "x1")
    device.unsubscribe("x3")
    device.unsubscribe("x4")
    assert device.subscribe("upgrade") == [1]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"id":{"a":1},"params":{"version":"6"}}',
        b'{"id":[[[1]]],"params":{"version":"6"}}',
        b"[" * 100_000,
        b'{"id":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"id":"1","params":{"version":"\\ud800"}}',
        b'{"id":"1","params":{"version":{}}}',
        b'{"id":"1","params":{"version":' + b"9" * 5000 + b"}}",
        b'{"id":"1","params":[1]}',
        b"\xff\xfe{}",
        b"\0" * 100,
    ],
    ids=range(10),
)
def test_payload_that_is_no_request_is_answered_1220(cloud: CloudThread, payload: bytes) -> None:
    device = online(cloud)
    device.subscribe("inform_reply")
    device.publish("inform", payload)
    assert device.expect("inform_reply").json["code"] == 1220
    assert cloud.client.device("dk1")["version"] == "1.0.0"


def test_reply_to_an_upgrade_that_cannot_be_stored_fails_the_task_all_the_same(
    cloud: CloudThread,
) -> None:
    cloud.client.set_switch("upgrade_reply_failure", "fails")
    device = online(cloud)
    cloud.client.add_firmware(b"x", "1.1.0")
    job = cloud.client.create_job(["1.1.0"], ["dk1"])
    number = device.expect("upgrade").json["id"]
    device.publish("upgrade_reply", b'{"id":"%s","code":500,"message":"\\ud800"}' % number.encode())
    wait_for(cloud, lambda: cloud.client.job(job["id"])["final"])
    assert cloud.client.job(job["id"])["tasks"][0]["desc"] == "device answered code 500 ?"


# --- slow ones


def test_connection_without_connect_is_dropped_after_its_time(strict: CloudThread) -> None:
    with raw(strict) as sock:
        assert ended(sock)
    assert told(strict, "no CONNECT") == "mqtt: 127.0.0.1 dropped: no CONNECT within 1 s"


def test_connect_that_trickles_gains_no_time(strict: CloudThread) -> None:
    with raw(strict) as sock:
        for byte in b"\x10\x7f\x00\x04MQTT\x04\x02" + bytes(100):
            try:
                sock.sendall(bytes([byte]))
            except ConnectionError:
                break
            time.sleep(0.02)
        else:
            raise AssertionError("the stand-in waited")
    told(strict, "no CONNECT within 1 s")
    honest(strict)


def test_tls_handshake_that_does_not_come_is_dropped_after_its_time(strict: CloudThread) -> None:
    with raw(strict, "mqtts") as sock:
        sock.sendall(b"\x16\x03\x01")
        assert ended(sock)
    assert told(strict, "took longer") == "mqtt: 127.0.0.1 TLS took longer than 1 s"
    honest(strict)


def test_rubbish_instead_of_tls_is_told(strict: CloudThread) -> None:
    with raw(strict, "mqtts") as sock:
        sock.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04same")
        assert ended(sock)
    assert told(strict, "TLS failed") == "mqtt: 127.0.0.1 TLS failed: wrong version number"


def test_packet_that_trickles_is_dropped_after_its_time(strict: CloudThread) -> None:
    device = add(strict)
    device.connect(keepalive=0)
    with pytest.raises(ENDED):
        for byte in b"\x30\x7f\x00\x02/t" + bytes(100):
            device.sock.sendall(bytes([byte]))
            time.sleep(0.02)
    told(strict, "dropped: a packet took longer than 1 s")
    honest(strict)


def test_device_that_never_reads_is_dropped_and_its_flood_is_not_kept(strict: CloudThread) -> None:
    device = add(strict)
    device.sock = raw(strict)
    device.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    device.open = lambda: device  # type: ignore[method-assign]
    assert device.connect(keepalive=0) == 0
    strict.client.set_switch("replies", "always")
    message = b'{"id":"%s","params":{"version":"1"}}' % (b"x" * 60_000)
    topic = (device.prefix + "inform").encode()
    device.sock.settimeout(WAIT_S)
    with pytest.raises(ENDED):
        while True:
            device.write(0x30, struct.pack("!H", len(topic)) + topic + message)
    told(strict, "took nothing for 1 s")
    honest(strict)


@pytest.mark.parametrize("kind", ["ping", "publish", "subscribe"])
def test_flood_is_served_and_keeps_nobody_out(strict: CloudThread, kind: str) -> None:
    device = online(strict)
    topic = struct.pack("!H", len(device.prefix) + 6) + (device.prefix + "inform").encode()
    first, body = {
        "ping": (0xC0, b""),
        "publish": (0x30, topic + b"{}"),
        "subscribe": (0x82, b"\0\x07" + topic + b"\x01"),
    }[kind]
    device.sock.sendall((bytes([first, len(body)]) + body) * 900)
    honest(strict)
    if kind == "publish":
        served(strict, "inform", 900)
    else:
        answer = {"ping": 0xD0, "subscribe": 0x90}[kind]
        assert [device.packet()[0] for _ in range(900)] == [answer] * 900


def test_reading_waits_for_what_is_not_served_and_for_answers_not_taken() -> None:
    """Without a limit here, a flood would wait in memory."""

    async def reading() -> list[str]:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        stream = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(stream)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, here)
        writer = asyncio.StreamWriter(transport, protocol, stream, loop)
        connection = Connection(stream, writer, Faults(), SHORT)
        unserved = [SHORT.waiting + 1]
        connection.believe(
            DeviceId("pk", "dk"), clean_session=True, keepalive_s=0, unserved=lambda: unserved[0]
        )
        seen = []
        connection.reader._is_first = False
        stream.feed_data(b"\xc0\x00" * 2 + b"\x82\x06\0\1\0\1t\1" * 30)
        task = asyncio.ensure_future(connection.reader.read(2))
        await asyncio.sleep(5 * SERVE_POLL_S)
        seen.append("waits for messages" if not task.done() else "read")
        unserved[0] = 0
        seen.append((await task).hex())
        transport.write(b"x" * 10_000_000)
        task = asyncio.ensure_future(connection.reader.read(2))
        await asyncio.sleep(5 * SERVE_POLL_S)
        seen.append("waits for the client" if not task.done() else "read")
        with there:
            there.setblocking(False)
            while not task.done():
                await loop.sock_recv(there, 1 << 20)
            seen.append((await task).hex())
            for _ in range(SHORT.waiting + 1):
                await connection.reader.read(8)
            task = asyncio.ensure_future(connection.reader.read(8))
            await asyncio.sleep(5 * SERVE_POLL_S)
            seen.append("waits for answers" if not task.done() else "read")
            connection.writer.write(b"\x90\x03\0\1\1")
            seen.append((await task).hex())
            connection.abort()
        return seen

    assert asyncio.run(reading()) == [
        "waits for messages", "c000", "waits for the client", "c000", "waits for answers",
        "8206000100017401",
    ]  # fmt: skip
