"""Sends firmware bytes over HTTP: Range, ETag, If-Range."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web

from .fault_http import Cut, HttpFaults, carry_out
from .http_body import Body, Span


def strong_etag(sha256: str) -> str:
    """ETag that changes with the content and only then."""
    return f'"{sha256}"'


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """First and last byte of a `bytes=a-b`, `a-` or `-n` header; None means the whole file.

    A malformed header and several ranges are ignored, as RFC 9110 allows. Raises: ValueError if
    no byte of the range exists (416).
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip()) if header else None
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size_bytes - int(last), 0), size_bytes - 1
        if int(last) == 0:
            raise ValueError("empty suffix")
    else:
        start, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
        if last and int(last) < start:
            return None
    if start >= size_bytes:
        raise ValueError("beyond the end")
    return start, end


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
