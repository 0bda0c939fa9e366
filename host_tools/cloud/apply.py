"""What the maker of a device does for its certificate: a key, a request, the application."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import device_certs
from .client import AdminClient
from .envelope import DeviceId
from .model import PRODUCT_DEFAULT


@dataclass(frozen=True)
class Identity:
    """A device's certificate and private key, both DER."""

    serial: str
    not_after: float
    certificate: bytes
    key: bytes = field(repr=False)


def apply(
    client: AdminClient,
    device_key: str,
    product_key: str | None = None,
    *,
    is_rsa: bool = False,
    valid_days: int = device_certs.VALID_DAYS,
) -> Identity:
    """Make a key (EC P-256, or RSA) and get a certificate for it; the key stays here.

    Raises: device_certs.CertificateError, AdminError, CloudNotRunningError.
    """
    key = device_certs.make_key(is_rsa=is_rsa)
    csr = device_certs.request(key, DeviceId(product_key or PRODUCT_DEFAULT, device_key))
    issued = client.issue_certificate(device_key, csr, valid_days, product_key)
    certificate = bytes.fromhex(issued["certificate"])
    return Identity(issued["serial"], issued["not_after"], certificate, device_certs.key_der(key))
