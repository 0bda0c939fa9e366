"""One table of everything that is not known about EnOS, and the position each switch is in.

What may happen to a server of EnOS in its life is here, too: certificates, clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = str | int
YES_NO: tuple[Value, ...] = ("yes", "no")


class SwitchError(ValueError):
    """There is no such switch, or it has no such position; the text lists those it has."""


@dataclass(frozen=True)
class Switch:
    """One unknown: its default, the positions worth testing, what it decides.

    In a `beyond` position a device that upgrades well in all others does not get in, or must not.
    A `free` switch takes any integer from 0 to `free`; `allowed` are then samples.
    """

    default: Value
    allowed: tuple[Value, ...]
    meaning: str
    free: int = 0
    beyond: tuple[Value, ...] = ()

    @property
    def positions(self) -> tuple[Value, ...]:
        """All that have a name."""
        return self.allowed + self.beyond


SWITCHES: dict[str, Switch] = {
    # --- connection
    "connack_code": Switch(4, (4, 5), "CONNACK code of a refused login"),
    "keepalive_limits": Switch("none", ("none", "30-1200"), "keepalive seconds accepted"),
    "offline_messages": Switch(
        "dropped", ("dropped", "stored"), "pushes to an offline device whose session is kept"
    ),
    "tls_client_certificate": Switch(
        "none", ("none", "requested"), "whether TLS asks the device for a certificate",
        beyond=("required",),
    ),
    "server_certificate": Switch(
        "good", ("good", "renewed", "new_key"), "what servers show to new connections",
        beyond=("expired", "future", "wrong_name", "unknown_ca"),
    ),
    "server_ca": Switch("first", ("first",), "who has signed that", beyond=("second",)),
    "sntp": Switch(
        "right", ("right",), "SNTP: past is a year ago, future in three years",
        beyond=("silent", "past", "future"),
    ),
    # --- downlink
    "downlink_qos": Switch(1, (0, 1), "QoS of replies and upgrades"),
    "replies": Switch("subscribed", ("subscribed", "always"), "who gets a ..._reply"),
    "id_type": Switch("string", ("string", "number"), "JSON type of `id` in an upgrade"),
    "reply_message": Switch("yes", YES_NO, "whether a reply has `message`"),
    "reply_data": Switch(
        "object", ("object", "null", "empty_string", "absent"), "`data` of a reply without data"
    ),
    # --- uplink
    "method_enforced": Switch("no", YES_NO, "1260 if `method` does not fit the topic"),
    "numeric_step_accepted": Switch("yes", YES_NO, "progress with `step` as a JSON number"),
    "orphan_progress_code": Switch(200, (200, 500), "reply to progress without a task"),
    "upgrade_reply_failure": Switch(
        "ignored", ("ignored", "fails"), "effect of an upgrade_reply other than 200"
    ),
    "getversion_nothing": Switch(
        "empty_list", ("empty_list", "null", "absent"), "`data` when there is nothing to offer"
    ),
    "getversion_serves_push": Switch("no", YES_NO, "getversion returns push tasks too"),
    # --- tasks
    "offline_trigger": Switch(
        "inform", ("connect", "inform"), "when a device that was offline gets its upgrade"
    ),
    "push_delay_s": Switch(0, (0, 2), "seconds from that trigger to the upgrade", free=600),
    "repush": Switch(
        "published", ("never", "published", "unfinished"), "tasks pushed again on that trigger"
    ),
    "repush_interval_s": Switch(
        0, (0, 2), "seconds after which a published task is pushed again, 0 = never", free=3600
    ),
    "other_version": Switch(
        "ignored", ("ignored", "fails"), "a third version informed during a task"
    ),
    "late_success": Switch(
        "ignored", ("ignored", "accepted"), "target version informed after the time-out"
    ),
    # --- files
    "relative_at_broker": Switch("no", YES_NO, "HTTP broker serves relative fileUrls"),
    "broker_range": Switch("yes", YES_NO, "HTTP broker answers Range with 206"),
    "etag": Switch("strong", ("strong", "weak", "absent"), "ETag of a firmware file"),
    "login_failure": Switch(
        "status", ("status", "code"), "failed HTTP login: HTTP 401, or HTTP 200 with `code`"
    ),
    "expired_session_status": Switch(401, (401, 403, 500), "HTTP status of an expired session"),
    "older_session": Switch(
        "kept", ("kept", "ended"), "what becomes of a device's HTTP session when it logs in again"
    ),
    "error_body": Switch("json", ("json", "html", "empty"), "body of an HTTP error"),
    "http_date": Switch(
        "right", ("right", "absent"), "Date of HTTP answers: wrong is a year ago",
        beyond=("wrong", "future", "garbage"),
    ),
}  # fmt: skip


class Switches:
    """The positions in force; reads like `switches["downlink_qos"]`."""

    def __init__(
        self,
        positions: Mapping[str, Value] | None = None,
        on_change: Callable[[str, Value], None] | None = None,
    ) -> None:
        self._values = {name: switch.default for name, switch in SWITCHES.items()}
        self._on_change = on_change
        for name, value in (positions or {}).items():
            self._values[name] = parse(name, value)

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def number(self, name: str) -> int:
        """Position of a switch whose positions are numbers."""
        return int(self._values[name])

    def set(self, name: str, value: Value) -> Value:
        """Put a switch into a position given as its value or as text.

        Raises: SwitchError.
        """
        accepted = self.put(name, value)
        if self._on_change is not None:
            self._on_change(name, accepted)
        return accepted

    def put(self, name: str, value: Value) -> Value:
        """As `set`, but nobody is told.

        Raises: SwitchError.
        """
        self._values[name] = parse(name, value)
        return self._values[name]

    def table(self) -> list[dict[str, object]]:
        """All switches with position, default, allowed positions and meaning."""
        return [
            {
                "name": name,
                "value": self._values[name],
                "default": switch.default,
                "allowed": [f"0-{switch.free}"] if switch.free else list(switch.positions),
                "meaning": switch.meaning,
            }
            for name, switch in SWITCHES.items()
        ]


def parse(name: str, value: Value) -> Value:
    """The position of switch `name` that `value` (or its text) stands for.

    Raises: SwitchError.
    """
    switch = SWITCHES.get(name)
    if switch is None:
        raise SwitchError(f"no switch {name!r}; there are: {', '.join(SWITCHES)}")
    text = str(value)
    for position in switch.positions:
        if str(position) == text:
            return position
    if switch.free and text.isdecimal() and int(text) <= switch.free:
        return int(text)
    choices = f"0 to {switch.free}" if switch.free else ", ".join(map(str, switch.positions))
    raise SwitchError(f"switch {name} has no position {text!r}; it has: {choices}")
