"""Sends firmware bytes over HTTP: Range, ETag, If-Range."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from .fault_http import Cut, HttpFaults, carry_out
from .http_body import Body, Span, parse_range


def strong_etag(sha256: str) -> str:
    """ETag that changes with the content and only then."""
    return f'"{sha256}"'


async def send(
    request: web.Request, body: Body, tell: Callable[[str], None], faults: HttpFaults
) -> web.StreamResponse:
    """Answer a GET or HEAD with the file or the part asked for: 200, 206 or 416.

    Every firmware byte passes here.
    """
    body = faults.altered(request, body)
    headers = {"Content-Type": "application/octet-stream"}
    if body.etag:
        headers["ETag"] = body.etag
    if body.ranges:
        headers["Accept-Ranges"] = "bytes"
    try:
        if faults.refuses_range(request, body):
            raise ValueError("a fault")
        wanted = parse_range(_range_header(request, body), body.size_bytes)
    except ValueError:
        headers["Content-Range"] = f"bytes */{body.size_bytes}"
        return web.Response(status=416, headers=headers)
    start, end = wanted or (0, body.size_bytes - 1)
    span = Span(start, end, body.size_bytes, partial=wanted is not None)
    span = faults.announced(request, body, span)
    cut = faults.cut(request, body, span)
    response = faults.response(request, span, headers | span.headers())
    await response.prepare(request)
    if request.method != "HEAD":
        await _copy(request, response, body, span, cut=cut, tell=tell)
    if cut is None:
        await response.write_eof()
    return response


async def _copy(
    request: web.Request,
    response: web.StreamResponse,
    body: Body,
    span: Span,
    *,
    cut: Cut | None,
    tell: Callable[[str], None],
) -> None:
    end = span.start
    try:
        if cut is not None:
            await carry_out(request, response, body, span, cut=cut, tell=tell)
            return
        for piece in body.pieces(span.start, span.end):
            end += len(piece)
            await response.write(piece)
    except OSError:
        tell(f"bytes {span.start}-{end - 1}: connection lost")
        raise
    tell(f"bytes {span.start}-{span.end}")


def _range_header(request: web.Request, body: Body) -> str | None:
    if not body.ranges:
        return None
    # RFC 9110 13.1.5: If-Range needs a strong validator; anything else means the whole file.
    condition = request.headers.get("If-Range")
    if condition is not None and (condition != body.etag or condition.startswith("W/")):
        return None
    return request.headers.get("Range")
