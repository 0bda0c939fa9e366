"""Sign releases, judge whose signatures they carry, and say what is seldom meant."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from host_tools.release import signature, trust
from host_tools.release.check import Checked, check_release
from host_tools.release.errors import ReleaseError, SignatureError
from host_tools.release.record import ReleaseRecord
from host_tools.release.trust import Trust


@dataclass(frozen=True)
class Signed:
    """A file just signed; its digests are no longer those that it had before."""

    data: bytes
    version: str
    """Of its record, "" where it is a VM image alone."""
    sequence: int
    signed_by: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For `--json`, without the bytes."""
        return {
            "size": len(self.data),
            "md5": hashlib.md5(self.data, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "version": self.version,
            "sequence": self.sequence,
            "signed_by": list(self.signed_by),
            "warnings": list(self.warnings),
        }


def sign(data: bytes, keys: Sequence[RSAPrivateKey]) -> bytes:
    """Return `data` signed by each of `keys`, three at most. Raises: `SignatureError`."""
    for number, key in enumerate(keys):
        data = (
            signature.append_signature(data, key) if number else signature.sign_release(data, key)
        )
    return data


def sign_again(
    data: bytes, keys: Sequence[RSAPrivateKey], slot_size: int, *, append: bool, replace: bool
) -> Signed:
    """Sign what is in a file, if it is sound: a release, or a VM image alone.

    Raises: `ReleaseError`.
    """
    if replace:
        data = signature.split(data)[0]
    checked = check_release(data)
    if checked.problems:
        raise SignatureError(f"not signed, since it is damaged: {checked.problems[0]}")
    if append:
        for key in keys:
            data = signature.append_signature(data, key)
    else:
        data = sign(data, keys)
    if len(data) > slot_size:
        raise SignatureError(
            f"signed it is {len(data):,} bytes, {len(data) - slot_size:,} more than a slot of {slot_size:,}"
        )
    signers = [*(block.key_digest.hex() for block in checked.signatures), *digests(keys)]
    entry = checked.record
    warned = warnings_of(entry, checked.trust, signers)
    version, sequence = (entry.version, entry.sequence) if entry else ("", 0)
    return Signed(data, version, sequence, tuple(signers), tuple(warned))


def digests(keys: Sequence[RSAPrivateKey]) -> tuple[str, ...]:
    """The digests of `keys`, in hex."""
    return tuple(signature.key_digest(key.public_key()).hex() for key in keys)


def verify(data: bytes, trusted: Collection[bytes]) -> tuple[Checked, list[str]]:
    """Which of the `trusted` key digests, in hex, signed this file, if all of it is sound.

    Raises: `ReleaseError` that says why none did.
    """
    checked = check_release(data)
    if not checked.is_plain and checked.record is None:
        raise ReleaseError("it is neither a release nor a VM image alone")
    if checked.problems:
        raise ReleaseError(checked.problems[0])
    signers = [block.key_digest for block in checked.signatures]
    if not signers:
        raise SignatureError("it is not signed")
    found = [digest.hex() for digest in signers if digest in trusted]
    if not found:
        others = " and ".join(digest.hex() for digest in signers)
        raise SignatureError(f"it is signed by {others}, none of the keys given")
    return checked, found


def warnings_of(entry: ReleaseRecord | None, trusted: Trust, signed_by: Sequence[str]) -> list[str]:
    """What is allowed and seldom meant: of a record and a trust, signed by keys of these digests."""
    found = trust.seldom_meant(trusted)
    found += [
        f"{trust.NAME} revokes the key {digest[:8]}…, which signs this very release: boards that run it "
        "take nothing more that only this key signed"
        for digest in signed_by
        if digest in trusted.get("revoked", [])
    ]
    if trusted and not signed_by:
        found.append(
            f"{trust.NAME} is in an unsigned release: who can change that can change whom boards trust"
        )
    if signed_by and entry and entry.sequence == 0:
        found.append("sequence 0: boards cannot tell it from an older release; count from 1 on")
    return found
