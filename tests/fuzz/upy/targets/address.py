"""Addresses: `fileUrl` of every kind, `Location`, and whether a host may serve files."""

import rig
from dice import mutate
from enos_ota import forget
from enos_ota.errors import DownloadError
from rig import meter

DECLARED = (DownloadError,)
SHARE = 2
_SOME = (
    b"https://files/d/f.bin?x=y#z",
    b"https://Mirror:8443/f",
    b"http://files/f",
    b"//cdn.example/f",
    b"/d/../f.bin",
    b"enos-connect://23f5.bin",
    b"enos-lark://23f5",
    b"f.bin?u=https://evil/",
    b"https://files:443@evil/f",
    b"https://evil\\@files/f",
    b"https://[::1]:443/",
    b"https://files:0443/",
    b"https://files:4294967739/",
    b"https://files.:443/",
    b"HTTPS://files/f",
    b"https:///files/f",
    b"https:files/f",
    b"mailto:x",
    b"",
    b"?",
    b"#",
    b"://",
    b"\xc3\xa9/\xff",
)
_PIECES = (
    b"https",
    b"://",
    b"/",
    b":",
    b"@",
    b"?",
    b"#",
    b".",
    b"files",
    b"evil",
    b"443",
    b"8443",
    b"\\",
    b"%2F",
    b" ",
)
_ALLOWED = ("files:443", "enos:443", "mirror:8443", "cdn.example:443")


def make(dice):
    """`fileUrl`, and a `Location`."""
    parts = []
    for _ in range(2):
        text = dice.pick(_SOME)
        if dice.one_in(3):
            text = b"".join([dice.pick(_PIECES) for _ in range(dice.between(1, 9))])
        parts.append(mutate(dice, text) if dice.wrong(3) else text)
    return parts


def play(parts):
    from enos_ota.address import is_brokered, locate
    from enos_ota.redirect import join, permitted
    from enos_ota.url import split_url

    config = rig.settings()
    url, location = ["".join([chr(byte) for byte in part]) for part in parts]
    if not url:
        return "none"
    session = "a/b" if is_brokered(url) else ""
    found = locate(config, url, session)
    scheme, host, port, path = split_url(found)
    if scheme + "://" + found.split("/")[2] + path != found:
        meter.complain("%r is not put together again" % found)
    config.access_key, config.secret_key, config.org_id = "a b", rig.PASSWORD, "o&"
    locate(config, url, session)
    joined = join(found, location)
    permitted([config.http_broker, config.base_url], joined, config.hosts)
    scheme, host, port, path = split_url(joined)
    port = port or (80 if scheme == "http" else 443)
    if "%s:%d" % (host.lower(), port) not in _ALLOWED:
        meter.complain("%r is permitted" % joined)
    return "permitted"


def reset() -> None:
    forget()
