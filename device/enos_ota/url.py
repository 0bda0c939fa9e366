"""What an address consists of. Pure."""

from .errors import DownloadError


def split_url(url: str) -> tuple:
    """`scheme://host[:port][/path]` as (scheme, host, port or 0, path).

    Raises: DownloadError (step -2) when it is none.
    """
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    host, _, port = host.partition(":")
    if not host or not (port.isdigit() or not port):
        raise DownloadError("not an address")
    return scheme, host, int(port or 0), slash + path
