"""Settings that are allowed and seldom meant."""

from __future__ import annotations

from collections.abc import Iterator

from host_tools.settings import Settings


def needs_signature(settings: Settings) -> bool:
    """Whether a board with these settings takes signed releases only."""
    wanted = settings.get("signature") or ("required" if settings.get("keys") else "off")
    return bool(wanted == "required")


def warnings_of(settings: Settings) -> list[str]:
    """What is to be said of settings that passed `check`, each a line."""
    found = []
    if settings.get("network", "wifi") == "wifi" and not settings.get("wifi"):
        found.append("wifi is empty: the board joins no network until its application does")
    if not settings.get("ntp"):
        found.append("ntp is empty: the clock starts at the build time of the release")
    return [*found, *plain_warnings(settings), *_trust_warnings(settings)]


def plain_warnings(settings: Settings) -> Iterator[str]:
    """What goes without TLS, and what follows."""
    allowed = settings.get("plain", [])
    if settings.get("mqtt", "").startswith("mqtt://"):
        yield "mqtt is without TLS: anybody on the way can command the board"
    elif "mqtt" in allowed:
        yield "plain allows mqtt without TLS, and mqtt does not need it: leave the word out"
    if "http" in allowed and needs_signature(settings):
        yield "plain allows files without TLS: anybody on the way can see them, and what is asked for"
    elif "http" in allowed:
        yield (
            "plain allows files without TLS, and no signature is required: anybody on the way can put "
            "software of his own on the board"
        )


def _trust_warnings(settings: Settings) -> Iterator[str]:
    mode = settings.get("signature", "")
    if not settings.get("keys"):
        yield "releases are not signed: whoever can publish one message owns the board"
    elif not needs_signature(settings):
        taken = "a bad signature" if mode == "off" else "no signature"
        yield f"signature is {mode}: a release with {taken} is taken, too"
    if settings.get("hosts") and not needs_signature(settings):
        yield "hosts are not used: other hosts may serve files only where a signature is required"
    if settings.get("downgrade"):
        yield "downgrade lets an old release come back, with the holes that a newer one closed"
    if not settings.get("ca") and settings.get("pins"):
        yield "ca is missing: the pins cover the hosts of mqtt and http_broker, files of others need a CA"
    elif not settings.get("ca"):
        yield "ca is missing: no https host is trusted, so that no file comes from one"
