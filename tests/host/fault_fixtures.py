"""A shared stand-in whose faults are cleared after each test, and HTTPS seen record by record."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from cloud_fixtures import WAIT_S, tls_context

from host_tools.cloud.server import CloudThread

# Not a multiple of anything: positions are rounded down.
CONTENT = bytes(range(251)) * 400 + b"end"
SIZE = len(CONTENT)
SILENCE_S = 0.2


RANGE = {"Range": "bytes=100-"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud") as running:
        for shape in ("enos-connect", "enos-lark", "relative", "https"):
            running.client.add_firmware(CONTENT, shape, url_shape=shape)
        yield running


@pytest.fixture
def cloud(shared: CloudThread) -> Iterator[CloudThread]:
    yield shared
    shared.client.clear_faults()
    for switch in shared.client.switches():
        if switch["value"] != switch["default"]:
            shared.client.set_switch(switch["name"], switch["default"])


@dataclass
class Seen:
    """What came over a connection, and how it ended: eof, ragged (TLS was not ended), reset or silent."""

    data: bytes = b""
    ending: str = ""
    records: list[int] = field(default_factory=list)

    @property
    def head(self) -> list[str]:
        return self.data.partition(b"\r\n\r\n")[0].decode().split("\r\n")

    @property
    def status(self) -> int:
        return int(self.head[0].split()[1])

    @property
    def headers(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in self.head[1:])

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


def fetch(
    cloud: CloudThread,
    target: str,
    *,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    silent_after: int | None = None,
    body: bytes = b"",
    tcp_end: bool = False,
) -> Seen:
    """Send a request and read until the connection ends.

    Once the body holds `silent_after` bytes (-1: even without an answer), silence ends it, too. With `tcp_end`
    waits for TCP's end of data after that of TLS.
    """
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    tls = Tls(cloud)
    with tls.sock:
        tls.call(tls.ssl.do_handshake)
        tls.call(tls.ssl.write, "\r\n".join([*lines, "", ""]).encode() + body)
        seen = _read(tls, silent_after)
        if tcp_end:
            assert tls.sock.recv(1) == b""
        return seen


class Tls:
    """TLS over a socket of ours: Python's own calls a reset an end of data."""

    def __init__(self, cloud: CloudThread) -> None:
        where = urlsplit(cloud.endpoints["http_broker"])
        self.sock = socket.create_connection((where.hostname, where.port), WAIT_S)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = tls_context(cloud).wrap_bio(self._in, self._out, server_hostname=where.hostname)

    def call(self, function: Callable, *arguments: object) -> Any:
        while True:
            try:
                result = function(*arguments)
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(1 << 16)
                self._in.write(data) if data else self._in.write_eof()

    def _flush(self) -> None:
        # Sending nothing would fetch the error of a reset before the bytes that came earlier.
        if self._out.pending:
            self.sock.sendall(self._out.read())


def _read(tls: Tls, silent_after: int | None) -> Seen:
    seen = Seen()
    while not seen.ending:
        quiet = silent_after is not None and len(seen.body) >= silent_after
        tls.sock.settimeout(SILENCE_S if quiet else WAIT_S)
        try:
            # One record at most.
            piece = tls.call(tls.ssl.read, 1 << 20)
        except ConnectionResetError:
            seen.ending = "reset"
        except ssl.SSLEOFError:
            seen.ending = "ragged"
        except TimeoutError:
            assert quiet, "the server fell silent"
            seen.ending = "silent"
        else:
            seen.data += piece
            seen.ending = "" if piece else "eof"
            if piece:
                seen.records.append(len(piece))
    return seen


def target_of(cloud: CloudThread, shape: str = "https") -> str:
    """Path of the firmware with that shape of fileUrl."""
    url = next(f["file_url"] for f in cloud.client.firmware() if f["url_shape"] == shape)
    return url.removeprefix(cloud.endpoints["http_broker"])


@pytest.fixture
def target(cloud: CloudThread) -> str:
    """Where the firmware is fetched."""
    return target_of(cloud)


def struck(cloud: CloudThread, name: str) -> int:
    """How often an armed fault struck."""
    found = next(one for one in cloud.client.faults() if one["name"] == name)
    return sum(armed["struck"] for armed in found["armed"])


def whole(seen: Seen, start: int = 0, end: int = SIZE - 1) -> bool:
    """Whether an answer is what it is without a fault."""
    partial = (start, end) != (0, SIZE - 1)
    wanted = f"bytes {start}-{end}/{SIZE}" if partial else None
    return (
        seen.status == (206 if partial else 200)
        and seen.body == CONTENT[start : end + 1]
        and seen.headers.get("Content-Range") == wanted
        and seen.headers["Content-Length"] == str(end - start + 1)
        and "Transfer-Encoding" not in seen.headers
        and max(seen.records) > 1
    )


def once(cloud: CloudThread, name: str, ask: Callable[[], Seen], **options: object) -> Seen:
    """What is seen when a fault strikes; not before it is armed, not after it is used up."""
    before = ask()
    assert before.status in (200, 206)
    assert before.ending == "eof"
    cloud.client.set_fault(name, **options)
    seen = ask()
    after = ask()
    assert struck(cloud, name) == 1
    assert after.body == before.body
    assert (after.status, after.ending) == (before.status, "eof")
    assert _steady(after) == _steady(before)
    assert max(after.records) > 1
    return seen


def _steady(seen: Seen) -> dict[str, str]:
    return {name: value for name, value in seen.headers.items() if name != "Date"}
