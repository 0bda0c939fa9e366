"""Bodies of requests to the admin API, and its answers to those that are no good."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .envelope import DeviceId
from .model import PRODUCT_DEFAULT


class BadRequestError(ValueError):
    """The request cannot be understood."""


def error(status: int, code: int, text: str) -> web.Response:
    """An answer that says what is wrong."""
    return web.json_response({"error": {"code": code, "message": text}}, status=status)


def text(body: dict[str, Any], name: str, default: str | None) -> str:
    """A text in the body. Raises: BadRequestError."""
    value = body.get(name) or default
    if not isinstance(value, str) or not value.strip():
        raise BadRequestError(f"{name} is missing")
    return value


def device_key(body: dict[str, Any]) -> DeviceId:
    """The device a body names. Raises: BadRequestError."""
    product = text(body, "product_key", PRODUCT_DEFAULT)
    return DeviceId(product, text(body, "device_key", None))


def refuse_others(body: dict[str, Any], known: set[str]) -> None:
    """Raises: BadRequestError for a member that is not known."""
    if set(body) - known:
        raise BadRequestError(f"unknown members: {', '.join(sorted(set(body) - known))}")


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object in a body, empty without one. Raises: BadRequestError."""
    try:
        body = await request.json() if request.can_read_body else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise BadRequestError("the body is not a JSON object")
    return body
