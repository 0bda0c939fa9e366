"""The file behind a `fileUrl`, from any byte on: also after a lost connection, and when it has changed.

What each step needs is loaded for it and dropped before the next: beside it there must be room for TLS.
"""

from micropython import const

from . import forget
from .errors import DownloadError
from .http import Http

_SESSION = const(0)  # of the HTTP broker
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
        self.http = Http(context, config)

    async def open(self, position: int, last: str = "", skips: bool = True) -> tuple:
        """Ask for the file from byte `position` on, or to byte `last`: (first byte delivered, size of the file).

        The first byte is `position`, or 0 when the file is another one now, or where the server knows no ranges
        and nothing is to be skipped. The size is None where the server does not tell.
        """
        http = self.http
        known = self._known
        old = known[_SESSION]
        while True:
            try:
                url = await self._resolve()
                from .asking import ask

                await ask(http, self._config.hosts, url, known, position, last)
                ask = None  # type: ignore
                forget()
                from .answer import judge, skip

                start = judge(http, known, position, old)
            except DownloadError:
                if not old or not http.status:
                    raise
                # The broker forgets a session when nothing was asked for its lifetime, and how it
                # says so is not known.
                known[_SESSION] = old = ""
                continue
            if http.status == 200 and not skips:
                start = 0
            if start >= 0 and (http.status == 206 or await skip(http, start)):
                return start, known[_TOTAL] if known[_TOTAL] >= 0 else None
            position = 0

    async def _resolve(self) -> str:
        # The https address; a session of the HTTP broker is opened where none is known.
        from .address import is_brokered

        config = self._config
        file_url = self._file_url
        session = ""
        if is_brokered(file_url):
            session = self._known[_SESSION]
            if not session:
                is_brokered = None  # type: ignore
                forget("address quote")
                from .login import log_in

                session = self._known[_SESSION] = await log_in(self.http, config)
                log_in = None  # type: ignore
        from .address import locate

        url = locate(config, file_url, session)
        is_brokered = locate = None  # type: ignore
        forget()
        is_lark = file_url.startswith("enos-lark")
        if is_lark or file_url.startswith("http"):
            from .redirect import join, permitted

            if is_lark:
                from .login import ask

                url = join(url, await ask(self.http, "GET", url))
                ask = None  # type: ignore
            # Whoever sends a command must not send the fleet to any host, but for files that prove themselves.
            permitted([config.http_broker, config.base_url], url, config.hosts)
            join = permitted = None  # type: ignore
            forget()
        return url
