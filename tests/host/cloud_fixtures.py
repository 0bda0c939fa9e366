"""A stand-in per test, a raw MQTT device, and HTTPS requests; import what a test module needs."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from host_tools.cloud.server import CloudThread

WAIT_S = 10.0
DOWN = "/sys/{}/{}/ota/device/"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudThread]:
    with CloudThread(tmp_path / "cloud") as running:
        yield running


@dataclass
class Message:
    topic: str
    payload: bytes
    qos: int
    retain: bool

    @property
    def json(self) -> dict:
        return json.loads(self.payload)


class RawDevice:
    """An MQTT 3.1.1 client that shows every packet; signs CONNECT as a device does."""

    def __init__(
        self,
        cloud: CloudThread,
        added: dict,
        *,
        tls: bool = False,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.product, self.key = added["product_key"], added["device_key"]
        self.secret = added["device_secret"]
        self.prefix = DOWN.format(self.product, self.key)
        self.messages: list[Message] = []
        self._cloud, self._tls = cloud, tls or context is not None
        self._context = context
        self._packet_id = 0
        self._request_id = 0
        self.session_present = False

    def open(self) -> RawDevice:
        where = urlsplit(self._cloud.endpoints["mqtts" if self._tls else "mqtt"])
        self.sock = socket.create_connection((where.hostname, where.port), WAIT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            context = self._context or tls_context(self._cloud)
            self.sock = context.wrap_socket(self.sock, server_hostname=where.hostname)
        return self

    def connect(
        self,
        *,
        cid: str | None = None,
        method: str = "sha256",
        timestamp: str = "2524608000000",
        upper: bool = True,
        keepalive: int = 60,
        clean: bool = True,
        mode: str = "2",
        secret: str | None = None,
        client_id: str | None = None,
        user: str | None = None,
    ) -> int:
        """Open, send CONNECT, return the code of CONNACK."""
        self.open()
        cid = self.key if cid is None else cid
        text = f"clientId{cid}deviceKey{self.key}productKey{self.product}timestamp{timestamp}"
        name = method.removeprefix("hmac")
        digest = hashlib.new(name, (text + (secret or self.secret)).encode()).hexdigest()
        password = digest.upper() if upper else digest
        client_id = (
            client_id or f"{cid}|securemode={mode},signmethod={method},timestamp={timestamp}|"
        )
        user = user or f"{self.key}&{self.product}"
        self.send_connect(client_id, user, password, keepalive, clean)
        kind, body = self.packet()
        assert kind == 0x20 and len(body) == 2
        self.session_present = bool(body[0])
        return body[1]

    def send_connect(
        self, client_id: str, user: str, password: str, keepalive: int, clean: bool
    ) -> None:
        flags = 0xC2 if clean else 0xC0
        body = _text("MQTT") + struct.pack("!BBH", 4, flags, keepalive)
        self.write(0x10, body + _text(client_id) + _text(user) + _text(password))

    def write(self, kind: int, body: bytes) -> None:
        length, left = bytearray(), len(body)
        while True:
            left, digit = left >> 7, left & 0x7F
            length.append(digit | (0x80 if left else 0))
            if not left:
                break
        self.sock.sendall(bytes([kind]) + bytes(length) + body)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError("the broker closed the connection")
            data += part
        return data

    def packet(self, wait_s: float = WAIT_S) -> tuple[int, bytes]:
        """Next packet: first byte and body. Raises EOFError, TimeoutError."""
        self.sock.settimeout(wait_s)
        kind = self._exactly(1)[0]
        length = shift = 0
        while True:
            digit = self._exactly(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return kind, self._exactly(length)

    def take(self, wanted: int) -> bytes:
        """Read until a packet of this type; messages on the way are kept (and acknowledged)."""
        while True:
            kind, body = self.packet()
            if kind & 0xF0 == 0x30:
                self.messages.append(self._message(kind, body))
                if wanted == 0x30:
                    return b""
            elif kind & 0xF0 == wanted:
                return body

    def _message(self, kind: int, body: bytes) -> Message:
        size = struct.unpack("!H", body[:2])[0]
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        qos = kind >> 1 & 3
        if qos:
            self.write(0x40, rest[:2])
            rest = rest[2:]
        return Message(topic, rest, qos, bool(kind & 1))

    def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        """Subscribe to tails of the OTA topics, or to filters; returns the granted QoS values."""
        full = [f if f.startswith(("/", "#", "+")) else self.prefix + f for f in filters]
        body = self._next_id() + b"".join(_text(f) + bytes([qos]) for f in full)
        self.write(0x82, body)
        return list(self.take(0x90)[2:])

    def unsubscribe(self, *tails: str) -> None:
        self.write(0xA2, self._next_id() + b"".join(_text(self.prefix + t) for t in tails))
        self.take(0xB0)

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> None:
        """Publish to a tail or a full topic; waits for PUBACK with QoS 1."""
        full = topic if topic.startswith("/") else self.prefix + topic
        head = _text(full) + (self._next_id() if qos else b"")
        self.write(0x30 | qos << 1 | retain, head + payload)
        if qos:
            self.take(0x40)

    def request(self, tail: str, params: dict | None = None, **members: object) -> str:
        """Send a request in EnOS's envelope and return its id."""
        self._request_id += 1
        message = {
            "id": str(self._request_id),
            "version": "1.0",
            "method": f"ota.device.{tail}",
            "params": params or {},
        } | members
        self.publish(tail, json.dumps(message).encode())
        return str(self._request_id)

    def inform(self, version: str) -> None:
        self.request("inform", {"version": version})

    def progress(self, step: object, desc: str = "") -> None:
        self.request("progress", {"step": step, "desc": desc})

    def expect(self, tail: str) -> Message:
        """Next message on a topic; others are put aside in order."""
        while True:
            for index, message in enumerate(self.messages):
                if message.topic == (tail if tail.startswith("/") else self.prefix + tail):
                    return self.messages.pop(index)
            self.take(0x30)

    def ask(self, tail: str, params: dict | None = None, **members: object) -> dict:
        """Send a request and return the reply (subscribes to it first)."""
        self.subscribe(tail + "_reply")
        self.request(tail, params, **members)
        return self.expect(tail + "_reply").json

    def _next_id(self) -> bytes:
        self._packet_id += 1
        return struct.pack("!H", self._packet_id)

    def close(self) -> None:
        """Disconnect as a board does that lost its power: without DISCONNECT."""
        self.sock.close()


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def tls_context(cloud: CloudThread) -> ssl.SSLContext:
    """What verifies the stand-in's certificate and name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=Path(cloud.endpoints["ca_der"]).read_bytes())
    return context


def add(cloud: CloudThread, key: str = "dk1", *, tls: bool = False) -> RawDevice:
    """A device known to the stand-in, not connected."""
    return RawDevice(cloud, cloud.client.add_device(key), tls=tls)


def online(cloud: CloudThread, key: str = "dk1", version: str = "1.0.0") -> RawDevice:
    """A connected device that has informed, subscribed to nothing."""
    device = add(cloud, key)
    assert device.connect() == 0
    device.inform(version)
    wait_for(cloud, lambda: (cloud.client.device(key) or {})["version"] == version)
    return device


def wait_for(cloud: CloudThread, condition) -> None:
    """Wait until a condition about the stand-in holds; it is looked at after every message."""
    seen = 0
    for _ in range(200):
        if condition():
            return
        news = cloud.client.messages(seen, wait_s=0.05)
        seen = news[-1]["seq"] if news else seen
    raise AssertionError("the condition never came true")


def served(cloud: CloudThread, tail: str, count: int = 1) -> list[dict]:
    """The message log once `count` messages to a topic's tail were served.

    A reply is in the log before the log can be read: what is not in it was not sent.
    """
    log: list[dict] = []

    def there() -> bool:
        log[:] = cloud.client.messages()
        return sum(m["topic"].endswith(tail) and m["direction"] == "up" for m in log) >= count

    wait_for(cloud, there)
    return log


def down(log: list[dict]) -> list[str]:
    """Topics' tails of what went to devices."""
    return [m["topic"].rpartition("/")[2] for m in log if m["direction"] == "down"]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body)


def https(
    cloud: CloudThread,
    method: str,
    target: str,
    *,
    body: dict | bytes | None = None,
    headers: dict[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """One verified HTTPS request; the target is sent as it is."""
    where = urlsplit(cloud.endpoints["http_broker"])
    connection = http.client.HTTPSConnection(
        where.hostname, where.port, timeout=WAIT_S, context=context or tls_context(cloud)
    )
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    try:
        connection.request(method, target, data, headers or {})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def http_login(
    cloud: CloudThread,
    device: RawDevice,
    lifetime_ms: int = 30_000,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """Log in to the HTTP broker."""
    text = (
        f"deviceKey{device.key}lifetime{lifetime_ms}productKey{device.product}"
        f"signMethodsha256{device.secret}"
    )
    sign = hashlib.sha256(text.encode()).hexdigest()
    body = {"signMethod": "sha256", "lifetime": lifetime_ms, "sign": sign}
    path = f"/auth/{device.product}/{device.key}"
    return https(cloud, "POST", path, body=body, context=context)


def told(cloud: CloudThread, text: str) -> str:
    """The event that contains a text, as `who: what`, once it is told."""

    def found() -> list[str]:
        return [line for line in lines(cloud) if text in line]

    wait_for(cloud, found)
    return found()[0]


def lines(cloud: CloudThread, since: int = 0) -> list[str]:
    """Events as `who: what`."""
    return [f"{who}: {what}" for _at, who, what in cloud.events[since:]]


def download_target(device: RawDevice, session: str, uri: str, category: str = "ota") -> str:
    """Target of a download from the HTTP broker."""
    return (
        f"/multipart/sys/{device.product}/{device.key}/file/download"
        f"?sessionId={session}&fileUri={uri}&category={category}"
    )
