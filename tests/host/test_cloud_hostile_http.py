"""HTTPS clients that mean harm, over real sockets: refused, told, and honest ones are served on."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import logging
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
from cloud_fixtures import (
    WAIT_S,
    RawDevice,
    add,
    cloud,
    download_target,
    http_login,
    https,
    lines,
    tls_context,
    told,
    wait_for,
)

from host_tools.cloud import signing
from host_tools.cloud.client import AdminError
from host_tools.cloud.firmware import SIZE_LIMIT_BYTES
from host_tools.cloud.limits import Limits
from host_tools.cloud.server import CloudThread
from host_tools.cloud.switches import SWITCHES

__all__ = ["cloud"]

SHORT = Limits(handshake_s=1.5, idle_s=1.5, body_s=1.0, linger_s=0.2, stuck_s=1.0)
CONTENT = b"firmware" * 1000


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud", limits=SHORT) as running:
        for shape in ("enos-connect", "relative", "https"):
            running.client.add_firmware(CONTENT, shape, url_shape=shape)
        yield running


@pytest.fixture(autouse=True)
def _no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing a client sends may show as an error of the stand-in itself."""
    yield
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


@pytest.fixture
def device(shared: CloudThread) -> RawDevice:
    return add(shared, f"dk{len(shared.client.devices())}")


def session_of(cloud: CloudThread, device: RawDevice) -> str:
    return http_login(cloud, device).json["data"]["sessionId"]


def uri(cloud: CloudThread, shape: str = "enos-connect") -> str:
    return next(f["file_url"] for f in cloud.client.firmware() if f["url_shape"] == shape)


def honest(cloud: CloudThread) -> None:
    """A device logs in and fetches: whatever others did."""
    device = add(cloud, f"honest{len(cloud.client.devices())}")
    target = download_target(device, session_of(cloud, device), uri(cloud))
    assert https(cloud, "GET", target).body == CONTENT


def talk(cloud: CloudThread, data: bytes) -> bytes:
    """What a server says to raw bytes within TLS, until it closes."""
    with tls(cloud) as sock:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            sock.sendall(data)
        return received(sock)


def tls(cloud: CloudThread) -> ssl.SSLSocket:
    where = urlsplit(cloud.endpoints["http_broker"])
    plain = socket.create_connection((where.hostname, where.port), WAIT_S)
    return tls_context(cloud).wrap_socket(plain, server_hostname=where.hostname)


def received(sock: ssl.SSLSocket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := sock.recv(65536):
            data += piece
    return data


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


# --- sessions


def test_session_of_another_device_is_refused_and_told(
    shared: CloudThread, device: RawDevice
) -> None:
    stolen = session_of(shared, device)
    thief = add(shared, device.key + "-thief")
    since = len(shared.events)
    answer = https(shared, "GET", download_target(thief, stolen, uri(shared)))
    assert answer.status == 401
    assert CONTENT[:8] not in answer.body
    assert lines(shared, since) == [
        "http: 401 session is unknown, has expired or is another device's:"
        f" /multipart/sys/pk_demo/{thief.key}/file/download"
    ]
    assert https(shared, "GET", download_target(device, stolen, uri(shared))).status == 200


@pytest.mark.parametrize("guess", ["0", "%00", "' OR 1=1 --", "%25", "a" * 4000, "é", "*"])
def test_session_guessed_is_refused(shared: CloudThread, device: RawDevice, guess: str) -> None:
    session_of(shared, device)
    target = download_target(device, quote(guess, safe="%"), uri(shared))
    assert https(shared, "GET", target).status == 401


@pytest.mark.parametrize(("position", "status"), [("kept", 200), ("ended", 401)])
def test_session_replayed_after_a_new_login(
    shared: CloudThread, device: RawDevice, position: str, status: int
) -> None:
    shared.client.set_switch("older_session", position)
    try:
        other = add(shared, device.key + "-other")
        elsewhere = session_of(shared, other)
        older, newer = session_of(shared, device), session_of(shared, device)
        assert https(shared, "GET", download_target(device, older, uri(shared))).status == status
        assert https(shared, "GET", download_target(device, newer, uri(shared))).status == 200
        assert https(shared, "GET", download_target(other, elsewhere, uri(shared))).status == 200
    finally:
        shared.client.set_switch("older_session", SWITCHES["older_session"].default)


def test_login_as_another_device_is_refused_and_told(
    shared: CloudThread, device: RawDevice
) -> None:
    victim = add(shared, device.key + "-victim")
    sign = signing.login_sign(device.product, device.key, 30000, device.secret)
    since = len(shared.events)
    for sign_method in ("sha256", "SHA256"):
        body = {"signMethod": sign_method, "lifetime": 30000, "sign": sign}
        assert https(shared, "POST", f"/auth/pk_demo/{victim.key}", body=body).status == 401
    assert (
        lines(shared, since)
        == [
            f"http: 401 login refused (742 signature check failed for pk_demo/{victim.key}):"
            f" /auth/pk_demo/{victim.key}"
        ]
        * 2
    )


# --- paths

TRICKS = [
    "../../cloud.sqlite", "../ca.key", "%2e%2e%2fca.key", "%252e%252e%252fca.key",
    "..%5cca.key", "..\\ca.key", "/etc/passwd", "//etc/passwd", "file:///etc/passwd",
    "enos-connect://../ca.key", "enos-connect://..%2f..%2fca.key", "ca.key%00.bin", "%00", "%ff",
    "http://127.0.0.1:1/x", "https://elsewhere.invalid/x", "ftp://elsewhere.invalid/x",
    "enos-connect://%2e%2e/%2e%2e/ca.key", "\uff0e\uff0e/ca.key", "\uff23\uff21.key", "%c0%ae%c0%ae/ca.key",
    "a" * 7000, "/./././ca.key", "firmware", "firmware/", "*", "%", "%zz", "$(id)", "' OR '1'='1",
]  # fmt: skip


def quoted(trick: str) -> str:
    return quote(trick, safe="/:%\\'*$()=")


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
def test_file_uri_that_is_no_key_of_a_file_is_404(
    shared: CloudThread, device: RawDevice, trick: str
) -> None:
    session = session_of(shared, device)
    for path in ("/download?", "/download/url?"):
        for position in ("no", "yes"):
            shared.client.set_switch("relative_at_broker", position)
            target = download_target(device, session, quoted(trick)).replace("/download?", path)
            assert https(shared, "GET", target).status == 404
    shared.client.set_switch("relative_at_broker", "no")


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
@pytest.mark.parametrize("base", ["/files/", "/upload/firmware/1/", "/moved/", "/", ""])
def test_path_that_is_no_address_of_a_file_is_no_file(
    shared: CloudThread, base: str, trick: str
) -> None:
    answer = talk(shared, f"GET {base}{quoted(trick)} HTTP/1.0\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"404")
    for secret in (b"PRIVATE KEY", b"SQLite", b"root:"):
        assert secret not in answer


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
def test_path_of_get_file_that_is_signed_and_no_file_is_404(
    shared: CloudThread, trick: str
) -> None:
    service, path = shared.endpoints, trick
    sign = signing.getfile_signs(
        service["access_key"], service["secret_key"], service["org_id"], path, "1"
    )[1]
    query = (
        f"accessKey={service['access_key']}&orgId={service['org_id']}&requestTimestamp=1"
        f"&sign={sign}&path={quote(path, safe='')}"
    )
    assert https(shared, "GET", f"/commonFileService/files?{query}").status == 404


def test_names_of_devices_with_tricks_are_no_such_device(shared: CloudThread) -> None:
    body = {"signMethod": "sha256", "lifetime": 1, "sign": "0"}
    for key in ("..%2fdk1", "%00", "%ff", "dk1%2f..", "*", "%ed%a0%80", "a" * 5000):
        assert https(shared, "POST", f"/auth/pk_demo/{key}", body=body).status == 401


def test_event_of_a_path_is_one_line_that_steers_nothing_and_holds_no_session(
    shared: CloudThread, device: RawDevice
) -> None:
    session, since = session_of(shared, device), len(shared.events)
    https(shared, "GET", f"/a%0d%0aTue:%20all%20is%20well%1b[2J%e2%80%ae/{session}/" + "x" * 5000)
    https(shared, "GET", f"/file/download%3FsessionId={session}")
    (first, second) = lines(shared, since)
    assert first.startswith("http: 404 Not Found: /a??Tue: all is well?[2J?/(hidden)/xxx")
    assert len(first) < 420
    assert second == "http: 404 Not Found: /file/download?sessionId=(hidden)"
    assert session not in first + second


# --- too much


@pytest.mark.parametrize("announced", [True, False], ids=["length", "chunked"])
def test_login_body_that_is_too_long_is_413_and_told(
    shared: CloudThread, device: RawDevice, announced: bool
) -> None:
    path, since = f"/auth/pk_demo/{device.key}", len(shared.events)
    if announced:
        request = post(path, b"{" + b" " * 200_000, "Content-Length: 1000000000")
    else:
        piece = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        request = post(path, piece * 20, "Transfer-Encoding: chunked")
    answer = talk(shared, request)
    assert answer.split(b" ")[1] == b"413"
    assert lines(shared, since) == [f"http: 413 body is longer than 65536 bytes: {path}"]


def test_login_body_that_grows_when_unpacked_is_413(shared: CloudThread, device: RawDevice) -> None:
    packed = zlib.compress(b" " * 50_000_000, 9)
    assert len(packed) < 60_000
    path = f"/auth/pk_demo/{device.key}"
    request = post(path, packed, f"Content-Length: {len(packed)}", "Content-Encoding: deflate")
    assert talk(shared, request).split(b" ")[1] == b"413"
    honest(shared)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"1", b"\xff\xfe", b"{", b'{"a":' * 10_000, b"[" * 60_000,
        b'{"lifetime":' + b"9" * 5000 + b"}", b"NaN",
    ],
    ids=range(10),
)  # fmt: skip
def test_login_body_that_is_no_json_object_is_400(
    shared: CloudThread, device: RawDevice, body: bytes
) -> None:
    path = f"/auth/pk_demo/{device.key}"
    headers = {"Content-Type": "application/json; charset=nonsense"}
    assert https(shared, "POST", path, body=body, headers=headers).status == 400


@pytest.mark.parametrize(
    "member",
    [
        {"sign": "\\ud800"}, {"sign": ["a"]}, {"sign": {"a": 1}}, {"sign": None}, {"sign": 7},
        {"lifetime": 1e300}, {"lifetime": -1}, {"lifetime": True}, {"signMethod": ["sha256"]},
        {"signMethod": "\\ud800"}, {"sign": "0" * 60_000},
    ],
    ids=range(11),
)  # fmt: skip
def test_login_with_odd_members_is_401(
    shared: CloudThread, device: RawDevice, member: dict
) -> None:
    whole = {"signMethod": "sha256", "lifetime": 30000, "sign": "0"} | member
    body = json.dumps(whole).replace("\\\\ud800", "\\ud800").encode()
    assert https(shared, "POST", f"/auth/pk_demo/{device.key}", body=body).status == 401


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", "LineTooLong"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", "LineTooLong"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", "BadHttpMessage"),
        (b"rubbish\r\n\r\n", "BadHttpMethod"),
        (b"GET / HTTP/9.9\r\n\r\n", "BadStatusLine"),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n", "InvalidHeader"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "InvalidHeader"),
        (b"\x00\x01\x02" * 100, ""),
    ],
)
def test_request_that_is_no_http_is_400_and_told_without_a_byte_of_it(
    shared: CloudThread, request_bytes: bytes, reason: str
) -> None:
    since = len(shared.events)
    answer = talk(shared, request_bytes)
    if reason:
        assert answer.split(b" ")[1] == b"400"
        told(shared, "400 malformed")
        (line,) = (line for line in lines(shared, since) if "malformed" in line)
        assert line.startswith("http: 400 malformed request (")
        assert len(line) < 80
    honest(shared)


def test_request_line_that_is_malformed_shows_no_session(
    shared: CloudThread, device: RawDevice, caplog: pytest.LogCaptureFixture
) -> None:
    session = session_of(shared, device)
    target = download_target(device, session, uri(shared))
    talk(shared, f"GET {target}{'x' * 9000} HTTP/1.1\r\n\r\n".encode())
    talk(shared, f"GET {target} HTTP/9.9\r\n\r\n".encode())
    told(shared, "400 malformed request")
    assert session not in caplog.text + str(shared.events)


@pytest.mark.parametrize("announced", [True, False], ids=["length", "chunked"])
def test_upload_of_firmware_that_is_too_long_is_refused(
    cloud: CloudThread, announced: bool
) -> None:
    where = urlsplit(cloud.endpoints["admin"])
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    piece, size = b"x" * 1_000_000, SIZE_LIMIT_BYTES + 2_000_000
    pieces = (piece for _ in range(size // len(piece)))
    headers = {"Authorization": f"Bearer {cloud.endpoints['admin_token']}"}
    if announced:
        headers["Content-Length"] = str(size // len(piece) * len(piece))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", "/firmware?version=1&name=a.bin", pieces, headers)
    answer = connection.getresponse()
    assert (answer.status, b"at most 100 MB" in answer.read()) == (413, True)
    connection.close()
    assert cloud.client.firmware() == []
    with pytest.raises(AdminError, match="EnOS takes at most 100 MB"):
        cloud.client.add_firmware(bytes(SIZE_LIMIT_BYTES + 1), "1")


def test_upload_without_token_is_refused_before_its_body(cloud: CloudThread) -> None:
    where = urlsplit(cloud.endpoints["admin"])
    for token in ("", "Bearer \udcff", "Bearer " + "x" * 8000):
        with socket.create_connection((where.hostname, where.port), WAIT_S) as sock:
            head = f"POST /firmware HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
            sock.sendall(
                head.encode(errors="surrogateescape") + b"Content-Length: 999999999\r\n\r\n"
            )
            assert sock.recv(20).split(b" ")[1] in (b"401", b"400")


# --- too slow


def test_head_that_trickles_is_dropped_after_its_time(shared: CloudThread) -> None:
    with tls(shared) as sock, pytest.raises((ConnectionError, ssl.SSLError)):
        for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 1000:
            sock.sendall(bytes([byte]))
            time.sleep(0.02)
    honest(shared)


def test_connection_that_asks_nothing_is_closed_after_its_time(shared: CloudThread) -> None:
    with tls(shared) as sock:
        assert received(sock) == b""
    with tls(shared) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert received(sock).startswith(b"HTTP/1.1 404 ")


def test_handshake_that_does_not_come_is_dropped_after_its_time(shared: CloudThread) -> None:
    where = urlsplit(shared.endpoints["http_broker"])
    with socket.create_connection((where.hostname, where.port), WAIT_S) as sock:
        assert sock.recv(1) == b""
    assert told(shared, "took longer") == "http: 127.0.0.1 TLS took longer than 1.5 s"


def test_body_that_trickles_is_408_and_told(shared: CloudThread, device: RawDevice) -> None:
    path = f"/auth/pk_demo/{device.key}"
    with tls(shared) as sock:
        sock.sendall(post(path, b"{", "Content-Length: 1000"))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            for _ in range(30):
                sock.sendall(b" ")
                time.sleep(0.02)
        assert received(sock).startswith(b"HTTP/1.1 408 ")
    assert told(shared, "408") == f"http: 408 body took longer than 1 s: {path}"
    honest(shared)


def test_reader_that_never_reads_is_dropped_and_told(shared: CloudThread) -> None:
    version = "big"
    big = shared.client.add_firmware(bytes(16_000_000), version, url_shape="https")
    target = big["file_url"].removeprefix(shared.endpoints["http_broker"])
    since = len(shared.events)
    with tls(shared) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        told(shared, "took nothing for 1 s")
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert len(received(sock)) < 16_000_000
    wait_for(shared, lambda: len(shared.events) - since >= 2)
    first, second = lines(shared, since)[:2]
    assert first == "http: 127.0.0.1 dropped: took nothing for 1 s"
    assert second.startswith("file: fetched big, bytes 0-")
    assert second.endswith(": connection lost")
    honest(shared)


def test_requests_without_end_whose_answers_are_not_read_are_dropped(shared: CloudThread) -> None:
    target = uri(shared, "https").removeprefix(shared.endpoints["http_broker"])
    since = len(shared.events)
    with tls(shared) as sock, pytest.raises((ConnectionError, ssl.SSLError, TimeoutError)):
        sock.settimeout(WAIT_S)
        while True:
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100)
    assert any("took nothing for 1 s" in line for line in lines(shared, since))
    honest(shared)


def test_download_by_a_reader_that_is_slow_is_served_whole(shared: CloudThread) -> None:
    content = hashlib.sha256(b"x").digest() * 250_000
    slow = shared.client.add_firmware(content, "slow", url_shape="https")
    target = slow["file_url"].removeprefix(shared.endpoints["http_broker"])
    with tls(shared) as sock:
        sock.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
        data = b""
        while piece := sock.recv(400_000):
            data += piece
            time.sleep(0.003)
    assert data.partition(b"\r\n\r\n")[2] == content
