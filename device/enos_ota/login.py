"""What the HTTP broker is asked before it serves a file: a session, or where the file is."""

from micropython import const

from . import forget
from .digits import number
from .errors import DownloadError
from .messages import parse
from .quote import quote

_LIFETIME_MS = const(300_000)
_JSON_BYTES = const(2048)
_PIECE_BYTES = const(128)


async def log_in(http, config) -> str:
    """A session of the HTTP broker, opened with the device's own secret.

    Raises: DownloadError (step -2), LinkError (step -2) where a retry is worth it.
    """
    if not config.http_broker:
        raise DownloadError("http_broker is not configured")
    from . import identity

    sign = identity.http_sign(
        config.product_key, config.device_key, config.device_secret, _LIFETIME_MS
    )
    identity = None  # type: ignore  # the connection needs the memory
    forget()
    url = "%s/auth/%s/%s"
    url = url % (config.http_broker, quote(config.product_key), quote(config.device_key))
    body = '{"signMethod":"sha256","lifetime":%d,"sign":"%s"}' % (_LIFETIME_MS, sign)
    headers = "Content-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n"
    return await ask(http, "POST", url, headers % len(body), body.encode())


async def ask(http, *request) -> str:
    """`data` of the broker's JSON, or the session id in it.

    Raises: DownloadError (step -2), LinkError (step -2) where a retry is worth it.
    """
    await http.request(*request)
    if http.status >= 404:
        raise http.refusal()
    answer = await _json(http)
    code = number(str(answer.get("code")))
    data = answer.get("data")
    if isinstance(data, dict):
        data = data.get("sessionId")
    if code != 200 or not data or not isinstance(data, str):
        raise DownloadError("HTTP broker: nothing usable, code %d" % code)
    return data


async def _json(http) -> dict:
    data = bytearray()
    piece = memoryview(bytearray(_PIECE_BYTES))
    try:
        while http.left_bytes:
            if len(data) + http.left_bytes > _JSON_BYTES:
                raise ValueError
            data += piece[: await http.receive(piece)]
        return parse(bytes(data))
    except (ValueError, MemoryError):
        raise DownloadError("HTTP %d without JSON" % http.status) from None
