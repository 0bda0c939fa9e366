"""How servers are verified, and to whom the board shows its own certificate."""

import binascii
import hashlib

import tls

from .errors import DownloadError, LinkError
from .log import log
from .url import split_url


def make(config, is_broker: bool = True):
    """A TLS context for the hosts of `mqtt` and `http_broker`, or for all others, which see no client certificate.

    It verifies host name, dates and chain by the CAs (DER files); the broker's by pins, where there are any.
    Raises: LinkError when there is nothing to verify by, or the device's own certificate cannot be used.
    """
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    if is_broker and config.cert:
        _show(context, config)
    if is_broker and config.pins:
        from .pins import Pinned

        return Pinned(context, config.pins)
    context.verify_mode = tls.CERT_REQUIRED  # type: ignore[attr-defined]
    reason = "none is configured"
    is_loaded = False
    for path in config.ca:
        try:
            data = _read(path)
            if binascii.hexlify(hashlib.sha256(data).digest()).decode() in config.revoked:
                raise ValueError("revoked")
            context.load_verify_locations(data)
            is_loaded = True
        except (OSError, ValueError) as error:
            reason = "%s: %s" % (path, error)
            log("E", "CA " + reason)
    if not is_loaded and not (is_broker and config.plain):
        raise LinkError("CA " + reason)
    return context


def unverified(config, _context, _scheme: str, host: str) -> tls.SSLContext:
    """A context that believes anybody: to hear what time it is, and for nothing else.

    To the broker's name it shows the certificate, without which that may not answer: it is public, and what is
    proved with it helps nobody else.
    """
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_NONE  # type: ignore[attr-defined]
    if config.cert and _is_broker(config, host):
        _show(context, config)
    return context


def for_url(config, context, scheme: str, host: str):
    """The context for a server, `context` being the broker's; None where the settings allow it to go without TLS.

    Raises: DownloadError (step -2) where they do not.
    """
    if scheme == "http" and scheme in config.plain:
        return None
    if scheme != "https":
        raise DownloadError("not an https address")
    if not (config.cert or config.pins):
        return context
    if _is_broker(config, host):
        return context
    if not hasattr(config, "guest"):
        config.guest = make(config, False)
    return config.guest


def _is_broker(config, host: str) -> bool:
    urls = [url for url in (config.mqtt, config.http_broker) if url]
    return host.lower() in [split_url(url)[1].lower() for url in urls]


def _show(context, config) -> None:
    try:
        context.load_cert_chain(_read(config.cert), _read(config.key))
    except (OSError, ValueError) as error:
        raise LinkError("the device's certificate, or its key: %s" % error) from None


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
