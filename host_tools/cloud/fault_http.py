"""Faults of the download and of the HTTP login."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from . import wire
from .faults import Armed, Faults
from .http_body import Body, Span, parse_range
from .slow_head import SlowHead

CUTS = ("http_drop", "http_reset", "http_stall", "http_trickle")
# What the socket's buffer takes at once, so that nothing waits in asyncio's.
PIECE_BYTES = 8 * 1024
MOVED = "/moved/"
PAGE = (
    "<html><head><title>Sign in</title></head><body><h1>Welcome to our network</h1></body></html>"
)
# What a device looks at first: release record and signature stand at the end.
TAIL_BYTES = 8 * 1024
ErrorAnswer = Callable[[int, str], web.Response]


@dataclass(frozen=True)
class Cut:
    """What happens to a body when `byte` of the file is next."""

    name: str
    byte: int
    pause_ms: int


class HttpFaults:
    """Asked at a few places of the HTTP broker.

    `error` makes its error answers, `file_of` finds the file of a version of firmware.
    """

    def __init__(
        self,
        faults: Faults,
        error: ErrorAnswer,
        file_of: Callable[[str], Path | None] = lambda _version: None,
    ) -> None:
        self._faults, self._error, self._file_of = faults, error, file_of
        self._face = ""

    def _strike(
        self, request: web.Request, name: str, fits: Callable[[Armed], bool] = lambda _armed: True
    ) -> Armed | None:
        # A HEAD moves no firmware.
        return None if request.method == "HEAD" else self._faults.strike(name, "http", fits)

    # --- before the file is opened

    async def login(self, request: web.Request) -> web.StreamResponse | None:
        """Answer instead of the login's, None for the login's own."""
        if self._strike(request, "http_login_silent"):
            await request.read()
            return await _silence(request)
        struck = self._strike(request, "http_login_status")
        return self._error(struck.value, "login is out of order") if struck else None

    def expires(self, request: web.Request) -> bool:
        """Whether all sessions are to be forgotten now."""
        return self._strike(request, "http_expire") is not None

    async def instead(self, request: web.Request, sha256: str) -> web.StreamResponse | None:
        """Answer of another kind instead of the firmware, None for the firmware."""
        if self._strike(request, "http_silent"):
            return await _silence(request)
        if struck := self._strike(request, "http_status"):
            return self._error(struck.value, "out of order")
        if self._strike(request, "http_json"):
            return web.json_response({"code": 1009, "message": "no permission"})
        if self._strike(request, "http_html"):
            return web.Response(text=PAGE, content_type="text/html")
        where = self._redirect(request, f"{MOVED}{sha256}")
        if where is not None:
            return web.Response(status=302, headers={"Location": where})
        return None

    def _redirect(self, request: web.Request, path: str) -> str | None:
        if self._strike(request, "http_redirect_loop"):
            return request.raw_path
        # Who was sent there has been redirected.
        if request.path.startswith(MOVED):
            return None
        if self._strike(request, "http_redirect"):
            return path
        struck = self._strike(request, "http_redirect_host")
        return str(struck.value).rstrip("/") + path if struck else None

    # --- what is sent

    def altered(self, request: web.Request, body: Body) -> Body:
        """The body as this request is to find it."""
        self._strike(request, "http_etag")
        changes = self._faults.struck("http_etag")
        if changes:
            strong = body.etag.removeprefix("W/").strip('"')
            body = replace(body, etag=f'"{strong}-{changes}"')
        if self._faults.struck("http_content") or self._strike(request, "http_content"):
            body = replace(body, other=True)
        asked = body.ranges and "Range" in request.headers
        body = self._two_faced(request, body)
        if asked and self._strike(request, "http_no_range"):
            body = replace(body, ranges=False)
        if struck := self._strike(request, "http_oversize"):
            size = body.size_bytes + struck.value
            body = replace(body, size_bytes=size, padding_bytes=struck.value)
        return body

    def _two_faced(self, request: web.Request, body: Body) -> Body:
        if not self._faults.struck("http_two_faced"):
            if is_tail(request, body) and (struck := self._strike(request, "http_two_faced")):
                self._face = str(struck.value)
            return body
        other = self._file_of(self._face)
        return replace(body, path=other) if other is not None else replace(body, other=True)

    def refuses_range(self, request: web.Request, body: Body) -> bool:
        """Whether the Range of this request meets a 416."""
        asked = body.ranges and "Range" in request.headers
        return asked and self._strike(request, "http_416") is not None

    def announced(self, request: web.Request, body: Body, span: Span) -> Span:
        """What is announced (and sent) of the bytes due."""

        def within(armed: Armed) -> bool:
            return span.start < armed.byte(body.file_bytes) <= span.end

        if short := self._strike(request, "http_short", within):
            span = replace(span, end=short.byte(body.file_bytes) - 1)
        if span.partial and self._strike(request, "http_total"):
            span = replace(span, total=span.total + 1)
        if span.partial and (struck := self._strike(request, "http_offset")):
            start = min(max(span.start + struck.value, 0), span.end)
            span = replace(span, start=start)
        if self._strike(request, "http_chunked"):
            span = replace(span, chunked=True)
        return span

    def response(
        self, request: web.Request, span: Span, headers: dict[str, str]
    ) -> web.StreamResponse:
        """The response to send the body with."""
        status = 206 if span.partial else 200
        slow = self._strike(request, "http_head_trickle")
        if slow is not None:
            return SlowHead(status, headers, slow.value)
        response = web.StreamResponse(status=status, headers=headers)
        if span.chunked:
            response.enable_chunked_encoding()
        return response

    def cut(self, request: web.Request, body: Body, span: Span) -> Cut | None:
        """What is to happen in the middle of the bytes due."""
        for name in CUTS:
            struck = self._strike(
                request, name, lambda armed: span.start <= armed.byte(body.file_bytes) <= span.end
            )
            if struck is not None:
                return Cut(name, struck.byte(body.file_bytes), struck.value or 0)
        return None


async def carry_out(
    request: web.Request,
    response: web.StreamResponse,
    body: Body,
    span: Span,
    *,
    cut: Cut,
    tell: Callable[[str], None],
) -> None:
    """Send the bytes before the cut, see them delivered, then do what the fault does.

    Raises: OSError if the peer is gone before.
    """
    for piece in body.pieces(span.start, cut.byte - 1, PIECE_BYTES):
        await response.write(piece)
        await wire.delivered(request.transport)
    sent = f"bytes {span.start}-{cut.byte - 1}" if cut.byte > span.start else "no bytes"
    tell(f"{sent}, then {cut.name}")
    if cut.name == "http_drop":
        wire.finish(request.transport)
    elif cut.name == "http_reset":
        wire.reset(request.transport)
    elif cut.name == "http_stall":
        await _gone(request)
    else:
        for piece in body.pieces(cut.byte, span.end, 1):
            await response.write(piece)
            await asyncio.sleep(cut.pause_ms / 1000)


def is_tail(request: web.Request, body: Body) -> bool:
    """Whether a request asks for the end of a file, and for no more than a few sectors of it."""
    try:
        span = parse_range(request.headers.get("Range"), body.size_bytes)
    except ValueError:
        return False
    return span is not None and span[0] > 0 and body.size_bytes - span[0] <= TAIL_BYTES


async def _silence(request: web.Request) -> web.StreamResponse:
    await _gone(request)
    # Nobody is there to get it; the server wants an answer.
    return web.Response()


async def _gone(request: web.Request) -> None:
    """Return when the peer has closed the connection: nothing tells a handler."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(wire.WATCH_S)
