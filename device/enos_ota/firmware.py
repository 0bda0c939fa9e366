"""The firmware object of EnOS: what `upgrade` commands and `getversion_reply` lists. Pure."""

from micropython import const

from .errors import UpgradeError, VerifyError
from .messages import is_ok

_VERSION_BYTES = const(128)  # the journal must hold it; a release record has room for 63


def read(params):
    """One release that EnOS commands or offers, as an object that keeps nothing of this module alive.

    Attributes: version, sign (hex, lower case), sign_method (`md5` or `sha256`), file_url, size_bytes
    (None where EnOS did not say).
    Raises: UpgradeError (step -1) for missing or unusable fields; VerifyError (step -3) for a sign method that
    is neither md5 nor sha256. The texts begin with the version, as far as there is one.
    """
    fields: list = []
    name = "params"
    try:
        for name in ("version", "sign", "signMethod", "fileUrl"):
            fields.append(params[name] + "")
            fields[-1][0]  # not empty
        name = "fileSize or version"  # a number; a numeric string or none at all is tolerated
        size = params.get("fileSize")
        if (
            isinstance(size, bool)
            or len(fields[0].encode()) > _VERSION_BYTES
            or min(fields[0]) < " "
        ):
            raise ValueError
        size = None if size is None else int(size)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        version = fields[0][:63] if fields else "?"
        raise UpgradeError("%s: command without a usable %s" % (version, name)) from None
    firmware = type("Firmware", (), {})()
    firmware.version, sign, method, firmware.file_url = fields
    firmware.size_bytes = size
    firmware.sign = sign.lower()
    firmware.sign_method = method.lower()
    if firmware.sign_method not in ("md5", "sha256"):
        raise VerifyError("%s: unknown signMethod %s" % (firmware.version, method[:16]))
    return firmware


def params_of(firmware) -> dict:
    """The object again, as EnOS sends it."""
    return {
        "version": firmware.version,
        "sign": firmware.sign,
        "signMethod": firmware.sign_method,
        "fileUrl": firmware.file_url,
        "fileSize": firmware.size_bytes,
    }


def firmwares(reply: dict) -> list:
    """The usable firmware of a `getversion_reply`: its `data` may be a list, empty, null or absent."""
    found = []
    data = reply.get("data") if is_ok(reply) else None
    for params in data if isinstance(data, list) else ():
        try:
            found.append(read(params))
        except (UpgradeError, VerifyError):
            pass  # an offer that cannot be used is not an offer
    return found
