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
        """Send a request and read the answer's head; `headers` are whole lines, each ended by CRLF."""
        scheme, host, port, path = split_url(url)
        if scheme != "https":
            raise DownloadError("files come over https only, not " + scheme[:12])
        head = "%s %s HTTP/1.1\r\nHost: %s\r\n%s" % (method, path or "/", host, headers)
        if body:
            head += "Content-Length: %d\r\n" % len(body)
        await self._connect(host, port or 443)
        await self._transport.send((head + "\r\n").encode() + body, _CONNECT_MS)
        await self._read_head()

    async def receive(self, buf) -> int:
        """Read body bytes into `buf`, at least one: the number, or 0 at the end of the body."""
        if not self.left_bytes:
            return 0
        if len(buf) > self.left_bytes:
            buf = memoryview(buf)[: self.left_bytes]
        count = await self._transport.receive(buf, _BODY_MS)
        self.left_bytes -= count
        return count

    async def json(self) -> dict:
        """The body as a JSON object.

        Raises: DownloadError when it is none, or longer than 2 KiB.
        """
        if self.left_bytes > _JSON_BYTES:
            raise DownloadError("the answer is too long")
        data = bytearray(self.left_bytes)
        filled = 0
        while self.left_bytes:
            filled += await self.receive(memoryview(data)[filled:])
        try:
            answer = json.loads(bytes(data))
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise DownloadError("HTTP %d without a JSON answer" % self.status)
        return answer

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
        line = await self._line()
        parts = line.split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise DownloadError("the server does not speak HTTP")
        self.status = int(parts[1])
        self.headers = {}
        for _ in range(_HEADERS):
            line = await self._line()
            if not line:
                break
            name, _, value = line.partition(":")
            name = name.lower()
            if name in ("content-length", "content-range", "transfer-encoding", "etag"):
                self.headers[name] = value.strip()
        else:
            raise DownloadError("the answer has too many headers")
        length = self.headers.get("content-length", "")
        if not length.isdigit():
            raise DownloadError("HTTP %d without a length" % self.status)
        self.left_bytes = int(length)

    async def _line(self) -> str:
        line = bytearray()
        while len(line) < _LINE_BYTES:
            if not self._transport.receive_now(self._byte):
                await self._transport.receive(self._byte, _ANSWER_MS)
            if self._byte[0] == 10:
                return line.decode().rstrip()
            line.append(self._byte[0])
        raise DownloadError("a header line is too long")
