"""Whom a board trusts, how long that lasts, and what it shows of itself."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509

from host_tools import settings as rules
from host_tools.board.certificates import SOON, kind, public_part
from host_tools.board.doctor.finding import BLOCKER, OK, WARNING, Facts, Finding
from host_tools.board.port import Port
from host_tools.board.settings_warnings import plain_warnings
from host_tools.settings import SECRETS, Settings

PROVISION = "run 'enos-ota provision PORT"
SLOW_S = 30
SHOWN_DIGITS = 8
"""Of a digest: enough to tell a handful of keys apart."""


def look(port: Port) -> Facts | None:
    """What trust rests on, of an attached board; None where there are no settings. Raises: BoardError."""
    port.load("trust")
    hidden = (*SECRETS, "wifi")
    shown = [name for name in rules.defaults() if name not in hidden]
    found = port.call("trust", shown, list(SECRETS), timeout_s=SLOW_S)
    if found is None:
        return None
    settings, files, knows_signatures = found
    if knows_signatures is not False:
        settings = extended(settings, files)
    facts: Facts = {"settings": settings, "knows_signatures": knows_signatures}
    typed = _typed(settings)
    facts["ca"] = [
        describe(path, _content(port, path)) for path in typed["ca"] if isinstance(path, str)
    ]
    facts["cert"] = facts["key"] = None
    if typed["cert"]:
        der = _content(port, typed["cert"])
        facts["cert"] = describe(typed["cert"], der)
        certificate = _parsed(der)
        part = public_part(certificate.public_key()) if certificate else b""
        facts["key"] = port.call("holds", typed["key"], part.hex(), timeout_s=SLOW_S)
    return facts


def extended(settings: Settings, files: Mapping[str, str]) -> Settings:
    """The settings with what releases add to them, as this checkout's agent reads `files` of the board."""

    def opened(path: str) -> io.StringIO:
        if path not in files:
            raise FileNotFoundError(path)
        return io.StringIO(files[path])

    return dict(rules.device_names("trust", open=opened)["extended"](settings))


def _typed(settings: Settings) -> Settings:
    """All settings; the default where one is missing, or of another type than the agent takes."""
    known = rules.defaults()
    return known | {k: v for k, v in settings.items() if k in known and type(v) is type(known[k])}


def _content(port: Port, path: str) -> bytes | None:
    text = port.call("content", path, timeout_s=SLOW_S)
    return None if text is None else base64.b64decode(text)


def _parsed(der: bytes | None) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der or b"")
    except ValueError:
        return None


def describe(path: str, der: bytes | None) -> dict[str, str]:
    """What a file on the board holds, None where there is no such file; for people and for JSON."""
    certificate = _parsed(der)
    if der is None or certificate is None:
        return {
            "path": path,
            "problem": "is not there" if der is None else "is no certificate in DER",
        }
    return {
        "path": path,
        "subject": certificate.subject.rfc4514_string(),
        "until": certificate.not_valid_after_utc.isoformat(),
        "key": kind(certificate.public_key()),
        "sha256": hashlib.sha256(der).hexdigest(),
    }


def checks(facts: Facts) -> list[Finding]:
    """Findings about trust, in the order they are shown; none for a board without settings."""
    trust = facts.get("trust")
    if not trust:
        return []
    if isinstance(trust, str):
        return [Finding("trust", WARNING, f"cannot be told: {trust}", "run doctor again")]
    settings = _typed(trust["settings"])
    return [
        *_refused(trust["settings"]),
        *_cas(trust, settings),
        *_own(trust, settings),
        *_signatures(trust, settings),
        *_plain(settings),
    ]


def _refused(settings: Settings) -> Iterator[Finding]:
    for problem in rules.refused(settings):
        yield Finding("settings", BLOCKER, f"the agent refuses them: {problem}", f"{PROVISION}'")


def _cas(trust: Facts, settings: Settings) -> Iterator[Finding]:
    pins = len(settings["pins"])
    if pins:
        text = f"the broker is known by {pins} public keys, without a CA or a clock"
        yield Finding("pins", OK, text)
    revoked = [digest.lower() for digest in settings["revoked"] if isinstance(digest, str)]
    judged = [(ca, *_judge(ca, revoked)) for ca in trust["ca"]]
    # A CA that cannot be used is no loss where others can, or none is needed.
    is_needed = not pins and not settings["mqtt"].startswith("mqtt://")
    is_lost = all(level == BLOCKER for _, level, _ in judged)
    worst = BLOCKER if is_needed and is_lost else WARNING
    advice = f"{PROVISION} --ca FILE'"
    for ca, found, text in judged:
        level = worst if found == BLOCKER else found
        yield Finding("CA", level, f"{ca['path']}: {text}", "" if level == OK else advice)
    if not judged:
        text = (
            "trusts nothing and connects to nothing"
            if is_needed
            else "gets no file from an https host"
        )
        where = " but those that the pins cover" if pins else ""
        yield Finding("CA", worst, f"none: the board {text}{where}", advice)


def _judge(found: dict[str, str], revoked: Sequence[str] = ()) -> tuple[str, str]:
    """Level and text for a certificate, by its dates."""
    if "problem" in found:
        return BLOCKER, found["problem"]
    until = datetime.fromisoformat(found["until"])
    left = until - datetime.now(UTC)
    text = f"{found['subject']}, {found['key']}, until {until:%Y-%m-%d}"
    if found["sha256"] in revoked:
        return BLOCKER, f"{text}: it is revoked"
    if left.total_seconds() < 0:
        return BLOCKER, f"{text}: it has expired"
    return (WARNING, f"{text}: {left.days} days are left") if left < SOON else (OK, text)


def _own(trust: Facts, settings: Settings) -> Iterator[Finding]:
    if not trust["cert"]:
        return
    level, text = _judge(trust["cert"])
    if trust["key"] is None:
        level, text = BLOCKER, f"{text}; its key {settings['key']} is not there"
    elif not trust["key"] and "problem" not in trust["cert"]:
        level, text = BLOCKER, f"{text}; {settings['key']} is not its key"
    advice = "" if level == OK else f"{PROVISION} --cert FILE --key-file FILE'"
    yield Finding("certificate", level, f"{trust['cert']['path']}: {text}", advice)


def _signatures(trust: Facts, settings: Settings) -> Iterator[Finding]:
    advice = f"{PROVISION} --signing-key FILE'"
    keys = [str(digest)[:SHOWN_DIGITS] for digest in settings["keys"]]
    shown = "keys " + ", ".join(keys)
    mode = settings["signature"] or ("required" if keys else "off")
    if not keys:
        text = "releases are not signed: whoever can publish one message owns the board"
        yield Finding("signatures", WARNING, text, advice)
    elif trust["knows_signatures"] is False:
        text = f"{shown}; but the agent on the board is older than signatures: it takes anything"
        yield Finding("signatures", WARNING, text, "upgrade it, or run 'enos-ota deploy PORT'")
    elif mode == "required":
        yield Finding("signatures", OK, f"required; {shown}")
    else:
        taken = "a bad signature" if mode == "off" else "no signature"
        text = f"{mode}: a release with {taken} is taken, too; {shown}"
        yield Finding("signatures", WARNING, text, f"{PROVISION} --set signature=required'")
    if settings["downgrade"]:
        text = "an old release may come back, with the holes that a newer one closed"
        yield Finding("downgrade", WARNING, text, f"{PROVISION} --set downgrade=false'")


def _plain(settings: Settings) -> Iterator[Finding]:
    advice = f"take mqtts:// and https://, and {PROVISION} --set plain=[]'"
    for text in plain_warnings(settings):
        yield Finding("without TLS", WARNING, text, advice)
