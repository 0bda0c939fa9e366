"""Certificates of devices as the operator sees them: issue, revoke."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from . import device_certs
from .certs import Authority
from .device_certs import CertificateError
from .envelope import DeviceId
from .store import Store


class CertificateDesk:
    """Issues certificates by one authority; `revoked` hears of a device's that were revoked."""

    def __init__(
        self,
        store: Store,
        ca: Authority,
        now: Callable[[], float],
        revoked: Callable[[DeviceId, list[str]], None],
    ) -> None:
        self._store, self._ca, self._now, self._revoked = store, ca, now, revoked

    def issue(self, device: DeviceId, csr: bytes, valid_days: int) -> dict[str, Any]:
        """The certificate (DER in hex) for a request, its serial number, the end of its life.

        Raises: CertificateError.
        """
        self._must_know(device)
        certificate = device_certs.issue(self._ca, csr, device, valid_days)
        serial, last = device_certs.serial_of(certificate), certificate.not_valid_after_utc
        self._store.add_certificate(serial, device, last.timestamp())
        der = certificate.public_bytes(Encoding.DER)
        return {"serial": serial, "not_after": last.timestamp(), "certificate": der.hex()}

    def revoke(self, device: DeviceId) -> list[str]:
        """Revoke all certificates of a device, and end its connection; their serial numbers.

        Raises: CertificateError when there is none.
        """
        self._must_know(device)
        serials = self._store.revoke_certificates(device, self._now())
        if not serials:
            raise CertificateError(f"device {device} has no certificate that is not revoked")
        self._revoked(device, serials)
        return serials

    def _must_know(self, device: DeviceId) -> None:
        if self._store.device(device) is None:
            raise CertificateError(f"no device {device}: see `enos-ota device list`")
