"""A request for a part of a file, and where it is redirected to."""

from micropython import const

from .errors import DownloadError

_HOPS = const(3)
_ETAG = const(1)  # in what is known: a strong one


async def ask(http, hosts: list, origin: str, known: list, position: int, last: str) -> None:
    """Ask for what is behind the address `origin` from byte `position` on, or to byte `last`; follow redirects.

    Raises: DownloadError (step -2), LinkError (step -2) where a retry is worth it.
    """
    headers = "Range: bytes=%d-%s\r\n" % (position, last)
    if position and known[_ETAG]:
        headers += "If-Range: %s\r\n" % known[_ETAG]
    url = origin
    for _ in range(_HOPS + 1):
        await http.request("GET", url, headers)
        location = http.headers.get("location")
        if not location or http.status not in (301, 302, 303, 307, 308):
            return
        from .redirect import join, permitted

        url = permitted([origin], join(url, location), hosts)
    raise DownloadError("redirected too often")
