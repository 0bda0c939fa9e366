"""What the stand-in tells an operator: one line of bounded length that steers no terminal."""

from __future__ import annotations

import re

LINE_LIMIT = 400
HIDDEN = "(hidden)"
# Sessions of the HTTP broker, secrets and signatures: clients put them where they do not belong,
# into a path or a topic.
_SECRET = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-f])([0-9a-f]{32}){1,2}(?![0-9a-f])",
    re.IGNORECASE,
)


def printable(text: str, limit: int | None = None) -> str:
    """Text that a device chose, with nothing in it that steers a terminal."""
    return "".join(mark if mark.isprintable() else "?" for mark in text[:limit])


def line(text: str) -> str:
    """An event as it is told: printable, short, without what looks like a secret."""
    return printable(_SECRET.sub(HIDDEN, text), LINE_LIMIT)
