"""Answers of an HTTP server: status line, headers, length, chunks; over a connection that is used again."""

import rig
import webserver
import wire
from enos_ota.errors import DownloadError, LinkError
from enos_ota.http import Http

DECLARED = (LinkError, DownloadError)
STEPS = 40_000
LIMIT_MS = 800_000  # 15 s to connect, 30 s for a head, and again for each 4 KiB, of a trickle
SHARE = 1.5
_CONFIG = rig.settings()
_URL = "https://files/f.bin?x=y"
_MOST_BYTES = 30_000
_ENDLESS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
)
"""Heads and trailers that go on for ever, their last bytes again and again."""


def make(dice):
    """How the network is; then the answers to some requests."""
    if dice.one_in(20):
        line = b"X-%d: y\r\n" % dice.below(99)
        return [bytes((wire.AGAIN, 0)), dice.pick(_ENDLESS) + line * dice.pick((0, 1, 4, 12))]
    parts = [wire.mode(dice)]
    for _ in range(dice.between(1, 3)):
        data = dice.pick((b"", b"0123456789", b"a" * 700, b"z" * 5000, bytes(range(256)) * 2))
        parts.append(webserver.noise(dice) if dice.wrong(12) else webserver.answer(dice, data))
    return parts


def play(parts):
    made = wire.install(parts)
    made.on_write = lambda data: webserver.check_request(data, made.peers[-1])
    http = Http(None, _CONFIG)
    try:
        return rig.run(_life(http, len(parts) - 1))
    finally:
        http.close()


async def _life(http, count):
    total = 0
    for number in range(count):
        await http.request("GET", _URL, "Range: bytes=0-\r\n")
        if not 200 <= http.status < 600:
            rig.meter.complain("status %r" % http.status)
        body = http.detach() if number == count - 1 else http
        total += await _read(body)
    return "bytes" if total else "nothing"


async def _read(body):
    buf = bytearray(300)
    total = 0
    while body.left_bytes and total < _MOST_BYTES:
        left = body.left_bytes
        count = body.receive_now(buf) or await body.receive(buf)
        total += count
        if not 0 <= count <= 300 or (left > 0 and body.left_bytes != left - count):
            rig.meter.complain("%r bytes received, %r left of %r" % (count, body.left_bytes, left))
        if not count and body.left_bytes:
            rig.meter.complain("nothing received, and %r left" % body.left_bytes)
            break
    return total
