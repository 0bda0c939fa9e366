"""From `fileUrl` to an https address, and with whose credentials. Pure.

enos-connect://<key>.<ext>  the HTTP broker, logged in with the device's own secret (EnOS 2.1 and newer)
enos-lark://<key>           the same broker tells the https address
/path                       Common File Service getFile, signed with an access key (2019), or a base URL
https://host/path           as it is, where that host may serve files
"""

from . import board
from .errors import DownloadError
from .quote import quote


def is_brokered(file_url: str) -> bool:
    """Whether the HTTP broker serves a `fileUrl`, or knows where it is.

    Raises: DownloadError (step -2) for a kind that nobody serves.
    """
    kind, _, rest = file_url.partition("://")
    if kind in ("https", "http") or file_url.startswith("/"):
        return False
    if not rest or kind not in ("enos-connect", "enos-lark"):
        raise DownloadError("unknown kind of fileUrl")
    return True


def locate(config, file_url: str, session: str) -> str:
    """The https address behind a `fileUrl`; `session` is one of the HTTP broker, where that is asked.

    Raises: DownloadError (step -2).
    """
    if session:
        return _at_broker(config, file_url, session)
    if not file_url.startswith("/"):
        return file_url
    if not config.base_url:
        raise DownloadError("base_url is not configured")
    if config.access_key:
        return _getfile_url(config, file_url)
    return config.base_url + quote(file_url, "-._~/")


def _at_broker(config, file_url: str, session: str) -> str:
    url = "%s/multipart/sys/%s/%s/file/download%s?sessionId=%s&fileUri=%s&category=ota"
    return url % (
        config.http_broker,
        quote(config.product_key),
        quote(config.device_key),
        "/url" if file_url.startswith("enos-lark") else "",
        quote(session),
        quote(file_url),
    )


def _getfile_url(config, file_url: str) -> str:
    from . import identity

    keys = (config.access_key, config.secret_key)
    now_ms = str(board.unix_time()) + "000"
    url = "%s/commonFileService/files?accessKey=%s&orgId=%s&path=%s&requestTimestamp=%s&sign=%s"
    return url % (
        config.base_url,
        quote(keys[0]),
        quote(config.org_id),
        quote(file_url),
        now_ms,
        identity.getfile_sign(keys, config.file_sign, config.org_id, file_url, now_ms),
    )
