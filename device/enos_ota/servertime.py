"""What time a server says it is, in the `Date` of an HTTP answer: over verified TLS, it confirms the clock.

A day is kept as confirmed only where the clock by which the certificate was verified agreed: a server that is
wrong about the time does no harm that lasts.
"""

from micropython import const

from . import board
from .clock import floor, is_confirmed, settle
from .errors import OtaError
from .log import log
from .transport import Transport
from .url import split_url

_DAY_S = const(86_400)
_DAY = "day"
_AGREE_S = const(300)
_CONNECT_MS = const(15_000)
_ANSWER_MS = const(10_000)
_HEAD_BYTES = const(2048)
_WAYS = const(3)
_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"


async def doubt(agent, error) -> None:
    """Set the clock by the server, or else by the floor, after TLS refused a date in the middle of an upgrade.

    Raises: `error` itself where it is another one, or the second of its kind.
    """
    if agent.doubts or "(clock" not in str(error):
        raise error
    log("W", str(error))
    before_s = board.unix_time()
    for agent.doubts in (1, 2):
        await settle(agent)
        if abs(board.unix_time() - before_s) > _AGREE_S:
            break
    agent.doubts = _WAYS  # as none for `settle`


async def confirm(agent) -> None:
    """Have the HTTP broker confirm the clock, over TLS that was verified by it; where it was wrong, set it so."""
    for _ in range(2):  # once more by the right one
        date = await _ask(agent, True)
        if not date:
            return
        learn(agent, date)
        if is_confirmed():
            return


async def unverified(agent) -> int:
    """What the HTTP broker says that the time is, whoever it may be, in Unix seconds; 0 when it says nothing.

    Never kept: TLS must pass by it first.
    """
    return parse(await _ask(agent, False))


def learn(agent, date: str) -> None:
    """Take the `Date` of an answer over verified TLS: what agrees is confirmed, else the clock is set by it."""
    told_s = parse(date)
    if not told_s or told_s < floor(agent):
        return
    if abs(told_s - board.unix_time()) > _AGREE_S:
        board.set_clock(told_s)
        log("W", "clock set by the server")
    elif told_s // _DAY_S > board.load_int(_DAY):
        try:
            board.save_int(_DAY, told_s // _DAY_S)
        except OSError as error:
            log("W", "the day is not kept: %s" % error)


def parse(date: str) -> int:
    """Unix seconds of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110); 0 when it is none."""
    parts = date.strip().split(" ")
    if len(parts) != 6 or parts[5].lower() != "gmt" or len(date) > 40:
        return 0
    clock = parts[4].split(":")
    month = _MONTHS.find(parts[2].lower())
    texts = [parts[1], parts[3]] + clock  # noqa: RUF005 - MicroPython lacks it
    if len(texts) != 5 or month % 3 or len(parts[2]) != 3:
        return 0
    for text in texts:
        if not text.isdigit() or len(text) > 4:
            return 0
    day, year, hour, minute, second = [int(text) for text in texts]
    if not (2000 <= year < 2068 and 0 < day < 32 and hour < 24 and minute < 60 and second < 61):
        return 0
    # Days since 1970, by years that begin in March.
    month = (month // 3 + 10) % 12
    year -= month > 9
    days = (
        year * 365 + year // 4 - year // 100 + year // 400 + (month * 153 + 2) // 5 + day - 719_469
    )
    return ((days * 24 + hour) * 60 + minute) * 60 + second


async def _ask(agent, is_verified: bool) -> str:
    # The Date of whatever the HTTP broker, or the server behind base_url, answers; "" where there is none.
    config = agent.config
    scheme, host, port, _ = split_url(config.http_broker or config.base_url or "https://-")
    if host == "-" or scheme != "https":
        return ""
    context = agent.context
    transport = Transport()
    try:
        from . import contexts

        find = contexts.for_url if is_verified else contexts.unverified
        context = find(config, context, scheme, host)
        await transport.open(host, port or 443, context, _CONNECT_MS)
        head = "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host
        await transport.send(head.encode(), _CONNECT_MS)
        transport.allow(_ANSWER_MS)
        return await _date(transport)
    except OtaError as error:
        log("W", "clock: %s" % error)
        return ""
    finally:
        transport.close()


async def _date(transport) -> str:
    piece = bytearray(128)
    head = b""
    while b"\r\n\r\n" not in head:
        head += piece[: await transport.receive(piece)]
        if len(head) > _HEAD_BYTES:
            return ""
    head = head.partition(b"\r\n\r\n")[0].lower() + b"\r"
    date = head.partition(b"\ndate:")[2].partition(b"\r")[0]
    return bytes([min(byte, 127) for byte in date]).decode()
