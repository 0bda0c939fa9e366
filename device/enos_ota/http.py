"""HTTP/1.1 for downloads: POST a log-in, GET a range, over verified TLS unless the settings allow less.

Not `urequests`: no version of it verifies a certificate, and all take a truncated body as complete.
"""

import time

from micropython import const

from .body import NO_HTTP, Body
from .digits import number
from .errors import DownloadError, LinkError
from .url import split_url

_CONNECT_MS = const(15_000)
_ANSWER_MS = const(30_000)
_HEADERS = const(64)
_USED = const(("content-length", "content-range", "transfer-encoding", "etag", "location"))


class Http(Body):
    """One connection, reused while host and port stay the same.

    context: of TLS, for the broker.
    Attributes after a request: status; headers (those we use, lower-case names); those of its body.
    Raises: LinkError (step -2) for the network, DownloadError (step -2) for what the server said.
    """

    def __init__(self, context, config) -> None:
        super().__init__()
        self._context = context
        self._config = config
        self.status = 0
        self.headers: dict = {}

    async def request(self, method: str, url: str, headers: str = "", body: bytes = b"") -> None:
        """Send a request and read the answer's head; `headers` are whole lines with CRLF."""
        scheme, host, port, path = split_url(url)
        # A blank would end the request's address, CR LF its line.
        if min(url) <= " ":
            raise DownloadError("not an https address")
        context = self._context
        config = self._config
        if scheme != "https" or config.cert or config.pins:
            from .contexts import for_url

            context = for_url(config, context, scheme, host)
        head = "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n"
        head = head % (method, path or "/", url.split("/")[2], headers)
        peer = (host, port or (80 if scheme == "http" else 443), context)
        transport = self._transport
        reused = self._peer == peer and not self.left_bytes
        while True:
            self._byte[0] = self.status = 0
            start_ms = time.ticks_ms()
            try:
                if not reused:
                    self.close()
                    await transport.open(host, peer[1], context, _CONNECT_MS)
                elif transport.receive_now(self._byte):
                    reused = False  # more than the former answer announced
                    continue
                self._peer = ()
                spent_ms = time.ticks_diff(time.ticks_ms(), start_ms)
                await transport.send(head.encode() + body, _CONNECT_MS - spent_ms)
                transport.allow(_ANSWER_MS)
                if await self._read_head() & await self._begin_body():
                    self._peer = peer
                break
            except LinkError:
                # Servers close what was idle; still 0: no byte of an answer came.
                if not reused or self._byte[0]:
                    raise
                reused = False
        self._renew()

    def detach(self) -> Body:
        """The body with its connection: what is left of this object may be forgotten."""
        body = Body(self._transport)
        body.left_bytes = self.left_bytes
        body._run_bytes = self._run_bytes
        body._renew()
        return body

    def refusal(self) -> DownloadError:
        """The error that a status means: a LinkError where a retry is worth it."""
        status = self.status
        worth = status >= 500 or status in (408, 425, 429)
        return (LinkError if worth else DownloadError)("HTTP %d" % status)

    async def _read_head(self) -> bool:
        # All lines are counted, those of answers 1xx too: what need not be waited for meets no deadline.
        status = 0
        for _ in range(_HEADERS + 2):
            line = await self._line()
            name, colon, value = line.partition(":")
            name = name.lower()
            if not status:
                status = number(line[9:12])
                start = line[:7] + line[8:9] + line[12:13].strip()
                if start != "HTTP/1. " or not 100 <= status < 600:
                    break
                keep = line[7] != "0"
                self.headers.clear()
            elif not line:
                if status >= 200:
                    self.status = status
                    return keep
                status = 0
            elif not colon or min(line[0], name[-1:]) <= " " or name in self.headers:
                break  # folded, or worse
            elif name in _USED:
                self.headers[name] = value.strip()
            elif name == "connection" and "close" in value.lower():
                keep = False
        raise DownloadError(NO_HTTP)

    async def _begin_body(self) -> bool:
        # False: the connection cannot be used again.
        coding = self.headers.get("transfer-encoding")
        length = self.headers.get("content-length")
        if coding is None:
            size = number(length or "")
            if size >= 0:
                self.left_bytes = self._run_bytes = size
                return True
        elif length is None and coding.lower() == "chunked":
            self.left_bytes = -1
            await self._next_chunk()
            return True
        if self.status < 300:
            # It may end with the connection, but so would a part of it.
            raise DownloadError("HTTP %d without a length" % self.status)
        return False
