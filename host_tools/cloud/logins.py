"""Who may log in, over MQTT and over HTTP: the signature, and the certificate where one is due."""

from __future__ import annotations

from typing import Any

from . import device_certs, signing
from .envelope import DeviceId
from .model import Device
from .signing import LoginError
from .store import Store
from .switches import Switches

KEEPALIVE_LIMITS_S = (30, 1200)
LIFETIME_DEFAULT_MS = 300_000
NO_DEVICE, WRONG, NEEDS_TLS = 705, 742, 746


class Logins:
    """Judges logins by what is in the store, and by the switches."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store, self._switches = store, switches

    def mqtt(
        self,
        client_id: str,
        user: str | None,
        password: str | None,
        keepalive_s: int,
        certificate: bytes | None,
    ) -> DeviceId:
        """The device that sent a CONNECT, over TLS with this certificate. Raises: LoginError."""
        claim = signing.parse_connect(client_id, user, password)
        known = self._known(DeviceId(claim.product_key, claim.device_key))
        expected = signing.connect_password(claim, known.device_secret)
        if not signing.same(expected, claim.password):
            raise LoginError(WRONG, f"signature check failed for {known.id}")
        self.check_certificate(known.id, certificate)
        low, high = KEEPALIVE_LIMITS_S
        limited = self._switches["keepalive_limits"] != "none"
        if limited and not low <= keepalive_s <= high:
            raise LoginError(WRONG, f"keepalive of {keepalive_s} s is not {low}-{high}")
        return known.id

    def http(self, device: DeviceId, body: dict[str, Any], certificate: bytes | None) -> int:
        """Life of the session that a device asks for, in milliseconds. Raises: LoginError."""
        lifetime_ms = body.get("lifetime", LIFETIME_DEFAULT_MS)
        is_number = isinstance(lifetime_ms, int) and not isinstance(lifetime_ms, bool)
        if not is_number or not 0 < lifetime_ms < 2**31:
            raise LoginError(WRONG, "lifetime is not a number of milliseconds")
        if str(body.get("signMethod", "")).lower() != "sha256":
            raise LoginError(WRONG, "signMethod is not sha256")
        known = self._known(device)
        expected = signing.login_sign(*device, lifetime_ms, known.device_secret)
        if not signing.same(expected, str(body.get("sign", ""))):
            raise LoginError(WRONG, f"signature check failed for {device}")
        self.check_certificate(device, certificate)
        return int(lifetime_ms)

    def check_certificate(self, device: DeviceId, certificate: bytes | None) -> None:
        """What TLS found good must be the device's own, and not revoked. Raises: LoginError."""
        if certificate is None:
            if self._switches["tls_client_certificate"] == "required":
                raise LoginError(NEEDS_TLS, f"{device} must log in by TLS with its certificate")
            return
        serial, holder = device_certs.read(certificate)
        if self._store.is_revoked(serial):
            raise LoginError(WRONG, f"certificate {serial} of {holder} is revoked")
        if holder != device:
            raise LoginError(WRONG, f"{device} shows the certificate of {holder}")

    def _known(self, device: DeviceId) -> Device:
        known = self._store.device(device)
        if known is None:
            raise LoginError(NO_DEVICE, "no such device")
        return known
