"""From `fileUrl` to an https address, and with whose credentials.

enos-connect://<key>.<ext>  the HTTP broker, logged in with the device's own secret (EnOS 2.1 and newer)
enos-lark://<key>           the same broker tells the https address
/path                       Common File Service getFile, signed with an access key (2019), or a base URL
https://host/path           as it is
"""

from micropython import const

from . import board, forget
from .body import number
from .errors import DownloadError

_LIFETIME_MS = const(300_000)
_SESSION = const(0)  # in what is known


def quote(text: str, also: str = "-._~") -> str:
    """Percent-encode everything but ASCII letters, digits and what is in `also`."""
    out = ""
    for code in text.encode():
        char = chr(code)
        plain = code < 128 and (char.isalpha() or char.isdigit() or char in also)
        out += char if plain else "%%%02X" % code
    return out


async def resolve(http, config, file_url: str, known: list) -> str:
    """The https address behind a `fileUrl`; logs in to the HTTP broker where `known` holds no session.

    Raises: DownloadError (step -2), LinkError (step -2) where a retry is worth it.
    """
    kind, _, rest = file_url.partition("://")
    if kind == "https":
        return file_url
    relative = file_url.startswith("/")
    if not relative and (not rest or kind not in ("enos-connect", "enos-lark")):
        raise DownloadError("unknown kind of fileUrl")
    setting = "base_url" if relative else "http_broker"
    root = getattr(config, setting)
    if not root:
        raise DownloadError(setting + " is not configured")
    if relative:
        return (
            _getfile_url(config, file_url) if config.access_key else root + quote(file_url, "-._~/")
        )
    keys = "/%s/%s" % (quote(config.product_key), quote(config.device_key))
    if not known[_SESSION]:
        known[_SESSION] = await _log_in(http, config, root + "/auth" + keys)
    url = "%s/multipart/sys%s/file/download%s?sessionId=%s&fileUri=%s&category=ota"
    lark = kind == "enos-lark"
    url = url % (
        root,
        keys,
        "/url" if lark else "",
        quote(known[_SESSION]),
        quote(file_url),
    )
    if not lark:
        return url
    from .redirect import join, permitted

    return permitted(url, join(url, await _told(http, "GET", url)), config.hosts)


async def _log_in(http, config, url: str) -> str:
    from . import identity

    sign = identity.http_sign(
        config.product_key, config.device_key, config.device_secret, _LIFETIME_MS
    )
    identity = None  # type: ignore  # the connection needs the memory
    forget()
    body = '{"signMethod":"sha256","lifetime":%d,"sign":"%s"}' % (_LIFETIME_MS, sign)
    headers = "Content-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n"
    return await _told(http, "POST", url, headers % len(body), body.encode())


async def _told(http, *request) -> str:
    # `data` of the broker's JSON, or the session id in it.
    await http.request(*request)
    if http.status >= 404:
        raise http.refusal()
    answer = await http.json()
    code = number(str(answer.get("code")))
    data = answer.get("data")
    if isinstance(data, dict):
        data = data.get("sessionId")
    if code != 200 or not data or not isinstance(data, str):
        raise DownloadError("HTTP broker: nothing usable, code %d" % code)
    return data


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
