"""Certificates: those of authorities and of servers (EC P-256), and the files that hold them."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .private import write_private

# Boards come with a clock that may be a few hours off.
BACKDATED = dt.timedelta(days=1)
CA_LIFETIME = dt.timedelta(days=3650)
SERVER_LIFETIME = dt.timedelta(days=825)
RENEW_BEFORE = dt.timedelta(days=30)
Span = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True)
class Authority:
    """A certification authority that can sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_id(self) -> x509.SubjectKeyIdentifier:
        """What its certificate calls its key."""
        return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value

    def impostor(self) -> Authority:
        """Another one that has its names, and not its key."""
        (name,) = self.certificate.subject
        return make_authority(str(name.value), self.key_id)

    def sign(
        self,
        subject: x509.Name,
        public_key: CertificatePublicKeyTypes,
        span: Span,
        extensions: list[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        """A certificate of `public_key` for `subject`; `extensions` are (extension, critical)."""
        builder = _builder(subject, self.certificate.subject, public_key, span)
        extensions = [(x509.BasicConstraints(ca=False, path_length=None), True), *extensions]
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        own = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.key_id)
        return builder.add_extension(own, critical=False).sign(self.key, hashes.SHA256())


def authority(folder: Path, stem: str, common_name: str) -> Authority:
    """The authority in `STEM.key` and `STEM.der`, made where it is missing; once made it stays.

    Boards hold its certificate.
    """
    key_file, der_file = folder / f"{stem}.key", folder / f"{stem}.der"
    if key_file.exists() and der_file.exists():
        certificate = x509.load_der_x509_certificate(der_file.read_bytes())
        return Authority(certificate, private_key(key_file))
    made = make_authority(common_name)
    _write_key(key_file, made.key)
    write_private(der_file, made.der)
    return made


def make_authority(common_name: str, key_id: x509.SubjectKeyIdentifier | None = None) -> Authority:
    """A new authority, in memory only."""
    key = new_key()
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    name = _name(common_name)
    own = key_id or x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        _builder(name, name, key.public_key(), lasting(CA_LIFETIME))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(own, critical=False)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def make_server(
    ca: Authority, key: ec.EllipticCurvePrivateKey, hostname: str, span: Span | None = None
) -> x509.Certificate:
    """Certificate of a server's `key` for `hostname`, from now on unless `span` says otherwise."""
    names = x509.SubjectAlternativeName([x509.DNSName(hostname)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    extensions: list[tuple[x509.ExtensionType, bool]] = [(names, False), (usage, False)]
    span = span or lasting(SERVER_LIFETIME)
    return ca.sign(_name(hostname), key.public_key(), span, extensions)


def ensure(home: Path, hostname: str) -> tuple[Authority, ec.EllipticCurvePrivateKey]:
    """The first authority and the server's key in `home`; makes what is missing or outdated.

    `ca.key`, `ca.der` and `server.key` once made are kept: boards hold the certificate, or the pin.
    `server.pem` is made again when it is about to expire, names another host or does not fit.
    """
    ca, key = authority(home, "ca", "EnOS stand-in CA"), private_key(home / "server.key")
    path = home / "server.pem"
    if not path.exists() or not _still_good(path, ca, key, hostname):
        made = make_server(ca, key, hostname)
        write_private(path, made.public_bytes(serialization.Encoding.PEM))
    return ca, key


def lasting(lifetime: dt.timedelta) -> Span:
    """From now on, with some time before for clocks that are behind."""
    now = dt.datetime.now(dt.UTC)
    return now - BACKDATED, now + lifetime


# --- keys


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The private key in a file (PEM), made where it is missing."""
    if not path.exists():
        _write_key(path, new_key())
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def pin(key: ec.EllipticCurvePrivateKey) -> str:
    """SHA-256 of the public key (SPKI) in hex: what a client may know of a server for good."""
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: CertificatePublicKeyTypes,
    span: Span,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
    )


def _still_good(path: Path, ca: Authority, key: ec.EllipticCurvePrivateKey, hostname: str) -> bool:
    found = x509.load_pem_x509_certificate(path.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = found.not_valid_after_utc - RENEW_BEFORE > dt.datetime.now(dt.UTC)
    try:
        found.verify_directly_issued_by(ca.certificate)
    except (InvalidSignature, ValueError):
        return False
    is_own = found.public_key() == key.public_key()
    return lasts and is_own and names.get_values_for_type(x509.DNSName) == [hostname]


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    write_private(path, pem_of(key))
