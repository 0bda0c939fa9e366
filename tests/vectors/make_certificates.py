"""Make the certificates and keys in tests/vectors/tls anew, for tests of the board's code with real TLS.

    python tests/vectors/make_certificates.py

All are DER and hold until 2120, but for those named otherwise; pins.json holds the SHA-256 of their public keys.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

FOLDER = Path(__file__).resolve().parent / "tls"
EC_KEY = ec.EllipticCurvePrivateKey
DER = serialization.Encoding.DER
YEARS = (2000, 2120)


def name(text: str) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str,
    key: EC_KEY | rsa.RSAPrivateKey,
    issuer: str,
    signer: EC_KEY | rsa.RSAPrivateKey,
    years: tuple[int, int] = YEARS,
) -> bytes:
    """A certificate; a CA's where it is its own issuer."""
    first, last = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in years)
    is_ca = subject == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False
        )
    return builder.sign(signer, hashes.SHA256()).public_bytes(DER)


def element(tag: int, content: bytes) -> bytes:
    """An element in DER."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def elements(content: bytes) -> list[bytes]:
    """The elements that follow each other."""
    found = []
    while content:
        size, head = content[1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(content[2:head], "big")
        found.append(content[: head + size])
        content = content[head + size :]
    return found


def inside(data: bytes) -> list[bytes]:
    """The elements in one."""
    return elements(data[2 + (data[1] & 0x7F if data[1] & 0x80 else 0) :])


def version_1(of: bytes, signer: EC_KEY) -> bytes:
    """The same as version 1: without the version field, which is its default, and without extensions."""
    content, algorithm, _ = inside(of)
    fields = inside(content)[1:-1]
    made = element(0x30, b"".join(fields))
    signature = signer.sign(made, ec.ECDSA(hashes.SHA256()))
    return element(0x30, made + algorithm + element(0x03, b"\0" + signature))


def private(key: EC_KEY) -> bytes:
    """A private key, SEC 1."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(DER, form, serialization.NoEncryption())


def pin(of: bytes) -> str:
    """SHA-256 of a certificate's public key."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    key = x509.load_der_x509_certificate(of).public_key()
    return hashlib.sha256(key.public_bytes(DER, spki)).hexdigest()


def main() -> None:
    """Write all files."""
    authority, other, server, client = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
    large, long = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 4096)
    ca = certificate("Test CA", authority, "Test CA", authority)
    made = {
        "ca": ca,
        "other-ca": certificate("Other CA", other, "Other CA", other),
        "server": certificate("localhost", server, "Test CA", authority),
        "expired": certificate("localhost", server, "Test CA", authority, (2000, 2001)),
        "future": certificate("localhost", server, "Test CA", authority, (2110, 2120)),
        "elsewhere": certificate("elsewhere", server, "Test CA", authority),
        "stranger": certificate("localhost", server, "Other CA", other, (2000, 2001)),
        "impostor": certificate("localhost", client, "Test CA", authority),
        "client": certificate("device", client, "Test CA", authority),
        "rsa": certificate("localhost", large, "RSA CA", large),
        "rsa-long": certificate("a" * 60, long, "b" * 60, long),
        "version-1": version_1(ca, authority),
    }
    FOLDER.mkdir(exist_ok=True)
    for stem, data in made.items():
        (FOLDER / f"{stem}.der").write_bytes(data)
    for stem, key in (("server", server), ("client", client)):
        (FOLDER / f"{stem}.key").write_bytes(private(key))
    pins = {stem: pin(data) for stem, data in made.items()}
    (FOLDER / "pins.json").write_text(json.dumps(pins, indent=1) + "\n")


if __name__ == "__main__":
    main()
