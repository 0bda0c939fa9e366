"""What a signed release makes boards trust from then on: `enos_trust.json` in the root of its app folder.

A JSON object with any of these. Boards believe it only where the release's signature held:

    keys         digests of keys that may sign releases, beside those in the board's settings
    revoked      digests of keys, or SHA-256 of CAs (DER), that are never trusted again
    ca           names of CAs in the app folder, DER
    hosts, pins  as the settings of these names
    mqtt, http_broker, base_url, ntp   in place of the settings of these names
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from host_tools.release.errors import TrustError

NAME = "enos_trust.json"
LISTS = ("keys", "revoked", "ca", "hosts", "pins")
TEXTS = ("mqtt", "http_broker", "base_url", "ntp")
MAX_KEYS = 3
PINS = (2, 8)
LARGEST_BYTES = 4096
"""A board reads it whole, into memory that it has little of."""

Trust = dict[str, Any]
Problems = Iterator[str]

_DIGEST = re.compile(r"[0-9a-f]{64}")  # boards compare the text
# Boards copy it to their root: no other file may have that name.
_CA_NAME = re.compile(r"enos-[A-Za-z0-9_-]+\.der")
_OUR_CA = re.compile(r"enos-([0-9a-f]{8})\.der")
_HOST = r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*"
_HOST_PORT = re.compile(rf"{_HOST}(:[0-9]{{1,5}})?")
_URL = re.compile(rf"([a-z]+)://{_HOST}(:[0-9]{{1,5}})?")
_SCHEMES = {
    "mqtt": ("mqtts", "mqtt"),
    "http_broker": ("https", "http"),
    "base_url": ("https", "http"),
}
_ENTRIES: dict[str, tuple[Callable[[str], object], str]] = {
    "keys": (_DIGEST.fullmatch, "64 hex digits in lower case, the digest of a key"),
    "revoked": (_DIGEST.fullmatch, "64 hex digits in lower case, the digest of a key or a CA"),
    "pins": (
        _DIGEST.fullmatch,
        "64 hex digits in lower case, the SHA-256 of a server's public key",
    ),
    "ca": (_CA_NAME.fullmatch, "the name of a DER file beside it, like enos-1a2b3c4d.der"),
    "hosts": (_HOST_PORT.fullmatch, "a host, name or name:port"),
}


def ca_name(der: bytes) -> str:
    """Name of a CA in an app folder, by its content, like that of a CA on a board."""
    return f"enos-{hashlib.sha256(der).hexdigest()[:8]}.der"


def is_ours(name: str) -> bool:
    """Whether a name is one of `ca_name`."""
    return _OUR_CA.fullmatch(name) is not None


def ca_digest(der: bytes) -> str:
    """By what a CA is revoked."""
    return hashlib.sha256(der).hexdigest()


def parse(raw: bytes) -> Trust:
    """The object in `raw`, otherwise unchecked. Raises: `TrustError` when there is none."""
    if len(raw) > LARGEST_BYTES:
        raise TrustError(f"{NAME}: {len(raw):,} bytes, {LARGEST_BYTES:,} are allowed")
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{NAME}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise TrustError(f"{NAME}: not a JSON object")
    return found


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def dump(trust: Trust) -> bytes:
    """The file that holds `trust`, in the order of the table; nothing that is empty."""
    ordered = {key: trust[key] for key in (*LISTS, *TEXTS) if trust.get(key)}
    return json.dumps(ordered, indent=1).encode() + b"\n"


def check(trust: Trust, files: Mapping[str, bytes]) -> list[str]:
    """What is wrong with `trust` among the app folder's `files`, each in a few words that name the key."""
    problems = [
        f"{key!r} is unknown: known are {', '.join((*LISTS, *TEXTS))}"
        for key in trust
        if key not in (*LISTS, *TEXTS)
    ]
    for key in (*LISTS, *TEXTS):
        if key in trust:
            judge = _judge_list if key in LISTS else _judge_text
            problems += judge(key, trust[key])
    # How entries fit together can be told only when each is what it should be.
    return problems or [*_judge_cas(trust, files), *_judge_contradictions(trust, files)]


def _judge_list(key: str, value: Any) -> Problems:
    fits, what = _ENTRIES[key]
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        yield f"{key} must be a list of texts"
        return
    wrong = next((entry for entry in value if not fits(entry)), None)
    if wrong is not None:
        yield f"{key}: {wrong[:80]!r} is not {what}"
    elif len(set(value)) < len(value):
        yield f"{key} names one twice"
    elif key == "keys" and len(value) > MAX_KEYS:
        yield f"keys has {len(value)} entries: boards trust {MAX_KEYS} at most"
    elif key == "pins" and len(value) == 1:
        yield "pins has one only: without the pin of a spare key, a lost key locks all boards out"
    elif key == "pins" and len(value) > PINS[1]:
        yield f"pins has {len(value)} entries: boards hold {PINS[1]} at most"


def _judge_text(key: str, value: Any) -> Problems:
    if not isinstance(value, str) or not value:
        yield f"{key} must be a text; leave it out to keep the board's own"
    elif key == "ntp":
        if not re.fullmatch(_HOST, value):
            yield f"ntp: {value[:80]!r} is not the name of a host"
    else:
        match, schemes = _URL.fullmatch(value), _SCHEMES[key]
        if not match or match[1] not in schemes:
            yield f"{key} must be like {schemes[0]}://host or {schemes[0]}://host:port"


def _judge_cas(trust: Trust, files: Mapping[str, bytes]) -> Problems:
    for name in trust.get("ca", []):
        ours = _OUR_CA.fullmatch(name)
        if name not in files:
            yield f"ca: there is no {name} beside it: add it with 'enos-ota release trust --ca'"
        elif _certificate(files[name]) is None:
            yield f"ca: {name} is not a certificate in DER: 'enos-ota release trust --ca' converts it"
        elif ours and ca_digest(files[name])[:8] != ours[1]:
            yield f"ca: {name} is not the certificate that it is named after"


def _judge_contradictions(trust: Trust, files: Mapping[str, bytes]) -> Problems:
    revoked = trust.get("revoked", [])
    for digest in trust.get("keys", []):
        if digest in revoked:
            yield f"the key {digest} is both trusted and revoked"
    for name in trust.get("ca", []):
        if name in files and ca_digest(files[name]) in revoked:
            yield f"the CA {name} is both trusted and revoked"


def of_app(files: Mapping[str, bytes]) -> Trust:
    """The trust of an app folder's `files`, {} where they have none.

    Raises: `TrustError` with the first problem, an expired CA included.
    """
    if NAME not in files:
        return {}
    found = parse(files[NAME])
    problems = check(found, files) or expired(found, files)
    if problems:
        raise TrustError(f"{NAME}: {problems[0]}")
    return found


def expired(trust: Trust, files: Mapping[str, bytes]) -> list[str]:
    """CAs of a `trust` without problems that have expired, each as a problem: true from a day on."""
    found = []
    for name in trust.get("ca", []):
        certificate = _certificate(files[name])
        if certificate and certificate[1] < datetime.now(UTC):
            found.append(f"the CA {name} expired on {certificate[1]:%Y-%m-%d}: take it out of ca")
    return found


def seldom_meant(trust: Trust) -> list[str]:
    """What is allowed and seldom meant; of a `trust` without problems."""
    return [
        f"{NAME}: {key} is without TLS: only boards whose settings allow that ('plain') will use it"
        for key in _SCHEMES
        if trust.get(key, "").startswith(("mqtt:", "http:"))
    ]


def rows(trust: Trust, files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """A `trust` without problems for a table: what each key is called, and its values."""
    names = {
        "keys": "trusts keys",
        "revoked": "revokes",
        "ca": "trusts CAs",
        "hosts": "hosts",
        "pins": "pins",
    }
    found = []
    for key in LISTS:
        values = trust.get(key, [])
        if key == "ca":
            cas = [(name, _certificate(files[name]) or ("", datetime.max)) for name in values]
            values = [
                f"{name}, until {until:%Y-%m-%d}: {subject}" for name, (subject, until) in cas
            ]
        if values:
            found.append((names[key], "\n".join(values)))
    return found + [(key, trust[key]) for key in TEXTS if key in trust]


def _certificate(der: bytes) -> tuple[str, datetime] | None:
    """Subject and last day of a certificate, None where `der` is none: anybody may have made it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            found = x509.load_der_x509_certificate(der)
            subject = found.subject.rfc4514_string()
    except (ValueError, TypeError, x509.InvalidVersion):  # all three have been seen
        return None
    return "".join(c if c.isprintable() else "?" for c in subject), found.not_valid_after_utc
