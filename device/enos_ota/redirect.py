"""Where an answer sends us on to, and whether we go."""

from .errors import DownloadError
from .messages import split_url


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
        root += path[: path.rfind("/") + 1] or "/"
    return root + location


def _peer(url: str) -> str:
    _, host, port, _ = split_url(url)
    return "%s:%d" % (host.lower(), port or 443)


def permitted(origin: str, url: str, hosts: list) -> str:
    """`url`, when its host is that of `origin` or one of `hosts`: "name", which means port 443, or "name:port".

    Raises: DownloadError (step -2).
    """
    peer = _peer(url)
    for name in [_peer(origin)] + hosts:  # noqa: RUF005 - MicroPython lacks it
        if peer == name.lower() + ("" if ":" in name else ":443"):
            return url
    raise DownloadError("redirected to a host that is not configured")
