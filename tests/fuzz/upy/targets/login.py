"""JSON of the HTTP broker: a session, or the address of a file."""

import grammar
import rig
import webserver
import wire
from enos_ota import forget
from enos_ota.errors import DownloadError, LinkError
from enos_ota.http import Http
from rig import meter

DECLARED = (LinkError, DownloadError)
_CONFIG = rig.settings()
STEPS = 20_000
LIMIT_MS = 300_000


def make(dice):
    """How the network is; then the answers to a log-in, and to the question where the file is."""
    parts = [wire.mode(dice)]
    for usual in (b'{"sessionId":"abc/1"}', b'"https://cdn.example/f?token=1"'):
        right = usual
        if usual[:1] == b"{":
            right = grammar.members(dice, ((b"sessionId", b'"abc/1"'), (b"code", b"11401")))
        fields = (
            (b"code", dice.often(b"200", b'"200"', b"11401", b"2e2")),
            (b"data", right),
            (b"msg", b'""'),
        )
        data = grammar.broken(dice, grammar.members(dice, fields))
        if dice.wrong(20):
            data += b" " * dice.between(1800, 2200)
        status = dice.often(b"200", b"401", b"403", b"404", b"500", b"302")
        parts.append(webserver.answer(dice, data, status, chunked=dice.one_in(3)))
    return parts


def play(parts):
    made = wire.install(parts)
    made.on_write = lambda data: webserver.check_request(data, made.peers[-1])
    http = Http(None, _CONFIG)
    try:
        return rig.run(_life(http))
    finally:
        http.close()


async def _life(http):
    from enos_ota.login import log_in

    _check(await log_in(http, _CONFIG))
    from enos_ota.login import ask

    _check(await ask(http, "GET", "https://enos/where?sessionId=1"))
    return "address"


def _check(text) -> None:
    if not isinstance(text, str) or not 0 < len(text) <= 2048:
        meter.complain("an answer of %r" % text)


def reset() -> None:
    forget()
