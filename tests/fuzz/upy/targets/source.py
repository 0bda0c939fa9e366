"""The way to a file: log-in, redirects, ranges, and what an answer means for the bytes that are there already."""

import rig
import webserver
import wire
from enos_ota import forget
from enos_ota.errors import DownloadError, LinkError
from enos_ota.source import Source
from rig import meter

DECLARED = (LinkError, DownloadError)
STEPS = 40_000
LIMIT_MS = 800_000
SHARE = 1
_CONFIG = rig.settings()
_FILE = b"\xe9" + bytes(range(255)) * 3
_URLS = (
    b"https://files/f.bin",
    b"https://files/f.bin",
    b"enos-connect://23f5.bin",
    b"enos-lark://23f5",
    b"/d/f.bin",
)
_PLACES = (
    b"https://mirror:8443/f",
    b"https://cdn.example/f",
    b"https://cdn.example:443/f",
    b"https://CDN.example/f",
    b"//cdn.example/f",
    b"/other/f.bin",
    b"other.bin?x=y",
    b"?x=y",
    b"#part",
)
_ELSEWHERE = (
    b"https://evil/f",
    b"http://files/f",
    b"https://files:444/f",
    b"https://files@evil/f",
    b"https://files:443@evil/f",
    b"https://evil#files",
    b"https://files.evil/f",
    b"https://files:99999999999999999999/f",
    b"https://files:70000/f",
    b"https://files:0/f",
    b"https://files:-1/f",
    b"https:///f",
    b"https://",
    b"//",
    b"///f",
    b"ftp://files/f",
    b"/a b",
    b"/a\x7f",
    b"\xff",
    b"https://[::1]/f",
    b"a" * 900,
    b"https://" + b"a" * 300 + b"/f",
)
_ALLOWED = ("files:443", "enos:443", "mirror:8443", "cdn.example:443")


def make(dice):
    """How the network is; `fileUrl`; where to begin (2 bytes), and the answers."""
    url = dice.often(dice.pick(_URLS), dice.pick(_PLACES), dice.pick(_ELSEWHERE))
    position = dice.pick((0, dice.often(100, 1, len(_FILE) - 1, len(_FILE), len(_FILE) + 1, 5000)))
    parts = [wire.mode(dice), url, position.to_bytes(2, "little")]
    if url.startswith(b"enos"):
        parts.append(webserver.answer(dice, b'{"code":200,"data":{"sessionId":"abc/1"}}', b"200"))
    if url.startswith(b"enos-lark"):
        place = dice.often(dice.pick(_PLACES), dice.pick(_ELSEWHERE))
        data = b'{"code":200,"data":"' + place.replace(b"\xff", b"\\u00ff") + b'"}'
        parts.append(webserver.answer(dice, data, b"200"))
    while dice.one_in(3) and len(parts) < 8:
        place = dice.often(dice.pick(_PLACES), dice.pick(_ELSEWHERE))
        code = dice.often(b"302", b"301", b"303", b"307", b"308", b"305")
        parts.append(webserver.answer(dice, b"moved", code, [b"Location: " + place]))
    for _ in range(dice.between(1, 2)):
        parts.append(_file(dice, position))
    return parts


def _file(dice, position) -> bytes:
    if dice.wrong(8):
        return webserver.answer(dice, _FILE)
    if dice.one_in(4):
        return webserver.answer(dice, _FILE, b"200", chunked=dice.one_in(2))
    last, size = len(_FILE) - 1, b"%d" % len(_FILE)
    span = b"bytes %d-%d/" % (position, last)
    if dice.wrong(6):
        span = dice.pick(
            (
                b"bytes 0-0/",
                b"bytes */",
                b"bytes 5-1/",
                b"bytes -1-5/",
                b"bytes 1-/",
                b"",
                b"bits 0-9/",
            )
        )
    size = dice.often(size, b"*", b"0", b"-1", b"99999999999", b"")
    headers = [b"Content-Range: " + span + size]
    if dice.one_in(3):
        headers.append(b'ETag: "1"')
    return webserver.answer(dice, _FILE[position:], dice.often(b"206", b"200", b"416"), headers)


class _Firmware:
    size_bytes = None


def play(parts):
    made = wire.install(parts[:1] + parts[3:])
    made.on_write = lambda data: _check(made, data)
    firmware = _Firmware()
    firmware.file_url = "".join([chr(byte) for byte in parts[1]])
    position = int.from_bytes(parts[2], "little")
    source = Source(_CONFIG, None, firmware, ["", "", -1])
    try:
        return rig.run(_life(source, position))
    finally:
        source.http.close()


async def _life(source, position):
    start, total = await source.open(position)
    if start not in (0, position) or not (total is None or total >= start):
        meter.complain("begins at %r of %r, where %r was asked for" % (start, total, position))
    buf = bytearray(256)
    count = 0
    while source.http.left_bytes and count < 4096:
        count += await source.http.receive(buf)
    return "another" if start != position else "resumed" if start else "begun"


def _check(made, data) -> bool:
    host, port = made.peers[-1]
    if "%s:%d" % (host.lower(), port) not in _ALLOWED:
        meter.complain("a file is asked of %s:%d" % (host, port))
    return webserver.check_request(data, made.peers[-1])


def reset() -> None:
    forget()
