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

_TYPES: dict[type, str] = {
    str: "a text", int: "a whole number", list: "a list", bool: "true or false",
}  # fmt: skip
_URL = re.compile(r"(?P<scheme>[a-z]+)://[^\s/:?#@]+(:\d{1,5})?")
_SCHEMES = {
    "mqtt": ("mqtts", "mqtt"),
    "http_broker": ("https", "http"),
    "base_url": ("https", "http"),
}
_PLAIN = ("mqtt", "http")
"""The schemes without TLS, and the words in `plain` that allow them."""
_CHOICES = {
    "file_sign": ("sha256", "sha1"),
    "network": ("wifi", "hook", "external"),
    "signature": ("required", "if_present", "off"),
}
_MOST_DIGESTS = {"keys": 3, "pins": 8, "revoked": 32}
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_ONE_PIN = (
    "must be two at least, that of the server's key and that of a spare one for its next certificate: with "
    "one alone, the day the server's key changes cuts the board off for good"
)
SECRETS = ("device_secret", "access_key", "secret_key")
"""Keys whose values are never shown; of `wifi`, the passwords."""


class SettingsError(Exception):
    """Settings, a certificate or a key cannot be used; the text is one line and says what to do."""


def device_names(module: str, **given: Any) -> dict[str, Any]:
    """The names in a module of the device, run here; `given` take the place of names that it knows already.

    What it imports by name, from MicroPython or the agent, is not there but for `log` and `const`.
    """
    source = paths.DEVICE / "enos_ota" / f"{module}.py"
    tree = ast.parse(source.read_bytes())
    tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom)]
    names = {"log": lambda level, text: None, "const": lambda value: value, **given}
    exec(compile(tree, str(source), "exec"), names)
    return names


@lru_cache(maxsize=1)
def _device() -> dict[str, Any]:
    return device_names("config")


def defaults() -> Settings:
    """Every key that the device knows with its default, whose type is the key's."""
    return dict(_device()["_DEFAULTS"])


def required() -> tuple[str, ...]:
    """The keys without which the device does not start."""
    return tuple(_device()["_REQUIRED"])


def load(path: Path) -> Settings:
    """Read a JSON object of settings, unchecked. Raises: SettingsError."""
    try:
        found = json.loads(read_file(path))
    except ValueError as error:
        raise SettingsError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingsError(f"{path}: not a JSON object")
    return found


def check(settings: Settings) -> list[str]:
    """What is wrong, each in a few words that name the key and show no value; empty when all is well."""
    known = defaults()
    found = [unknown(key) for key in settings if key not in known]
    typed: Settings = {}
    """What has the right type: enough for a look at several settings at once."""
    for key, default in known.items():
        value = settings.get(key, default)
        if type(value) is not type(default):  # True is an int, too
            found.append(f"{key} must be {_TYPES[type(default)]}")
            continue
        typed[key] = value
        if not value and key in required():
            found.append(f"{key} is missing")
        elif isinstance(value, int) and value < 0:
            found.append(f"{key} must not be negative")
        elif value:
            found += [f"{key} {problem}" for problem in _judge(key, value)]
    found += _judge_together(known | typed)
    return found or refused(settings)


def refused(settings: Settings) -> list[str]:
    """What the device itself would say, whatever rules it has by now."""
    try:
        _device()["check"](settings)
    except ValueError as error:
        return [str(error)]
    return []


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
    if key in _CHOICES and value not in _CHOICES[key]:
        *most, last = _CHOICES[key]
        yield f"must be {', '.join(most)} or {last}"
    if key in _ENTRIES:
        fits, what = _ENTRIES[key]
        if not all(map(fits, value)):
            yield f"must be a list of {what}"
        elif key in _MOST_DIGESTS:
            yield from _judge_digests(key, value)
    if key in ("cert", "key") and value[0] != "/":
        yield "must be a path on the board, like /client.der"


def _judge_digests(key: str, value: list[str]) -> Iterator[str]:
    if len({entry.lower() for entry in value}) < len(value):
        yield "must not hold one digest twice"
    elif len(value) > _MOST_DIGESTS[key]:
        yield f"must be {_MOST_DIGESTS[key]} at most"
    elif key == "pins" and len(value) < 2:
        yield _ONE_PIN


def _judge_together(settings: Settings) -> Iterator[str]:
    """Problems of settings that are all there and of the right type, but do not go with each other."""
    for key in _SCHEMES:
        scheme = settings[key].partition("://")[0]
        if scheme in _PLAIN and scheme not in settings["plain"]:
            yield f'{key} is without TLS: take {scheme}s://, or put "{scheme}" into plain to say it is meant'
    for key, other in (("cert", "key"), ("key", "cert")):
        if settings[key] and not settings[other]:
            yield f"{key} needs {other}: the board shows both or none"
    if settings["signature"] == "required" and not settings["keys"]:
        yield "signature is required, but there are no keys: no release would ever be taken"
    keys, revoked = ({str(entry).lower() for entry in settings[key]} for key in ("keys", "revoked"))
    if keys and keys <= revoked:
        yield "keys are all revoked: no release would ever be taken"
    needs_ca = not settings["pins"] and not settings["mqtt"].startswith("mqtt://")
    if needs_ca and not settings["ca"]:
        yield "ca is missing: without a CA the board trusts nothing and connects to nothing: give --ca"


def _is_network(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) <= {"ssid", "password"}
        and bool(entry.get("ssid"))
        and all(isinstance(value, str) for value in entry.values())
    )


def _is_text(entry: Any) -> bool:
    return isinstance(entry, str) and bool(entry)


def _is_digest(entry: Any) -> bool:
    return isinstance(entry, str) and _DIGEST.fullmatch(entry) is not None


_ENTRIES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "wifi": (_is_network, 'networks, {"ssid": "…", "password": "…"}'),
    "ca": (lambda entry: _is_text(entry) and entry[0] == "/", "paths on the board, like /ca.der"),
    "hosts": (lambda entry: _is_text(entry) and "/" not in entry, "hosts, name or name:port"),
    "keys": (_is_digest, "SHA-256 digests in hex, of the keys that may sign releases"),
    "pins": (_is_digest, "SHA-256 digests in hex, of the server's public key and a spare one"),
    "revoked": (_is_digest, "SHA-256 digests in hex, of keys and CAs that are not trusted"),
    "plain": (lambda entry: entry in _PLAIN, 'the words "mqtt" and "http"'),
}


def read_file(path: Path) -> bytes:
    """The file's content. Raises: SettingsError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from None


def certificates(path: Path) -> list[x509.Certificate]:
    """The certificates in a PEM or DER file. Raises: SettingsError when it holds none."""
    content = read_file(path)
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise SettingsError(f"{path}: not a certificate, neither PEM nor DER") from None


def ca_der(path: Path) -> list[bytes]:
    """The certificates in a PEM or DER file, each as DER, which every MicroPython reads.

    Raises: SettingsError when the file holds none, or one that has expired.
    """
    found = certificates(path)
    for certificate in found:
        if certificate.not_valid_after_utc < datetime.now(UTC):
            raise SettingsError(
                f"{path}: the CA {certificate.subject.rfc4514_string()} expired on "
                f"{certificate.not_valid_after_utc:%Y-%m-%d}: a board would refuse every server"
            )
    return [certificate.public_bytes(Encoding.DER) for certificate in found]
