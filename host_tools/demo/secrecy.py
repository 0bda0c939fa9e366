"""Whether a secret of the board ever reached its console, a message, or the stand-in's log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

NAMES = ("device_secret", "secret_key", "access_key")
_SESSION = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
"""Session ids of the stand-in's HTTP side are UUIDs of version 4."""
_HIDDEN = "(a secret)"


class SecretLeakError(AssertionError):
    """A secret was printed or sent; the text says where, and hides it."""


def secrets_of(settings: Mapping[str, Any]) -> list[str]:
    """The values in a board's settings that nobody may see."""
    values = [settings.get(name) for name in NAMES]
    values += [network.get("password") for network in settings.get("wifi", [])]
    return [value for value in values if value]


def leaks(texts: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """The texts that hold a secret or a session id, with that hidden."""
    known = list(secrets)
    found = []
    for text in texts:
        shown = _SESSION.sub(_HIDDEN, text)
        for secret in known:
            shown = shown.replace(secret, _HIDDEN)
        if shown != text:
            found.append(shown)
    return found
