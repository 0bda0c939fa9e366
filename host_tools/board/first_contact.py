"""Watch a board that was just provisioned until EnOS knows it, or until it is clear why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

ACCEPTED = re.compile(r"enos: EnOS knows version (?P<version>.+)")
_CLOCK = re.compile(r"link: TLS refused.*\(clock (?P<day>\d{4}-\d\d-\d\d)\)")
_OFF_DAYS = 2
"""By so much may a clock that is right differ from this machine's."""
_ENOS_CODES = (
    "compare product key, device key and device secret with the device's page in the EnOS console "
    "(EnOS calls a wrong one 742, an unknown device 705); where the product demands certificates (746), "
    "give the board one: --cert FILE --key-file FILE"
)
FAILURES = (
    (r"login refused: CONNACK", _ENOS_CODES),
    (r"subscription refused", "the account may not use the OTA topics: is it the device's own secret?"),
    (r"Wi-Fi: no configured network", "check name and password; the chip knows 2.4 GHz only"),
    (r"link: TLS refused.*(future|not valid yet)", "the board's clock is behind: --set ntp=HOST, of a server that "
        "it can reach; if the clock (in brackets) is right, the server's certificate begins later"),
    (r"link: TLS refused.*expired", "renew the server's certificate; or, if the clock (in brackets) is wrong, "
        "--set ntp=HOST"),
    (r"link: TLS refused.*(another host|[Nn]ame)", "the host in mqtt is not the one in the server's certificate"),
    (r"link: TLS refused.*no pin", "the server has another key than those pinned: give --pin of its certificate "
        "and --pin of the spare key; if it has not changed its key, somebody is in between"),
    (r"link: TLS refused.*our certificate", "the server wants a certificate of a CA that it knows: --cert FILE "
        "--key-file FILE; if the board has one, see in EnOS whether it has expired or was revoked"),
    (r"link: TLS refused.*no CA is configured", "provision again with --ca"),
    (r"link: TLS refused", "give --ca the certificate that signed the server's: EnOS has a private root"),
    (r"link: CA .*revoked", "that CA was revoked, by a release or in the settings: give --ca its successor"),
    (r"link: CA ", "provision again with --ca"),
    (r"the device's certificate, or its key", "provision again with --cert and --key-file"),
    (r"not enough memory for a TLS session", "less memory for the application: see 'enos-ota doctor'"),
    (r"settings /enos.*without TLS", "take mqtts:// and https://; --set 'plain=[\"mqtt\"]' says that it is meant"),
    (r"settings /enos", "provision again"),
    (r"main: reset:", "the application ends: mend it, and deploy again"),
    (r"MQTT.*(-202|-2\b)|getaddrinfo", "the name of the broker is unknown in that network"),
)  # fmt: skip


@dataclass(frozen=True)
class Contact:
    """`version` that EnOS accepted, or why there is none, and what to do."""

    version: str = ""
    reason: str = ""
    advice: str = ""


def watch(lines: Iterable[str], show: Callable[[str], None]) -> Contact:
    """Read the console to the first word of EnOS, or to the first failure that does not pass by itself."""
    seen = False
    passing = None
    for line in lines:
        if "enos:" in line or "main:" in line:
            show(line)
            seen = True
        accepted = ACCEPTED.search(line)
        if accepted:
            return Contact(version=accepted["version"])
        failure = _failure(line)
        if failure and not _is_wrong_clock(line):
            return failure
        passing = failure or passing
    if passing:
        return passing
    if seen:
        return Contact(
            reason="EnOS did not answer in time", advice="'enos-ota monitor PORT' shows more"
        )
    return Contact(
        reason="the agent is silent", advice="is it deployed? 'enos-ota doctor PORT' tells"
    )


def _failure(line: str) -> Contact | None:
    for pattern, advice in FAILURES:
        if re.search(pattern, line):
            return Contact(reason=line.partition("enos: ")[2] or line, advice=advice)
    return None


def _is_wrong_clock(line: str) -> bool:
    """Whether TLS refused a date by a clock that is off: the agent has other ways to set it, and tries them."""
    match = _CLOCK.search(line)
    if not match:
        return False
    off = date.fromisoformat(match["day"]) - datetime.now(UTC).date()
    return abs(off.days) > _OFF_DAYS
