"""The TLS that the stand-in's servers speak: which certificate they show, which they ask for."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from . import certs
from .private import write_private
from .switches import Switches

FIRST, SECOND = "first", "second"
CLIENT = {
    "none": ssl.CERT_NONE,
    "requested": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
DAY = dt.timedelta(days=1)
YEAR = dt.timedelta(days=365)
OTHER_HOST = "elsewhere.invalid"


class _Handshake(ssl.SSLObject):
    """TLS of a connection that keeps what it had to say when its handshake failed."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        """Called by asyncio, which throws the alert away. Raises: ssl.SSLError."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            error.alert = self.outgoing.read()  # type: ignore[attr-defined]
            raise


class Context(ssl.SSLContext):
    """A TLS context that makes such connections."""

    sslobject_class = _Handshake

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any
    ) -> ssl.SSLObject:
        """Called by asyncio."""
        made = super().wrap_bio(incoming, outgoing, *args, **options)
        assert isinstance(made, _Handshake)
        made.outgoing = outgoing
        return made


def alert_of(error: ssl.SSLError) -> bytes:
    """The alert that tells the client why its handshake failed."""
    return bytes(getattr(error, "alert", b""))


def reason_of(error: ssl.SSLError) -> str:
    """Why a handshake failed, in OpenSSL's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"client certificate: {error.verify_message}"
    return (error.reason or "unknown reason").lower().replace("_", " ")


class ServerTls:
    """Server certificates in the state folder, and contexts as the switches are."""

    def __init__(self, folder: Path, hostname: str, switches: Switches) -> None:
        self._folder, self._hostname, self._switches = folder, hostname, switches
        first, self._key = certs.ensure(folder, hostname)
        self.authorities = {
            FIRST: first,
            SECOND: certs.authority(folder, "ca2", "EnOS stand-in CA 2"),
        }
        self._spare = certs.private_key(folder / "spare.key")
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}

    @property
    def pins(self) -> list[str]:
        """Pins of the key in use and of the one that `new_key` changes to."""
        return [certs.pin(self._key), certs.pin(self._spare)]

    def context(self) -> ssl.SSLContext:
        """What a new connection gets."""
        names = ("server_certificate", "server_ca", "tls_client_certificate")
        which = tuple(str(self._switches[name]) for name in names)
        if which not in self._contexts:
            self._contexts[which] = self._make(*which)
        return self._contexts[which]

    def _make(self, position: str, ca: str, client: str) -> ssl.SSLContext:
        context = Context(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self._shown(position, self.authorities[ca])
        # OpenSSL takes files only.
        file = self._folder / "shown.pem"
        write_private(file, certificate.public_bytes(Encoding.PEM) + certs.pem_of(key))
        context.load_cert_chain(file)
        file.unlink()
        # Devices' certificates are signed by the first, whoever has signed the server's.
        context.load_verify_locations(cadata=self.authorities[FIRST].der)
        context.verify_mode = CLIENT[client]
        return context

    def _shown(
        self, position: str, ca: certs.Authority
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        now, host, key = dt.datetime.now(dt.UTC), self._hostname, self._key
        if position == "good" and ca is self.authorities[FIRST]:
            certs.ensure(self._folder, host)
            return x509.load_pem_x509_certificate((self._folder / "server.pem").read_bytes()), key
        span = None
        if position == "expired":
            span = (now - YEAR, now - DAY)
        elif position == "future":
            span = (now + DAY, now + YEAR)
        elif position == "wrong_name":
            host = OTHER_HOST
        elif position == "new_key":
            key = self._spare
        elif position == "unknown_ca":
            ca, key = ca.impostor(), certs.new_key()
        return certs.make_server(ca, key, host, span), key
