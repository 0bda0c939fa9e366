"""The file behind a `fileUrl`, from any byte on: also after a lost connection, and when it has changed.

What each step needs is loaded for it and dropped before the next: beside it there must be room for TLS.
"""

from micropython import const

from . import forget
from .errors import DownloadError
from .http import Http

_HOPS = const(3)
_SESSION = const(0)  # of the HTTP broker
_ETAG = const(1)
_TOTAL = const(2)


class Source:
    """The file behind the `file_url` of a firmware.

    known: a list that keeps what is learned of it (session, ETag, size) from one source to the next.
    Attributes: http, which delivers the bytes.
    Raises: DownloadError (step -2), LinkError (step -2) where a retry is worth it.
    """

    def __init__(self, config, context, firmware, known=None) -> None:
        self._config = config
        self._file_url = firmware.file_url
        self._known = known or ["", "", -1]
        self.http = Http(context)

    async def open(self, position: int, last: str = "") -> tuple:
        """Ask for the file from byte `position` on, or to byte `last`: (first byte delivered, size of the file).

        The first byte is `position`, or 0 when the file is another one now. The size is None where the server
        does not tell.
        """
        http = self.http
        old = self._known[_SESSION]
        while True:
            try:
                await self._ask(position, last)
                from .answer import judge, skip

                start = judge(http, self._known, position, old)
            except DownloadError:
                if not old or not http.status:
                    raise
                # The broker forgets a session when nothing was asked for its lifetime, and how it
                # says so is not known.
                self._known[_SESSION] = old = ""
                continue
            if start >= 0 and (http.status == 206 or await skip(http, start)):
                return start, self._known[_TOTAL] if self._known[_TOTAL] >= 0 else None
            position = 0

    async def _resolve(self) -> str:
        # The https address; a session of the HTTP broker is opened where none is known.
        file_url = self._file_url
        session = ""
        if self._is_brokered():
            session = self._known[_SESSION] = self._known[_SESSION] or await self._log_in()
        from .address import locate

        url = locate(self._config, file_url, session)
        locate = None  # type: ignore
        forget()
        if not file_url.startswith("enos-lark"):
            return url
        from .login import ask
        from .redirect import join, permitted

        return permitted(url, join(url, await ask(self.http, "GET", url)), self._config.hosts)

    def _is_brokered(self) -> bool:
        from .address import is_brokered

        return is_brokered(self._file_url)

    async def _log_in(self) -> str:
        forget("address quote")
        from .login import log_in

        return await log_in(self.http, self._config)

    async def _ask(self, position: int, last: str) -> None:
        http = self.http
        origin = url = await self._resolve()
        headers = "Range: bytes=%d-%s\r\n" % (position, last)
        if position and self._known[_ETAG]:
            headers += "If-Range: %s\r\n" % self._known[_ETAG]
        for _ in range(_HOPS + 1):
            await http.request("GET", url, headers)
            location = http.headers.get("location")
            if not location or http.status not in (301, 302, 303, 307, 308):
                return
            from .redirect import join, permitted

            url = permitted(origin, join(url, location), self._config.hosts)
        raise DownloadError("redirected too often")
