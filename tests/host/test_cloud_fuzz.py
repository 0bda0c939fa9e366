"""Rubbish by the thousand at every listener: the stand-in stays silent about it, and serves on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import random
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cloud_fixtures import add, download_target, http_login, https, lines, tls_context

from host_tools.cloud import sntp
from host_tools.cloud.limits import Limits
from host_tools.cloud.server import CloudThread

ROUNDS = 250
ANSWER_S = 0.05
CONTENT = b"firmware" * 9000
FAST = Limits(connect_s=2.0, packet_s=2.0, handshake_s=2.0, idle_s=2.0, body_s=2.0, linger_s=0.1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud", limits=FAST) as running:
        running.client.add_firmware(CONTENT, "1.1.0")
        running.client.add_device("dk1", device_secret="s3cr3t of dk1")
        yield running


@pytest.fixture(autouse=True)
def _serves_on(shared: CloudThread, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After each test: nothing was an error of the stand-in, and an honest device is served."""
    since = len(shared.events)
    yield
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []
    told = lines(shared, since)
    assert all(len(line) < 500 and line.isprintable() for line in told)
    assert "s3cr3t" not in str(told)
    device = add(shared, f"honest{len(shared.client.devices())}")
    assert device.connect() == 0
    assert device.ask("inform", {"version": "1.0.0"})["code"] == 200
    session = http_login(shared, device).json["data"]["sessionId"]
    uri = quote(shared.client.firmware()[0]["file_url"], safe="")
    assert https(shared, "GET", download_target(device, session, uri)).body == CONTENT
    device.close()


# --- what is valid, and what is made of it


def text(value: str) -> bytes:
    return struct.pack("!H", len(value)) + value.encode()


def packet(first: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 0x7F
        length.append(digit | (0x80 if left else 0))
        if not left:
            return bytes([first]) + bytes(length) + body


def connect() -> bytes:
    stamp = "2524608000000"
    signed = f"clientIddk1deviceKeydk1productKeypk_demotimestamp{stamp}s3cr3t of dk1"
    client_id = f"dk1|securemode=2,signmethod=sha256,timestamp={stamp}|"
    password = hashlib.sha256(signed.encode()).hexdigest()
    fields = text(client_id) + text("dk1&pk_demo") + text(password)
    return packet(0x10, text("MQTT") + b"\x04\xc2\0\x3c" + fields)


def conversation() -> bytes:
    """A device's whole session, in one piece."""
    prefix = "/sys/pk_demo/dk1/ota/device/"
    said = connect()
    for number, tail in enumerate(("inform", "progress", "getversion"), 1):
        params = {"version": "1.0.0", "step": "5", "desc": "x"}
        message = json.dumps({"id": str(number), "version": "1.0", "params": params}).encode()
        topic = text(prefix + tail)
        said += packet(0x82, struct.pack("!H", number) + text(f"{prefix}{tail}_reply") + b"\1")
        said += packet(0x32, topic + struct.pack("!H", number) + message)
    said += packet(0x30, text(prefix + "upgrade_reply") + b'{"id":"1","code":500}')
    said += packet(0xA2, b"\0\x09" + text(prefix + "inform_reply"))
    # A DISCONNECT would overtake what is not served yet.
    return said + b"\xc0\0"


def login() -> bytes:
    signed = "deviceKeydk1lifetime30000productKeypk_demosignMethodsha256s3cr3t of dk1"
    sign = hashlib.sha256(signed.encode()).hexdigest()
    body = json.dumps({"signMethod": "sha256", "lifetime": 30000, "sign": sign}).encode()
    head = "POST /auth/pk_demo/dk1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def download() -> bytes:
    path = "/multipart/sys/pk_demo/dk1/file/download?sessionId=x&fileUri=enos-connect://1.bin"
    lines = [f"GET {path}&category=ota HTTP/1.1", "Host: x", "Range: bytes=5-", 'If-Range: "x"']
    return "\r\n".join([*lines, "", ""]).encode()


def mutated(dice: random.Random, data: bytes) -> bytes:
    """Bytes changed, cut out, put in, doubled, and the end lost."""
    made = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at, size = dice.randrange(len(made) or 1), dice.choice((1, 1, 2, 4, 40))
        what = dice.randrange(6)
        if what == 0 and made:
            made[at % len(made)] ^= 1 << dice.randrange(8)
        elif what == 1:
            made[at : at + size] = dice.randbytes(size)
        elif what == 2:
            del made[at : at + size]
        elif what == 3:
            made[at:at] = dice.randbytes(size)
        elif what == 4:
            made[at:at] = made[at : at + size] * dice.choice((1, 2, 100))
        else:
            del made[at:]
    return bytes(made)


def rubbish(dice: random.Random, *samples: bytes) -> bytes:
    if dice.random() < 0.2:
        return dice.randbytes(dice.choice((1, 2, 10, 1000, 70_000)))
    return mutated(dice, dice.choice(samples))


def throw(cloud: CloudThread, where: str, data: bytes, *, in_tls: bool, stays: bool) -> None:
    """Send bytes to a listener, hear it out for a moment, and leave without a word."""
    address = urlsplit(cloud.endpoints[where])
    with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
        sock = socket.create_connection((address.hostname, address.port), 5)
        with contextlib.ExitStack() as stack:
            if in_tls:
                sock = tls_context(cloud).wrap_socket(sock, server_hostname=address.hostname)
            stack.enter_context(sock)
            sock.sendall(data)
            sock.settimeout(ANSWER_S)
            while stays and sock.recv(65536):
                pass


LISTENERS = {
    "mqtt": ("mqtt", False, (connect(), conversation())),
    "mqtts": ("mqtts", True, (connect(), conversation())),
    "mqtts, below TLS": ("mqtts", False, (connect(),)),
    "https": ("http_broker", True, (login(), download(), login() + download())),
    "https, below TLS": ("http_broker", False, (download(),)),
    "admin": ("admin", False, (login(), download().replace(b"/multipart", b"/switches"))),
}


@pytest.mark.parametrize("name", LISTENERS)
def test_rubbish_at_a_listener(shared: CloudThread, name: str) -> None:
    where, in_tls, samples = LISTENERS[name]
    dice = random.Random(f"{name} 1")
    if "below" in name:
        samples = (*samples, client_hello(shared, where))
    for _ in range(ROUNDS):
        data = rubbish(dice, *samples)
        throw(shared, where, data, in_tls=in_tls, stays=dice.random() < 0.3)


def client_hello(cloud: CloudThread, where: str) -> bytes:
    out = ssl.MemoryBIO()
    name = urlsplit(cloud.endpoints[where]).hostname
    client = tls_context(cloud).wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_the_samples_are_valid(shared: CloudThread) -> None:
    """Mutations of what is refused at its first byte would find nothing."""
    since = len(shared.events)
    throw(shared, "mqtts", conversation(), in_tls=True, stays=True)
    throw(shared, "http_broker", login() + download(), in_tls=True, stays=True)
    told = lines(shared, since)
    for line in (
        "runs 1.0.0",
        "asks for versions",
        "answers the upgrade with code 500",
        "HTTP login",
    ):
        assert any(f"pk_demo/dk1: {line}" in one for one in told), told
    assert any("401 session is unknown" in one for one in told)


def test_rubbish_at_the_clock(shared: CloudThread) -> None:
    dice, port = random.Random(1), shared.endpoints["ntp"]["port"]
    valid = b"\x1b" + bytes(39) + b"stampIDs"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        for _ in range(ROUNDS):
            data = rubbish(dice, valid)[:1400]
            sock.sendto(data, ("127.0.0.1", port))
            if sntp.reply(data, 0) is not None:
                assert sock.recv(1000)[24:32] == data[40:48]
        sock.sendto(valid, ("127.0.0.1", port))
        assert sock.recv(1000)[24:32] == b"stampIDs"


def test_database_is_whole_after_all_that(shared: CloudThread, tmp_path: Path) -> None:
    import sqlite3

    with contextlib.closing(sqlite3.connect(shared.home / "cloud.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
