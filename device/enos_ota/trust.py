"""Whom the board trusts: the CAs that verified TLS needs."""

import tls

from .errors import LinkError


def tls_context(ca_paths: list) -> tls.SSLContext:
    """A context that verifies certificate and host name against the given CAs (DER files).

    Raises: LinkError when there is no CA, or one cannot be used.
    """
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED  # type: ignore[attr-defined]
    path, reason = "", "none is configured"
    try:
        for path in ca_paths:
            with open(path, "rb") as file:
                context.load_verify_locations(file.read())
        if ca_paths:
            return context
    except (OSError, ValueError) as error:
        reason = str(error)
    raise LinkError("CA %s: %s" % (path, reason))
