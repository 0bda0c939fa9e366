"""What all HTTP listeners share: bodies within limits, errors as one line, the Date of answers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from .limits import Limits

A_YEAR_S = 365 * 86400
# To add to the clock; None is no date at all.
SHIFTS_S = {"right": 0, "wrong": -A_YEAR_S, "future": 3 * A_YEAR_S}
NO_DATE = "the day after tomorrow"
# What may wait for a client before its next request is looked at.
UNSENT_BYTES = 256 * 1024
POLL_S = 0.01
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
errors = logging.getLogger("aiohttp.server")


class HttpError(Exception):
    """A request is answered with an HTTP error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@web.middleware
async def paced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Serve a request when the answers to those before it are taken, or most of them.

    aiohttp does not wait for that: many small answers that nobody reads would fill the memory.
    Raises: ConnectionResetError.
    """
    while (
        request.transport is not None and request.transport.get_write_buffer_size() > UNSENT_BYTES
    ):
        await asyncio.sleep(POLL_S)
    if request.transport is None or request.transport.is_closing():
        raise ConnectionResetError("the client is gone")
    return await handler(request)


async def json_object(request: web.Request, limits: Limits) -> dict[str, Any]:
    """The JSON object in the body. Raises: HttpError."""
    if not request.can_read_body:
        raise HttpError(400, "body is missing")
    try:
        async with asyncio.timeout(limits.body_s):
            body = json.loads(await request.read())
    except TimeoutError:
        raise HttpError(408, f"body took longer than {limits.body_s:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise HttpError(413, f"body is longer than {limits.body_bytes} bytes") from None
    except (ValueError, RecursionError, web.RequestPayloadError):
        body = None
    if not isinstance(body, dict):
        raise HttpError(400, "body is not a JSON object")
    return body


def runner(app: web.Application, limits: Limits, refused: Callable[[str], None]) -> web.AppRunner:
    """What serves `app`; a request that is no HTTP is told, without a byte of it."""
    logger = logging.Logger("http")
    logger.addHandler(_Malformed(refused))
    return web.AppRunner(
        app, access_log=None, shutdown_timeout=1, keepalive_timeout=limits.idle_s,
        lingering_time=limits.linger_s, logger=logger,
    )  # fmt: skip


class _Malformed(logging.Handler):
    """aiohttp logs a malformed request with a traceback and with what was sent."""

    def __init__(self, refused: Callable[[str], None]) -> None:
        super().__init__()
        self._refused = refused

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self._refused(f"400 malformed request ({type(error).__name__})")
        elif record.levelno >= logging.WARNING and not isinstance(error, ConnectionError):
            errors.handle(record)


def set_date(response: web.StreamResponse, position: str) -> None:
    """Give an answer the Date of a position of the switch `http_date`."""
    shift_s = SHIFTS_S.get(position)
    if shift_s is not None:
        response.headers[hdrs.DATE] = formatdate(time.time() + shift_s, usegmt=True)
    elif position == "absent":
        response.headers.pop(hdrs.DATE, None)
    else:
        response.headers[hdrs.DATE] = NO_DATE
