"""From `fileUrl` to bytes: where a firmware file is fetched, and with whose credentials.

enos-connect://<key>.<ext>  the HTTP broker, logged in with the device's own secret (EnOS 2.1 and newer)
/path                       Common File Service getFile, signed with an access key (2019), or a base URL
https://host/path           as it is
"""

import json

from micropython import const

from . import board, identity
from .errors import DownloadError, LinkError
from .http import Http

_LIFETIME_MS = const(300_000)
_SKIP_BYTES = const(1024)


def quote(text: str, also: str = "-._~") -> str:
    """Percent-encode everything but ASCII letters, digits and what is in `also`."""
    out = ""
    for code in text.encode():
        plain = code < 128 and (chr(code).isalpha() or chr(code).isdigit() or chr(code) in also)
        out += chr(code) if plain else "%%%02X" % code
    return out


class Source:
    """The file behind a `fileUrl`.

    Raises: DownloadError (step -2), LinkError (step -2).
    """

    def __init__(self, config, context, file_url: str) -> None:
        self._config = config
        self._file_url = file_url
        self._session_id = ""
        self.http = Http(context)

    async def open(self, offset: int) -> int:
        """Ask for the file from byte `offset` on; return its total size."""
        http = self.http
        await http.request("GET", await self._url(), "Range: bytes=%d-\r\n" % offset)
        if http.status == 206:
            span, _, total = http.headers.get("content-range", "").partition("/")
            end = offset + http.left_bytes
            if span == "bytes %d-%d" % (offset, end - 1) and total.isdigit() and int(total) >= end:
                return int(total)
            raise DownloadError("not the range asked for")
        if http.status == 401 and self._session_id:
            self._session_id = ""
            raise LinkError("the session expired")
        if http.status != 200:
            raise DownloadError("HTTP %d" % http.status)
        total_bytes = http.left_bytes
        if total_bytes < offset:
            raise DownloadError("the file is shorter now")
        # The server knows no ranges: read what is already in the slot once more, and drop it.
        scratch = memoryview(bytearray(_SKIP_BYTES))
        while offset:
            offset -= await http.receive(scratch[: min(offset, _SKIP_BYTES)])
        return total_bytes

    async def _url(self) -> str:
        config = self._config
        file_url = self._file_url
        if file_url.startswith("https://"):
            return file_url
        if file_url.startswith("/"):
            return (
                self._getfile_url()
                if config.access_key
                else config.base_url + quote(file_url, "-._~/")
            )
        if not file_url.startswith("enos-connect://"):
            raise DownloadError("unknown kind of fileUrl")
        keys = "/%s/%s" % (quote(config.product_key), quote(config.device_key))
        if not self._session_id:
            await self._log_in(keys)
        return "%s/multipart/sys%s/file/download?sessionId=%s&fileUri=%s&category=ota" % (
            config.http_broker,
            keys,
            quote(self._session_id),
            quote(file_url),
        )

    async def _log_in(self, keys: str) -> None:
        config = self._config
        sign = identity.http_sign(
            config.product_key, config.device_key, config.device_secret, _LIFETIME_MS
        )
        body = {"signMethod": "sha256", "lifetime": _LIFETIME_MS, "sign": sign}
        payload = json.dumps(body).encode()
        await self.http.request(
            "POST",
            config.http_broker + "/auth" + keys,
            "Content-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n" % len(payload),
            payload,
        )
        answer = await self.http.json()
        data = answer.get("data")
        if answer.get("code") != 200 or not isinstance(data, dict) or not data.get("sessionId"):
            raise DownloadError("log-in to the HTTP broker: code %s" % answer.get("code"))
        self._session_id = data["sessionId"]

    def _getfile_url(self) -> str:
        config = self._config
        keys = (config.access_key, config.secret_key)
        now_ms = str(board.unix_time()) + "000"
        url = "%s/commonFileService/files?accessKey=%s&orgId=%s&path=%s&requestTimestamp=%s&sign=%s"
        return url % (
            config.base_url,
            quote(keys[0]),
            quote(config.org_id),
            quote(self._file_url),
            now_ms,
            identity.getfile_sign(keys, config.file_sign, config.org_id, self._file_url, now_ms),
        )
