"""Where an answer sends us on to, and which hosts may serve files."""

from .errors import DownloadError
from .url import split_url


def join(url: str, location: str) -> str:
    """The address that `location`, absolute or relative, means in an answer from `url`."""
    location = location.partition("#")[0]
    if location.startswith("//"):
        return "https:" + location
    path = split_url(url)[3]
    root = url[: len(url) - len(path)]
    if not location.startswith("/"):
        if "://" in location.partition("?")[0]:
            return location
        path = path.partition("?")[0]
        if location.startswith("?"):
            return root + (path or "/") + location
        root += path[: path.rfind("/") + 1] or "/"
    return root + location


def _peer(url: str) -> str:
    scheme, host, port, _ = split_url(url)
    return "%s:%d" % (host.lower(), port or (80 if scheme == "http" else 443))


def permitted(origins: list, url: str, hosts: list) -> str:
    """`url`, when its host is that of an address in `origins` or one of `hosts`: "name", which means port 443,
    "name:port", or "*".

    Raises: DownloadError (step -2).
    """
    peer = _peer(url)
    for origin in origins:
        if origin and _peer(origin) == peer:
            return url
    for name in hosts:
        if name == "*" or name.lower() + ("" if ":" in name else ":443") == peer:
            return url
    raise DownloadError("the host is not configured: see hosts, signature")
