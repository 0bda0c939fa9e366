"""One table of everything that can be made to go wrong, and the faults that are armed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

Value = str | int
AT_DEFAULT = 50.0
FIELDS = ("version", "sign", "signMethod", "fileUrl", "fileSize")
TAILS = ("inform", "progress", "getversion", "all")
STATUSES = range(201, 600)
PAUSES_MS = range(1, 600_001)
SIZES = range(-(2**31), 2**31)


class FaultError(ValueError):
    """There is no such fault, or it cannot be armed like that; the text says what it takes."""


@dataclass(frozen=True)
class Fault:
    """What a fault does; `value` says what its value means, empty if it takes none.

    A fault without `default` needs a value. `where` marks faults in the middle of a body.
    """

    meaning: str
    value: str = ""
    default: Value | None = None
    numbers: range | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ".+"
    where: bool = False

    def parse(self, name: str, value: Value | None) -> Value | None:
        """The value that `value` (or its text) stands for. Raises: FaultError."""
        if not self.value:
            if value is not None:
                raise FaultError(f"fault {name} takes no value")
            return None
        if value is None:
            value = self.default
        if value is None:
            raise FaultError(f"fault {name} needs a value: {self.value}")
        text = str(value)
        if self.numbers is not None:
            if not re.fullmatch(r"-?[0-9]{1,10}", text) or int(text) not in self.numbers:
                low, high = self.numbers[0], self.numbers[-1]
                raise FaultError(f"value of fault {name} is a number {low} to {high}, not {text!r}")
            return int(text)
        if self.choices and text not in self.choices:
            raise FaultError(f"value of fault {name} is one of {', '.join(self.choices)}")
        if not re.fullmatch(self.pattern, text):
            raise FaultError(f"value of fault {name} is {self.value}, not {text!r}")
        return text


def _paused(meaning: str, *, where: bool = False) -> Fault:
    return Fault(meaning, "milliseconds per byte", 200, PAUSES_MS, where=where)


def _reply(meaning: str) -> Fault:
    return Fault(meaning, "which reply", "all", choices=TAILS)


FAULTS: dict[str, Fault] = {
    # --- GET of firmware: the connection
    "http_drop": Fault("body up to `at`, then the connection is closed", where=True),
    "http_reset": Fault("body up to `at`, then a TCP reset", where=True),
    "http_stall": Fault("body up to `at`, then nothing; connection stays open", where=True),
    "http_trickle": _paused("body from `at` on one byte at a time", where=True),
    "http_silent": Fault("request read, no answer; connection stays open"),
    "http_head_trickle": _paused("status line and headers one byte at a time"),
    # --- GET of firmware: what is announced
    "http_short": Fault("announces and sends the body up to `at` only", where=True),
    "http_oversize": Fault(
        "announces and sends a longer file", "bytes more than it has", 1, range(1, 2**20 + 1)
    ),
    "http_total": Fault("total in Content-Range is one too large (only with Range)"),
    "http_offset": Fault(
        "206 with another part than was asked for, as its Content-Range says",
        "bytes it begins later", 1, SIZES,
    ),
    "http_chunked": Fault("Transfer-Encoding: chunked instead of Content-Length"),
    "http_no_range": Fault("200 with the whole file although Range was asked"),
    "http_416": Fault("416 to any Range"),
    "http_etag": Fault("another strong ETag for the same content, until cleared"),
    "http_content": Fault("other content under the same ETag and size, until cleared"),
    "http_two_faced": Fault(
        "after a Range in the last 8 KiB all comes from another file, same ETag and size,"
        " until cleared",
        "version of that firmware, or `other` for other bytes", "other",
    ),
    # --- GET of firmware: an answer of another kind
    "http_status": Fault("an HTTP error", "HTTP status", 500, STATUSES),
    "http_expire": Fault("forgets all HTTP sessions, the one of this request too"),
    "http_json": Fault("200 with a JSON object: code 1009, no permission"),
    "http_html": Fault("200 with an HTML page"),
    "http_redirect": Fault("302 to another path of this server, no session needed there"),
    "http_redirect_host": Fault(
        "302 to such a path at another address", "base URL", pattern=r"https?://[^/\s]+/?"
    ),
    "http_redirect_loop": Fault("302 to itself"),
    # --- POST /auth
    "http_login_silent": Fault("HTTP login read, no answer; connection stays open"),
    "http_login_status": Fault("an HTTP error to the HTTP login", "HTTP status", 500, STATUSES),
    # --- firmware object, in `upgrade` and in each element of `getversion_reply`
    "cmd_sign": Fault("last digit of the digest is another"),
    "cmd_size": Fault("fileSize is wrong", "bytes added", 1, SIZES),
    "cmd_size_text": Fault("fileSize is a numeric string"),
    "cmd_size_absent": Fault("fileSize is left out"),
    "cmd_method": Fault("another signMethod, the digest is the same", "signMethod"),
    "cmd_missing": Fault("a field is left out", "the field", choices=FIELDS),
    "cmd_url": Fault("another fileUrl", "fileUrl"),
    "cmd_version": Fault("another version", "version"),
    "cmd_big": Fault("an unknown field `extra`", "bytes of its text", 4096, range(1, 2**20 + 1)),
    "cmd_duplicate": Fault("the upgrade is published twice"),
    # --- MQTT
    "mqtt_no_connack": Fault("login accepted, never answered"),
    "mqtt_no_suback": Fault("subscription accepted, never answered"),
    "mqtt_no_pingresp": Fault("from a ping on reads, does nothing and says nothing"),
    "mqtt_half": Fault("half of the next downlink, then silence"),
    "mqtt_half_close": Fault("half of the next downlink, then the connection is closed"),
    "mqtt_trickle": _paused("next downlink one byte at a time"),
    "mqtt_drop": Fault("connection closed instead of the next downlink"),
    # --- replies
    "reply_none": _reply("the reply is not sent"),
    "reply_code": Fault(
        "the reply carries another code",
        "REPLY:CODE, as progress:500",
        pattern=rf"({'|'.join(TAILS)}):-?[0-9]{{1,9}}",
    ),
    "reply_id_number": _reply("the reply's id is a JSON number"),
    "reply_garbage": _reply("the reply's payload is not JSON"),
}  # fmt: skip


@dataclass
class Armed:
    """An armed fault: strikes `times` (0 = for ever) after `skip` occasions passed by."""

    name: str
    times: int
    at: float | None
    value: Any
    skip: int
    struck: int = 0

    @property
    def used_up(self) -> bool:
        """Whether it will not strike any more."""
        return 0 < self.times <= self.struck

    def byte(self, size_bytes: int) -> int:
        """Where in a file of that size it strikes."""
        return int(size_bytes * (AT_DEFAULT if self.at is None else self.at) // 100)


class Faults:
    """The faults that are armed; nothing of them outlives the stand-in."""

    def __init__(self, tell: Callable[[str, str], None] = lambda _who, _what: None) -> None:
        self._tell = tell
        self._armed: list[Armed] = []
        self._struck: dict[str, int] = {}

    def arm(
        self,
        name: str,
        times: int = 1,
        at: float | None = None,
        value: Value | None = None,
        skip: int = 0,
    ) -> dict[str, object]:
        """Arm a fault in place of the same fault at the same `at`; one elsewhere is kept.

        Raises: FaultError.
        """
        fault = FAULTS.get(name)
        if fault is None:
            raise FaultError(f"no fault {name!r}; there are: {', '.join(FAULTS)}")
        for what, number in (("times", times), ("skip", skip)):
            if not isinstance(number, int) or isinstance(number, bool) or number < 0:
                raise FaultError(f"{what} of a fault is a number from 0")
        if value is not None and (not isinstance(value, str | int) or isinstance(value, bool)):
            raise FaultError(f"value of fault {name} is a text or a number")
        armed = Armed(name, times, _position(name, fault, at), fault.parse(name, value), skip)
        self._armed = [a for a in self._armed if (a.name, a.at) != (name, armed.at)] + [armed]
        self._tell("cloud", f"fault {name} armed")
        return asdict(armed)

    def clear(self) -> None:
        """Disarm all, and forget what lasting faults did."""
        self._armed, self._struck = [], {}
        self._tell("cloud", "faults cleared")

    def struck(self, name: str) -> int:
        """How often a fault struck since faults were last cleared."""
        return self._struck.get(name, 0)

    def strike(
        self, name: str, who: str, fits: Callable[[Armed], bool] = lambda _armed: True
    ) -> Armed | None:
        """An occasion for a fault: counted and told if it strikes; `fits` says which would."""
        ready = [a for a in self._armed if a.name == name and not a.used_up and fits(a)]
        for armed in sorted(ready, key=lambda a: a.at or 0):
            if armed.skip:
                armed.skip -= 1
                continue
            armed.struck += 1
            self._struck[name] = self.struck(name) + 1
            left = f"{armed.struck} of {armed.times}" if armed.times else f"{armed.struck}, no end"
            self._tell(who, f"fault {name} strikes ({left})")
            return armed
        return None

    def table(self) -> list[dict[str, object]]:
        """All faults: what they do and take, and how each is armed."""
        return [
            {
                "name": name,
                "meaning": fault.meaning,
                "value": fault.value,
                "default": fault.default,
                "allowed": list(fault.choices)
                or ([f"{fault.numbers[0]} to {fault.numbers[-1]}"] if fault.numbers else []),
                "at": fault.where,
                "armed": [asdict(armed) for armed in self._armed if armed.name == name],
            }
            for name, fault in FAULTS.items()
        ]


def _position(name: str, fault: Fault, at: float | None) -> float | None:
    if not fault.where:
        if at is not None:
            raise FaultError(f"fault {name} takes no `at`")
        return None
    at = AT_DEFAULT if at is None else at
    if not isinstance(at, int | float) or isinstance(at, bool) or not 0 <= at < 100:
        raise FaultError("`at` of a fault is a percentage from 0 to below 100")
    return float(at)
