"""Add to what an app folder makes boards trust: its `enos_trust.json`, and the CAs beside it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from host_tools import settings
from host_tools.release import keys, trust
from host_tools.release.errors import ReleaseError, TrustError
from host_tools.release.make import read_file, write_atomically
from host_tools.release.trust import Trust


@dataclass(frozen=True)
class Additions:
    """What to add: digests in lower-case hex, CAs as DER, and texts that replace those of the same name."""

    keys: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    cas: tuple[bytes, ...] = ()
    hosts: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)


def load(folder: Path) -> tuple[Trust, dict[str, bytes]]:
    """The trust of an app folder, unchecked, and the files that it names; {} where it has none.

    Raises: `ReleaseError` when it is no folder, or the file cannot be read.
    """
    if not folder.is_dir():
        raise TrustError(f"{folder}: not a folder")
    path = folder / trust.NAME
    if not path.exists():
        return {}, {}
    try:
        found = trust.parse(read_file(path))
    except TrustError as error:
        raise TrustError(f"{folder}/{error}") from None
    names = found.get("ca", [])
    texts = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    paths = {name: folder / name for name in texts if "/" not in name}
    return found, {name: read_file(path) for name, path in paths.items() if path.is_file()}


def update(folder: Path, new: Additions) -> tuple[Trust, dict[str, bytes]]:
    """Write what `folder` trusts with `new` added; what is revoked is trusted no longer.

    Raises: `ReleaseError`, before anything is written, when that makes no sense.
    """
    old, files = load(folder)
    problems = trust.check(old, files)
    if problems:
        raise TrustError(f"{folder / trust.NAME}: {problems[0]}")
    merged = _merged(old, files, new)
    added = {trust.ca_name(der): der for der in new.cas}
    files |= added
    problems = trust.check(merged, files) or trust.expired(merged, files)
    if problems:
        raise TrustError(f"{folder}: {problems[0]}")
    for name, der in added.items():
        write_atomically(folder / name, der)
    write_atomically(folder / trust.NAME, trust.dump(merged))
    for name in set(old.get("ca", [])) - set(merged["ca"]):
        if trust.is_ours(name):
            (folder / name).unlink(missing_ok=True)
    return merged, files


def _merged(old: Trust, files: dict[str, bytes], new: Additions) -> Trust:
    additions = {
        "keys": new.keys,
        "revoked": new.revoked,
        "ca": tuple(trust.ca_name(der) for der in new.cas),
        "hosts": new.hosts,
        "pins": new.pins,
    }
    revoked = new.revoked
    kept: Trust = {key: old.get(key, []) for key in trust.LISTS}
    kept["keys"] = [digest for digest in kept["keys"] if digest not in revoked]
    kept["ca"] = [name for name in kept["ca"] if trust.ca_digest(files[name]) not in revoked]
    merged: Trust = {key: list(dict.fromkeys((*kept[key], *additions[key]))) for key in trust.LISTS}
    texts = {key: value for key, value in old.items() if key in trust.TEXTS} | new.texts
    return merged | texts


def revocations(text: str, ask: keys.Ask) -> list[str]:
    """What `text` revokes, in hex: a digest, the key in a file, or the CAs in one. Raises: `ReleaseError`."""
    path = Path(text)
    if path.is_file():
        # Not settings.ca_der: what has expired can be revoked.
        with contextlib.suppress(settings.SettingsError):
            found = settings.certificates(path)
            return [trust.ca_digest(one.public_bytes(Encoding.DER)) for one in found]
    return [keys.digest_of(text, ask).hex()]


def cas(path: Path) -> list[bytes]:
    """The CAs in a PEM or DER file, as DER. Raises: `ReleaseError`."""
    try:
        return settings.ca_der(path)
    except settings.SettingsError as error:
        raise ReleaseError(str(error)) from None
