"""A server known by its public key alone: needs no CA, and no clock."""

import binascii
import hashlib

import tls
from micropython import const

from .der import public_key

_FATAL = const(
    -0x3000
)  # MBEDTLS_ERR_X509_FATAL_ERROR: ends the handshake; a positive number would not


class Pinned:
    """A TLS context whose sessions only stand with a server that has one of the pinned keys.

    pins: SHA-256 of the SubjectPublicKeyInfo, in lower-case hex. Attributes: matched, whether the certificate of
    the last session did, None before it came: a session without it is to be closed.
    """

    def __init__(self, context, pins: list) -> None:
        context.verify_mode = tls.CERT_OPTIONAL
        context.verify_callback = self._look
        self._context = context
        self._pins = pins
        self.matched: bool | None = None

    def wrap_socket(self, raw, **options):
        """A TLS session over a socket, as that of `tls.SSLContext`."""
        self.matched = None
        return self._context.wrap_socket(raw, **options)

    def _look(self, certificate, depth: int) -> int:
        # The issuers' keys count for nothing: whoever they sign for would be let in.
        if depth:
            return 0
        try:
            digest = hashlib.sha256(public_key(certificate)).digest()
            self.matched = binascii.hexlify(digest).decode() in self._pins
        except Exception:  # out of a callback of Mbed TLS nothing may come
            self.matched = False
        return 0 if self.matched else _FATAL
