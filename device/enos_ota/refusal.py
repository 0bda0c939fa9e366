"""What Mbed TLS says when a session is refused, in words that an operator can act on."""

import time

from micropython import const

_ALERT = const(0x7780)  # MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: it is the server that refuses
_NO_CA = const(0x7680)  # MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED
# In this order: a wrong date of a certificate that is wrong anyway tells nothing of the clock.
_TEXTS = (
    ("correctly signed", "not signed by a trusted CA"),
    ("does not match", "the certificate names another host"),
    ("expired", "the certificate has expired (clock %04d-%02d-%02d)"),
    ("in the future", "the certificate is not valid yet (clock %04d-%02d-%02d)"),
)


def meaning(context, error) -> str:
    """Why a TLS session ended in an OSError or ValueError; "" where it was not refused, but broke.

    Refusals by date name the clock, in brackets.
    """
    if getattr(context, "matched", None) is False:
        return "no pin matches"
    if isinstance(error, OSError):
        code = abs(error.errno or 0)
        if code == _ALERT:
            return "the server refuses our certificate, or misses it"
        return "no CA is configured" if code == _NO_CA else ""
    text = " ".join(str(error).split())
    for part, words in _TEXTS:
        if part in text:
            return words % time.gmtime()[:3] if "%" in words else words
    return text
