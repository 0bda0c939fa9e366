"""A board's settings, `/enos.json`, judged on the host before they cost a board.

Names, types and defaults are the device's own, read from its source. The host is stricter: what the
device only warns of, or finds out when it connects, is refused here.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from host_tools import paths

Settings = dict[str, Any]

_TYPES: dict[type, str] = {str: "a text", int: "a whole number", list: "a list"}
_URL = re.compile(r"(?P<scheme>[a-z]+)://[^\s/:?#@]+(:\d{1,5})?")
_SCHEMES = {"mqtt": ("mqtts", "mqtt"), "http_broker": ("https",), "base_url": ("https",)}
_SIGNATURES = ("sha256", "sha1")


class SettingsError(Exception):
    """Settings or a CA cannot be used; the text is one line and says what to do."""


@lru_cache(maxsize=1)
def _device() -> dict[str, Any]:
    """The names in the device's `config.py`, run here without the log that it imports."""
    source = paths.DEVICE / "enos_ota" / "config.py"
    tree = ast.parse(source.read_bytes())
    tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom)]
    names: dict[str, Any] = {"log": lambda level, text: None}
    exec(compile(tree, str(source), "exec"), names)
    return names


def defaults() -> Settings:
    """Every key that the device knows with its default, whose type is the key's."""
    return dict(_device()["_DEFAULTS"])


def required() -> tuple[str, ...]:
    """The keys without which the device does not start."""
    return tuple(_device()["_REQUIRED"])


def load(path: Path) -> Settings:
    """Read a JSON object of settings, unchecked. Raises: SettingsError."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: not a JSON object")
    return found


def check(settings: Settings) -> list[str]:
    """What is wrong, each in a few words that name the key and show no value; empty when all is well."""
    known = defaults()
    found = [unknown(key) for key in settings if key not in known]
    for key, default in known.items():
        value = settings.get(key, default)
        if type(value) is not type(default):
            found.append(f"{key} must be {_TYPES[type(default)]}")
        elif not value and key in required():
            found.append(f"{key} is missing")
        elif isinstance(value, int) and value < 0:
            found.append(f"{key} must not be negative")
        elif value:
            found += [f"{key} {problem}" for problem in _judge(key, value)]
    if not settings.get("ca"):
        found.append("ca is missing: without a CA the board trusts nothing and connects to nothing")
    return found or _refused(settings)


def _refused(settings: Settings) -> list[str]:
    """What the device itself would say, whatever rules it has by now."""
    try:
        _device()["check"](settings)
    except ValueError as error:
        return [str(error)]
    return []


def warnings(settings: Settings) -> list[str]:
    """What is allowed and seldom meant; of settings that passed `check`."""
    found = []
    if settings.get("network", "wifi") == "wifi" and not settings.get("wifi"):
        found.append("wifi is empty: the board joins no network until its application does")
    if not settings.get("ntp"):
        found.append("ntp is empty: the clock starts at the build time of the release")
    if settings.get("mqtt", "").startswith("mqtt://"):
        found.append("mqtt is without TLS: anybody on the way can command the board")
    return found


def unknown(key: str) -> str:
    """What to say of a key that the device does not know."""
    near = difflib.get_close_matches(key, defaults(), n=1)
    hint = f": did you mean {near[0]}?" if near else ", known are " + ", ".join(defaults())
    return f"{key!r} is no setting" + hint


def _judge(key: str, value: Any) -> Iterator[str]:
    """Problems of a value that is there and has the right type."""
    if key in _SCHEMES:
        match = _URL.fullmatch(value)
        if not match or match["scheme"] not in _SCHEMES[key]:
            yield f"must be like {_SCHEMES[key][0]}://host or {_SCHEMES[key][0]}://host:port"
    if key == "file_sign" and value not in _SIGNATURES:
        yield "must be " + " or ".join(_SIGNATURES)
    if key in _ENTRIES:
        fits, what = _ENTRIES[key]
        if not all(map(fits, value)):
            yield f"must be a list of {what}"


def _is_network(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) <= {"ssid", "password"}
        and bool(entry.get("ssid"))
        and all(isinstance(value, str) for value in entry.values())
    )


def _is_text(entry: Any) -> bool:
    return isinstance(entry, str) and bool(entry)


_ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "wifi": (_is_network, 'networks, {"ssid": "…", "password": "…"}'),
    "ca": (lambda entry: _is_text(entry) and entry[0] == "/", "paths on the board, like /ca.der"),
    "hosts": (lambda entry: _is_text(entry) and "/" not in entry, "hosts, name or name:port"),
}


def ca_der(path: Path) -> list[bytes]:
    """The certificates in a PEM or DER file, each as DER, which every MicroPython reads.

    Raises: SettingsError when the file holds none, or one that has expired.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None
    try:
        if b"-----BEGIN" in content:
            found = x509.load_pem_x509_certificates(content)
        else:
            found = [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise SettingsError(f"{path}: not a certificate, neither PEM nor DER") from None
    for certificate in found:
        if certificate.not_valid_after_utc < datetime.now(UTC):
            raise SettingsError(
                f"{path}: the CA {certificate.subject.rfc4514_string()} expired on "
                f"{certificate.not_valid_after_utc:%Y-%m-%d}: a board would refuse every server"
            )
    return [certificate.public_bytes(Encoding.DER) for certificate in found]
