"""Certificates of devices: what a device applies with, what it gets, whose a certificate is."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .certs import BACKDATED, Authority, new_key
from .envelope import DeviceId

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
RSA_BITS = 2048
VALID_DAYS = 730
LONGEST_DAYS = 3650
ORGANISATION = "EnOS stand-in"
NAME_LIMIT = 64


class CertificateError(ValueError):
    """A certificate cannot be had like that; the text says why."""


def make_key(*, is_rsa: bool) -> Key:
    """A device's new private key, of a kind that EnOS signs."""
    return rsa.generate_private_key(65537, RSA_BITS) if is_rsa else new_key()


def key_der(key: Key) -> bytes:
    """A private key as boards read it: DER, PKCS#8."""
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def request(key: Key, device: DeviceId) -> bytes:
    """A certificate signing request (DER). Raises: CertificateError."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(device))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def issue(ca: Authority, csr: bytes, device: DeviceId, valid_days: int) -> x509.Certificate:
    """The certificate of a device for the key in its request; days below 1 have gone by already.

    Raises: CertificateError.
    """
    if not -LONGEST_DAYS <= valid_days <= LONGEST_DAYS:
        raise CertificateError(f"a certificate is valid for {LONGEST_DAYS} days at most")
    try:
        asked = x509.load_der_x509_csr(csr)
        key = asked.public_key()
        is_signed = asked.is_signature_valid
    except Exception:
        raise CertificateError("this is not a certificate signing request (DER)") from None
    if not is_signed or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise CertificateError("the request is not signed by an EC or RSA key")
    now = dt.datetime.now(dt.UTC)
    last = now + dt.timedelta(days=valid_days)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    span = (min(now, last) - BACKDATED, last)
    return ca.sign(_subject(device), key, span, [(usage, False)])


def read(der: bytes) -> tuple[str, DeviceId]:
    """Serial number in hex and device of a certificate that TLS has verified."""
    certificate = x509.load_der_x509_certificate(der)
    return serial_of(certificate), DeviceId(
        _text(certificate.subject, NameOID.ORGANIZATIONAL_UNIT_NAME),
        _text(certificate.subject, NameOID.COMMON_NAME),
    )


def serial_of(certificate: x509.Certificate) -> str:
    """Serial number as it is stored and shown."""
    return f"{certificate.serial_number:x}"


def _subject(device: DeviceId) -> x509.Name:
    if max(map(len, device)) > NAME_LIMIT:
        raise CertificateError(f"a certificate takes keys of {NAME_LIMIT} characters at most")
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, device.product_key),
        x509.NameAttribute(NameOID.COMMON_NAME, device.device_key),
    ])  # fmt: skip


def _text(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if len(found) == 1 else ""
