"""The public key in an X.509 certificate, DER. Pure: what is hashed is a part of what a server sent."""

from micropython import const

_SEQUENCE = const(0x30)
_VERSION = const(0xA0)
_BEFORE = const(5)  # serial number, algorithm, issuer, validity, subject


def public_key(certificate):
    """The SubjectPublicKeyInfo of a certificate, as a slice of it: renewal with the same key keeps it (RFC 5280).

    Raises: ValueError when it is no certificate.
    """
    at, _ = _inside(certificate, 0, _SEQUENCE)
    at, end = _inside(certificate, at, _SEQUENCE)
    if at < end and certificate[at] == _VERSION:
        at = _inside(certificate, at, _VERSION)[1]
    for _ in range(_BEFORE):
        at = _inside(certificate, at, 0)[1]
    found, last = _inside(certificate, at, _SEQUENCE)
    if last > end or found == last:
        raise ValueError("not a certificate")
    return certificate[at:last]


def _inside(data, at: int, tag: int) -> tuple:
    # Offsets of an element's first byte and of the byte behind its last. tag: that it must have; 0: any.
    if at + 2 > len(data) or tag not in (0, data[at]):
        raise ValueError("not a certificate")
    size = data[at + 1]
    at += 2
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count < 3 or at + count > len(data):
            raise ValueError("not a certificate")
        size = 0
        for _ in range(count):
            size = size << 8 | data[at]
            at += 1
    if at + size > len(data):
        raise ValueError("not a certificate")
    return at, at + size
