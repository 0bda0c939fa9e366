"""Signing keys as files: made, read, and told apart from what they are often confused with."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from host_tools.release import signature
from host_tools.release.errors import KeyFileError, SignatureError
from host_tools.release.make import read_file

Ask = Callable[[Path], str]
"""Returns the passphrase of a key file: called only when there is one."""

_THERE = "is there already, and a key is never overwritten"
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


def generate() -> rsa.RSAPrivateKey:
    """Return a new signing key."""
    return rsa.generate_private_key(signature.EXPONENT, signature.KEY_BITS)


def public_path(path: Path) -> Path:
    """Where the public key of a private key file goes: `key.pub.pem` beside `key.pem`."""
    return path.with_name(path.name.removesuffix(".pem") + ".pub.pem")


def refuse_existing(path: Path) -> None:
    """Raises: `KeyFileError` where `write_pair` would: before a passphrase is typed for nothing."""
    for there in (path, public_path(path)):
        if there.exists():
            raise KeyFileError(f"{there}: {_THERE}")


def write_pair(key: rsa.RSAPrivateKey, path: Path, passphrase: str = "") -> None:
    """Write the private key, for its owner only, and the public one beside it; nothing is overwritten.

    Raises: `KeyFileError` when either file is there already, or cannot be written.
    """
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write_new(path, private, 0o600)
    try:
        _write_new(public_path(path), public, 0o644)
    except KeyFileError:
        path.unlink()  # of no use yet, and in the way of the next attempt
        raise


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not be there yet, whole or not at all."""
    _take(path)
    temporary = None
    try:
        # Its mode is 0600 from the beginning.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".key-", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        for left in (temporary, path):
            if left is not None:
                with contextlib.suppress(OSError):
                    left.unlink()
        raise KeyFileError(f"{path}: cannot be written: {error.strerror or error}") from None


def _take(path: Path) -> None:
    # Two that make a key at the same time must not end with one file of each.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror or error}") from None
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise KeyFileError(f"{path}: {_THERE}") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror or error}") from None


def load_private(path: Path, ask: Ask) -> rsa.RSAPrivateKey:
    """Read a private key that boards verify, asking for a passphrase only where there is one.

    Raises: `KeyFileError` that says what the file is instead.
    """
    raw = read_file(path)
    if b"PUBLIC KEY-----" in raw:
        raise KeyFileError(f"{path}: a public key: only the private one of the pair can sign")
    key = _private(path, raw, ask)
    _refuse_unusable(path, key)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def load_public(path: Path, ask: Ask) -> rsa.RSAPublicKey:
    """Read a public key that boards verify, or that of a private one. Raises: `KeyFileError`."""
    raw = read_file(path)
    if b"PUBLIC KEY-----" not in raw:
        key: object = _private(path, raw, ask)
        _refuse_unusable(path, key)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key.public_key()
    try:
        key = serialization.load_pem_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path}: damaged: not a public key in PEM") from None
    _refuse_unusable(path, key)
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def digest_of(text: str, ask: Ask) -> bytes:
    """The digest that `text` is, in hex, or that of the key in the file that it names.

    Raises: `KeyFileError`.
    """
    if _DIGEST.fullmatch(text):
        return bytes.fromhex(text)
    path = Path(text)
    if not path.exists():
        raise KeyFileError(f"{text}: neither a file nor the 64 hex digits of a key's digest")
    return signature.key_digest(load_public(path, ask))


def _private(path: Path, raw: bytes, ask: Ask) -> object:
    if b"-----BEGIN CERTIFICATE" in raw:
        raise KeyFileError(f"{path}: a certificate, not a key")
    try:
        try:
            return serialization.load_pem_private_key(raw, None)
        except TypeError:  # there is a passphrase
            passphrase = ask(path).encode()
        return serialization.load_pem_private_key(raw, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        if b"ENCRYPTED" in raw:
            raise KeyFileError(f"{path}: the passphrase is wrong, or the file is damaged") from None
        raise KeyFileError(
            f"{path}: not a key in PEM: make one with 'enos-ota release keygen'"
        ) from None


def _refuse_unusable(path: Path, key: object) -> None:
    try:
        signature.check_key(key)
    except SignatureError as error:
        raise KeyFileError(f"{path}: {error}") from None
