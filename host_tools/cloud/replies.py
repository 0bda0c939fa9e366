"""The JSON of a `..._reply` and of `upgrade`, in the shape the switches say."""

from __future__ import annotations

from typing import Any

from .envelope import OK
from .switches import Switches

ABSENT = object()
EMPTY_DATA = {"object": {}, "null": None, "empty_string": "", "absent": ABSENT}
NOTHING_OFFERED = {"empty_list": [], "null": None, "absent": ABSENT}


def build(
    switches: Switches,
    request_id: Any,
    *,
    code: int = OK,
    text: str = "",
    offers: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Answer to a request; its id is given back as it came.

    `offers` are the firmware objects of a getversion, None for any other answer.
    """
    reply: dict[str, Any] = {} if request_id is None else {"id": request_id}
    reply["code"] = code
    if switches["reply_message"] == "yes":
        reply["message"] = text
    if offers:
        data: Any = offers
    elif offers is not None:
        data = NOTHING_OFFERED[str(switches["getversion_nothing"])]
    else:
        data = EMPTY_DATA[str(switches["reply_data"])]
    if data is not ABSENT:
        reply["data"] = data
    return reply


def upgrade(switches: Switches, number: int, firmware: dict[str, Any]) -> dict[str, Any]:
    """Command with a firmware object."""
    return {
        "id": number if switches["id_type"] == "number" else str(number),
        "version": "1.0",
        "method": "ota.device.upgrade",
        "params": firmware,
    }
