"""The stand-in's own certification authority and server certificate (EC P-256)."""

from __future__ import annotations

import datetime as dt
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Boards come with a clock that may be a few hours off.
BACKDATED = dt.timedelta(days=1)
CA_LIFETIME = dt.timedelta(days=3650)
SERVER_LIFETIME = dt.timedelta(days=825)
RENEW_BEFORE = dt.timedelta(days=30)


def ensure(home: Path, hostname: str) -> None:
    """Make `ca.key`, `ca.der`, `server.key`, `server.pem` in `home` where missing or outdated.

    A CA once made is kept: boards hold its certificate. The server certificate is made again
    when it is about to expire or names another host.
    """
    ca_key_file, ca_der, server_pem = home / "ca.key", home / "ca.der", home / "server.pem"
    if ca_key_file.exists() and ca_der.exists():
        ca_key = _load_key(ca_key_file)
        ca = x509.load_der_x509_certificate(ca_der.read_bytes())
    else:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _make_ca(ca_key)
        _write_key(ca_key_file, ca_key)
        write_private(ca_der, ca.public_bytes(serialization.Encoding.DER))
        server_pem.unlink(missing_ok=True)
    if not _still_good(server_pem, hostname):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = make_server(ca, ca_key, key, hostname)
        _write_key(home / "server.key", key)
        write_private(server_pem, certificate.public_bytes(serialization.Encoding.PEM))


def server_context(home: Path) -> ssl.SSLContext:
    """TLS context of a server with the certificate in `home`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "server.pem", home / "server.key")
    # So that a client may be asked for a certificate, which it need not have.
    context.load_verify_locations(cadata=(home / "ca.der").read_bytes())
    return context


def make_server(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    hostname: str,
) -> x509.Certificate:
    """Certificate for `hostname`, signed by `ca`."""
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(hostname))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + SERVER_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one step; it is readable by its owner only (0600)."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def _make_ca(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    name = _name("EnOS stand-in CA")
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _still_good(server_pem: Path, hostname: str) -> bool:
    if not server_pem.exists():
        return False
    certificate = x509.load_pem_x509_certificate(server_pem.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = certificate.not_valid_after_utc - RENEW_BEFORE > dt.datetime.now(dt.UTC)
    return lasts and names.get_values_for_type(x509.DNSName) == [hostname]


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(path, pem)
