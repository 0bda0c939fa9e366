"""The firmware object of EnOS: what `upgrade` commands and `getversion_reply` lists. Pure."""

from .errors import UpgradeError, VerifyError


class Firmware:
    """One release that EnOS commands or offers.

    Attributes: version, sign (hex, lower case), sign_method (`md5` or `sha256`), file_url, size_bytes
    (None where EnOS did not say).
    Raises: UpgradeError (step -1) for missing or unusable fields; VerifyError (step -3) for a sign method that
    is neither md5 nor sha256. Its `version` is known wherever the command had one.
    """

    def __init__(self, params) -> None:
        if not isinstance(params, dict):
            raise UpgradeError("the command has no params")
        self.version = _text(params, "version")
        self.sign = _text(params, "sign").lower()
        self.file_url = _text(params, "fileUrl")
        self.sign_method = _text(params, "signMethod").lower()
        self.size_bytes = _size(params.get("fileSize"))
        if self.sign_method not in ("md5", "sha256"):
            raise VerifyError("unknown signMethod %s" % self.sign_method[:16])


def firmwares(data) -> list:
    """The usable firmware of a `getversion_reply`: `data` may be a list, empty, null or absent."""
    found = []
    for params in data if isinstance(data, list) else ():
        try:
            found.append(Firmware(params))
        except (UpgradeError, VerifyError):
            pass  # an offer that cannot be used is not an offer
    return found


def _text(params: dict, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise UpgradeError("the command has no " + name)
    return value


def _size(value):
    # EnOS sends a number; a numeric string and no field at all are tolerated.
    if value is None:
        return None
    try:
        size_bytes = int(value)
    except (TypeError, ValueError):
        size_bytes = 0
    if size_bytes <= 0:
        raise UpgradeError("fileSize is not a size")
    return size_bytes
