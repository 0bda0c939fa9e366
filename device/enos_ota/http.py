"""HTTP/1.1 for downloads: POST a log-in, GET a range, both over verified TLS only.

Not `urequests`: no version of it verifies a certificate, and all take a truncated body as complete.
"""

import json

from micropython import const

from .errors import DownloadError
from .messages import split_url
from .transport import Transport

_CONNECT_MS = const(15_000)
_ANSWER_MS = const(30_000)
_BODY_MS = const(30_000)
_LINE_BYTES = const(1024)
_HEADERS = const(64)
_JSON_BYTES = const(2048)
_NO_HTTP = "not an HTTP answer"


class Http:
    """One connection, reused while host and port stay the same.

    Attributes after a request: status; left_bytes (of the body, not yet received); headers (those we use,
    lower-case names).
    Raises: LinkError (step -2) for the network, DownloadError (step -2) for what the server said.
    """

    def __init__(self, context) -> None:
        self._context = context
        self._transport = Transport()
        self._peer: tuple = ()
        self._byte = bytearray(1)
        self.status = self.left_bytes = 0
        self.headers: dict = {}

    async def request(self, method: str, url: str, headers: str = "", body: bytes = b"") -> None:
        """Send a request and read the answer's head; `headers` are whole lines with CRLF."""
        scheme, host, port, path = split_url(url)
        if scheme != "https":
            raise DownloadError("not an https address")
        peer = "%s:%d" % (host, port) if port else host
        head = "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path or "/", peer, headers)
        await self._connect(host, port or 443)
        await self._transport.send(head.encode() + body, _CONNECT_MS)
        await self._read_head()

    async def receive(self, buf) -> int:
        """Read body bytes into `buf`, at least one; only while `left_bytes` is not 0."""
        self._transport.allow(_BODY_MS)
        return self._took(await self._transport.receive(buf))

    def receive_now(self, buf) -> int:
        """The same without waiting: 0 when nothing is there yet. Allocates nothing."""
        return self._took(self._transport.receive_now(buf) or 0)

    def _took(self, count: int) -> int:
        self.left_bytes -= count
        if self.left_bytes < 0:
            raise DownloadError("the body is longer than announced")
        return count

    async def json(self) -> dict:
        """The body as a JSON object.

        Raises: DownloadError when it is none, or longer than 2 KiB.
        """
        try:
            data = bytearray(self.left_bytes if self.left_bytes < _JSON_BYTES else 0)
            view = memoryview(data)
            while len(view):
                view = view[await self.receive(view) :]
            return dict(json.loads(bytes(data)))
        except (TypeError, ValueError):
            raise DownloadError("HTTP %d without JSON" % self.status) from None

    def close(self) -> None:
        """Close the connection; safe to repeat."""
        self.left_bytes = 0
        self._peer = ()
        self._transport.close()

    async def _connect(self, host: str, port: int) -> None:
        if self._peer == (host, port) and not self.left_bytes:
            return
        self.close()
        await self._transport.open(host, port, self._context, _CONNECT_MS)
        self._peer = (host, port)

    async def _read_head(self) -> None:
        self._transport.allow(_ANSWER_MS)
        line = await self._line()
        parts = line.split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise DownloadError(_NO_HTTP)
        self.status = int(parts[1])
        self.headers = {}
        for _ in range(_HEADERS):
            line = await self._line()
            if not line:
                break
            name, _, value = line.partition(":")
            name = name.lower()
            if name in ("content-length", "content-range", "transfer-encoding"):
                self.headers[name] = value.strip()
        else:
            raise DownloadError(_NO_HTTP)
        length = self.headers.get("content-length", "")
        if not length.isdigit() or "transfer-encoding" in self.headers:
            raise DownloadError("HTTP %d without a length" % self.status)
        self.left_bytes = int(length)

    async def _line(self) -> str:
        line = bytearray()
        while len(line) < _LINE_BYTES:
            if not self._transport.receive_now(self._byte):
                await self._transport.receive(self._byte)
            if self._byte[0] == 10:
                break
            # All we look at is ASCII.
            line.append(self._byte[0] & 0x7F)
        else:
            raise DownloadError(_NO_HTTP)
        return line.decode().rstrip()
