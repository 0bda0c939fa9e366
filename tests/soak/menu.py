"""Every kind of trouble: how often it is drawn, when it may strike, how long it lasts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

BEFORE = "before"  # the command
COMMAND = "command"
FETCH = "fetch"  # once so many percent of the file's size came down
TRIAL = "trial"  # once the other slot was booted
CONFIRM = "confirm"  # once the application was asked for its self-test
POWER = "power"  # once the power is on again after the strike before

FORMER = "former command again"
DOUBLE = "power cut in the boot after one"
Options = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of trouble; `action` is a name of `act.ACTIONS`, `options` are the action's.

    `percent` (of the file) and `after_ms` (the phase) say when, `lasts_s` how long: (least, most).
    """

    weight: float
    action: str
    phase: str
    after_ms: tuple[int, int] = (0, 0)
    percent: tuple[int, int] = (1, 97)
    lasts_s: tuple[float, float] = (0, 0)
    options: Any = ()


def _power(weight: float, phase: str, most_ms: int, **more: Any) -> Kind:
    return Kind(weight, "power", phase, (0, most_ms), lasts_s=(0.1, 1.2), **more)


def _air(weight: float, phase: str, lasts_s: tuple[float, float]) -> Kind:
    return Kind(weight, "air", phase, (0, 500), lasts_s=lasts_s)


def _net(weight: float, method: str, *names: str, lasts_s: tuple[float, float] = (0, 0)) -> Kind:
    phase = FETCH if names == ("http",) else COMMAND
    return Kind(
        weight, "net", phase, (0, 5000 if phase == COMMAND else 100), lasts_s=lasts_s,
        options=(method, names),
    )  # fmt: skip


def _faults(weight: float, *faults: tuple[str, Options]) -> Kind:
    """Faults of the stand-in's menu, armed before the command; "at" stands for the drawn percent.

    What is not `at` a place meets the end of the file, which is asked for first, unless it is skipped.
    """
    return Kind(weight, "faults", BEFORE, percent=(5, 90), options=faults)


_DROP = ("http_drop", {"at": "at"})
_IN_TAIL = {"at": 99.9}

ANEW = (
    FORMER,
    "no ranges at all",
    "no ranges after a drop",
    "HTTP 416 after a drop",
    "other ETag after a drop",
    "other content after a drop",
    "other content",
    "wrong digest commanded",
)
"""After these a download begins anew, as it must."""

KINDS: dict[str, Kind] = {
    # --- power
    "power cut in the download": _power(14, FETCH, 150),
    "power cut at the switch": _power(9, FETCH, 900, percent=(98, 99)),
    "power cut in the trial": _power(9, TRIAL, 3000),
    "power cut at the confirmation": _power(7, CONFIRM, 400),
    "power cut at any time": _power(7, COMMAND, 7000),
    DOUBLE: _power(5, POWER, 1500),
    # --- radio
    "Wi-Fi away in the download": _air(7, FETCH, (0.5, 4)),
    "Wi-Fi away in the trial": _air(5, TRIAL, (0.5, 5)),
    "Wi-Fi away for a whole trial": _air(2, TRIAL, (14, 16)),
    # --- connections
    "download closed": _net(4, "cut", "http"),
    "download reset": _net(4, "reset", "http"),
    "download stalled": _net(4, "freeze", "http", lasts_s=(0.5, 4)),
    "download stalled for good": _net(1, "freeze", "http", lasts_s=(33, 33)),
    "MQTT closed": _net(3, "cut", "mqtt"),
    "MQTT reset": _net(3, "reset", "mqtt"),
    "MQTT frozen": _net(4, "freeze", "mqtt", lasts_s=(2, 14)),
    "connections refused": _net(5, "refuse", "mqtt", "http", lasts_s=(1, 5)),
    "slow network": _net(3, "delay", "mqtt", "http", lasts_s=(3, 8)),
    # --- server
    "server restarted": Kind(8, "restart", COMMAND, (0, 6000), lasts_s=(0.1, 2)),
    # --- bodies
    "other content": _faults(3, ("http_two_faced", {})),
    "short body": _faults(2, ("http_short", {"at": "at"})),
    "oversize body": _faults(1, ("http_oversize", {"value": 4096, "skip": 1})),
    "HTML instead": _faults(1, ("http_html", {"skip": 1})),
    "JSON instead": _faults(1, ("http_json", {})),
    "HTTP 500": _faults(2, ("http_status", {"times": 2, "skip": 1})),
    "HTTP session expired": _faults(2, _DROP, ("http_expire", {"skip": 2})),
    "no ranges after a drop": _faults(2, _DROP, ("http_no_range", {"skip": 2})),
    "HTTP 416 after a drop": _faults(2, _DROP, ("http_416", {"skip": 2, "times": 2})),
    "other ETag after a drop": _faults(2, _DROP, ("http_etag", {"skip": 2})),
    "other content after a drop": _faults(2, _DROP, ("http_content", {"skip": 2})),
    "redirected": _faults(1, ("http_redirect", {"times": 2})),
    "HTTP 500 to the tail": _faults(1, ("http_status", {"times": 2})),
    "other content in the tail": _faults(1, ("http_content", {})),
    "tail dropped": _faults(2, ("http_drop", _IN_TAIL), ("http_short", _IN_TAIL)),
    "tail HTTP 416": _faults(1, ("http_416", {})),
    "no ranges at all": _faults(1, ("http_no_range", {"times": 0})),
    "wrong digest commanded": _faults(1, ("cmd_sign", {})),
    # --- messages
    "pushed twice": _faults(4, ("cmd_duplicate", {})),
    "pushed every second": Kind(3, "switch", BEFORE, options=("repush_interval_s", 1)),
    FORMER: Kind(4, "former", FETCH, (0, 100), (5, 70)),
    "replies missing": _faults(2, ("reply_none", {"times": 2})),
    "replies garbled": _faults(2, ("reply_garbage", {"times": 3})),
    "MQTT dropped for a message": _faults(3, ("mqtt_drop", {"times": 2})),
    "half a message": _faults(2, ("mqtt_half_close", {})),
    "half a message, then silence": _faults(1, ("mqtt_half", {})),
    "message trickled": _faults(1, ("mqtt_trickle", {"value": 20})),
}

ENDS_TRIAL = 2
"""The strain of what may end a trial."""
STRAIN: dict[str, int] = {
    **{name: ENDS_TRIAL for name, kind in KINDS.items() if kind.action == "power"},
    **dict.fromkeys(("Wi-Fi away for a whole trial", "MQTT frozen"), ENDS_TRIAL),
    # Two of these together may take as long as a trial.
    **dict.fromkeys(
        (
            "Wi-Fi away in the trial",
            "download stalled",
            "connections refused",
            "slow network",
            "server restarted",
            "short body",
            "HTTP 500",
            "HTTP 500 to the tail",
            "HTTP session expired",
            "tail dropped",
            "tail HTTP 416",
            "no ranges at all",
            "no ranges after a drop",
            "other ETag after a drop",
            "redirected",
            "replies missing",
            "replies garbled",
            "MQTT dropped for a message",
            "half a message",
            "half a message, then silence",
            "message trickled",
        ),
        1,
    ),
    **dict.fromkeys(
        (
            "Wi-Fi away in the download",
            "download closed",
            "download reset",
            "MQTT closed",
            "MQTT reset",
            "pushed twice",
            "pushed every second",
        ),
        0,
    ),
}
"""What an upgrade survives without a second command, as long as not two trials may end: one is repeated."""


def is_bearable(struck: Collection[str]) -> bool:
    """Whether an upgrade must succeed at the first command though all these kinds struck it."""
    if not STRAIN.keys() >= set(struck):
        return False
    return sum(STRAIN[kind] for kind in struck) < 2 * ENDS_TRIAL
