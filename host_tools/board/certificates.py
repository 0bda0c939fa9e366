"""Certificates and private keys that a board is given: PEM or DER in, judged here, DER onto the board.

What does not fit together would show only in a handshake on the chip, as a refusal that names no reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from host_tools.settings import SettingsError, certificates, read_file

SOON = timedelta(days=90)
"""An end that is nearer deserves a word."""
CURVES = (ec.SECP256R1, ec.SECP384R1)
RSA_BITS = (2048, 4096)
"""What MicroPython's Mbed TLS reads and TLS 1.2 of a chip can do in a bearable time."""
_TRIES = 3
Ask = Callable[[Path], str]
"""Tells the passphrase of a file, as in `host_tools.release.keys`."""


@dataclass(frozen=True)
class Pair:
    """The board's own certificate and its private key, as DER."""

    certificate: bytes
    key: bytes = field(repr=False)
    until: datetime
    warnings: tuple[str, ...] = ()

    @property
    def ders(self) -> list[bytes]:
        """Both files: certificate, key."""
        return [self.certificate, self.key]


class PairReader:
    """Reads pairs of files. A passphrase that was typed is tried for the next keys first."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._passphrases: list[bytes] = []

    def read(self, certificate_path: Path, key_path: Path) -> Pair:
        """A certificate and the private key that belongs to it.

        Raises: SettingsError when one cannot be read, they do not belong together, the certificate has
        expired, or the chip could not use the key.
        """
        found = certificates(certificate_path)
        key = self._key(key_path)
        _check_kind(key_path, key)
        own = [each for each in found if spki(each.public_key()) == spki(key.public_key())]
        if not own:
            raise SettingsError(
                f"{key_path} is not the key of {certificate_path}: take the one that its request was made with"
            )
        certificate = own[0].public_bytes(Encoding.DER)
        warnings = _judge_certificate(certificate_path, own[0], len(found))
        der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        return Pair(certificate, der, own[0].not_valid_after_utc, tuple(warnings))

    def _key(self, path: Path) -> PrivateKeyTypes:
        content = read_file(path)
        load = load_pem_private_key if b"-----BEGIN" in content else load_der_private_key
        try:
            return load(content, None)
        except TypeError:  # how it says that it wants a passphrase
            return self._encrypted(path, load, content)
        except (ValueError, UnsupportedAlgorithm):
            raise SettingsError(
                f"{path}: not a private key: PEM or DER, as PKCS#8, PKCS#1 or SEC1"
            ) from None

    def _encrypted(
        self,
        path: Path,
        load: Callable[[bytes, bytes | None], PrivateKeyTypes],
        content: bytes,
    ) -> PrivateKeyTypes:
        typed = 0
        waiting = list(self._passphrases)
        while waiting or typed < _TRIES:
            if not waiting:
                typed += 1
                waiting = [self._ask(path).encode()]
            passphrase = waiting.pop()
            try:
                key = load(content, passphrase)
            except (TypeError, ValueError, UnsupportedAlgorithm):  # TypeError: it is empty
                continue
            if passphrase not in self._passphrases:
                self._passphrases.append(passphrase)
            return key
        raise SettingsError(f"{path}: that is not its passphrase")


def spki(key: PublicKeyTypes) -> bytes:
    """A public key as DER, as it stands in certificates: what pins are made of."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_part(key: PublicKeyTypes) -> bytes:
    """Bytes that every DER of the private key holds and no other key's: the modulus, or the point."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_numbers().n.to_bytes(-(-key.key_size // 8))
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def kind(key: PublicKeyTypes) -> str:
    """The kind of a key, such as "RSA 2048" or "EC secp256r1"."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")


def _check_kind(path: Path, key: PrivateKeyTypes) -> None:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey) and RSA_BITS[0] <= public.key_size <= RSA_BITS[1]:
        return
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, CURVES):
        return
    raise SettingsError(
        f"{path}: {kind(public)}: a board's TLS takes RSA of 2048 to 4096 bits, or EC P-256 or P-384"
    )


def _judge_certificate(path: Path, certificate: x509.Certificate, count: int) -> list[str]:
    """Warnings. Raises: SettingsError when it has expired."""
    now = datetime.now(UTC)
    until, since = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if until < now:
        raise SettingsError(
            f"{path}: expired on {until:%Y-%m-%d}: the server would refuse it; have a new one issued"
        )
    found = []
    if until < now + SOON:
        found.append(f"{path} ends on {until:%Y-%m-%d}: have the next one issued in time")
    if since > now:
        found.append(f"{path} is valid from {since:%Y-%m-%d} on: until then the server refuses it")
    if not _is_for_clients(certificate):
        found.append(f"{path} is not issued for TLS clients: most servers refuse it")
    if count > 1:
        found.append(
            f"{path} holds {count} certificates, the board shows its own alone: the server must know the others"
        )
    return found


def _is_for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    usages = ExtendedKeyUsageOID
    return bool({usages.CLIENT_AUTH, usages.ANY_EXTENDED_KEY_USAGE} & set(usage))
