"""Topics and JSON envelopes of OTA over MQTT, and the codes of a refusal; pure functions."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

OK = 200
NOT_JSON = 1220
EMPTY = 1251
METHOD_MISMATCH = 1260
NO_PERMISSION = 1009
TOO_LARGE = 1008
UPLINK_TAILS = ("inform", "progress", "getversion")
PAYLOAD_LIMIT_BYTES = 512 * 1024
STEP_LIMIT = -999_999_999

# enos-device SDKs: what a negative step means; below -5 is the developer's own range (ours).
STEP_MEANINGS = {
    -1: "upgrade failed",
    -2: "download failed",
    -3: "verification failed",
    -4: "burning failed",
    -5: "refused by the device",
    -6: "rolled back",
    -7: "gave up",
}


class DeviceId(NamedTuple):
    """A device: its key is unique only within its product."""

    product_key: str
    device_key: str

    def __str__(self) -> str:
        return f"{self.product_key}/{self.device_key}"


class EnvelopeError(Exception):
    """A message is answered with `code`; `request_id` is what could be read of it."""

    def __init__(self, code: int, message: str, request_id: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


def prefix(device: DeviceId) -> str:
    """What all OTA topics of a device begin with."""
    return f"/sys/{device.product_key}/{device.device_key}/ota/device/"


def own_prefixes(device: DeviceId) -> tuple[str, ...]:
    """What every topic begins with that a device may use."""
    return (
        f"/sys/{device.product_key}/{device.device_key}/",
        f"/ext/session/{device.product_key}/{device.device_key}/",
    )


def matches(topic: str, topic_filter: str) -> bool:
    """Whether an MQTT topic filter (with `+`, `#`) matches a topic."""
    levels = topic.split("/")
    wanted = topic_filter.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(levels) == len(wanted)


def filter_permitted(device: DeviceId, topic_filter: str) -> bool:
    """Whether a filter names the device's own topics only; wildcards are accepted (as in EnOS)."""
    for own in own_prefixes(device):
        mine = own.rstrip("/").split("/")
        wanted = topic_filter.split("/")
        if "#" in wanted:
            mine = mine[: wanted.index("#")]
            wanted = wanted[: wanted.index("#")]
        elif len(wanted) <= len(mine):
            continue
        if all(want in ("+", have) for want, have in zip(wanted, mine, strict=False)):
            return True
    return False


def parse_request(payload: bytes, method: str | None) -> dict[str, Any]:
    """Decode a request; `method` is the one to insist on, None for any.

    Raises: EnvelopeError with 1251 (empty), 1220 (no JSON object), 1260 (other method).
    """
    if not payload.strip():
        raise EnvelopeError(EMPTY, "payload is empty")
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):
        raise EnvelopeError(NOT_JSON, "payload is not valid JSON") from None
    if not isinstance(message, dict):
        raise EnvelopeError(NOT_JSON, "payload is not a JSON object")
    if not isinstance(message.get("id"), str | int | float | None):
        raise EnvelopeError(NOT_JSON, "id is not a string or a number")
    if method is not None and message.get("method") != method:
        raise EnvelopeError(METHOD_MISMATCH, "method does not fit the topic", message.get("id"))
    if not isinstance(message.get("params", {}), dict):
        raise EnvelopeError(NOT_JSON, "params is not a JSON object", message.get("id"))
    return message


def text_of(value: Any) -> str:
    """A text of a device as it can be stored: JSON can carry halves of surrogate pairs."""
    return str(value).encode(errors="replace").decode()


def step_of(params: dict[str, Any], numeric_accepted: bool) -> int:
    """The `step` of a progress message: a decimal integer up to 100, as a JSON string.

    Raises: ValueError.
    """
    step = params.get("step")
    if isinstance(step, int) and not isinstance(step, bool) and numeric_accepted:
        number = step
    elif isinstance(step, str) and re.fullmatch(r"-?[0-9]{1,9}", step):
        number = int(step)
    else:
        raise ValueError("step is not a string holding a decimal integer")
    if not STEP_LIMIT <= number <= 100:
        raise ValueError(f"step is not {STEP_LIMIT} to 100")
    return number


def encode(message: dict[str, Any]) -> bytes:
    """JSON as EnOS writes it: no blanks."""
    return json.dumps(message, separators=(",", ":")).encode()
