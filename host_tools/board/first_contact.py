"""Watch a board that was just provisioned until EnOS knows it, or until it is clear why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

ACCEPTED = re.compile(r"enos: EnOS knows version (?P<version>.+)")
_ENOS_CODES = (
    "compare product key, device key and device secret with the device's page in the EnOS console "
    "(EnOS calls a wrong one 742, an unknown device 705); where the product demands certificates (746), "
    "allow secret-based login"
)
FAILURES = (
    (r"login refused: CONNACK", _ENOS_CODES),
    (r"subscription refused", "the account may not use the OTA topics: is it the device's own secret?"),
    (r"Wi-Fi: no configured network", "check name and password; the chip knows 2.4 GHz only"),
    (r"TLS refused.*future", "the board's clock is behind: --set ntp=HOST, of a server that it can reach"),
    (r"TLS refused.*expired", "renew the server's certificate, or look at the clock (year in brackets)"),
    (r"TLS refused.*[Nn]ame", "the host in mqtt is not the one in the server's certificate"),
    (r"TLS refused", "give --ca the certificate that signed the server's: EnOS has a private root"),
    (r"enos: CA /", "provision again with --ca"),
    (r"not enough memory for a TLS session", "less memory for the application: see 'enos-ota doctor'"),
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
    for line in lines:
        if "enos:" in line or "main:" in line:
            show(line)
            seen = True
        accepted = ACCEPTED.search(line)
        if accepted:
            return Contact(version=accepted["version"])
        for pattern, advice in FAILURES:
            if re.search(pattern, line):
                return Contact(reason=line.partition("enos: ")[2] or line, advice=advice)
    if seen:
        return Contact(
            reason="EnOS did not answer in time", advice="'enos-ota monitor PORT' shows more"
        )
    return Contact(
        reason="the agent is silent", advice="is it deployed? 'enos-ota doctor PORT' tells"
    )
