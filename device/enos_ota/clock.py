"""The clock that verified TLS needs: a board without battery wakes up in the year 2000.

The floor, which the clock never stands before, is the build time of the running release or the last day that a
server confirmed. NTP can be blocked, or lie, so that TLS refuses a date: then the unverified `Date` of the server
has a try, and then the floor.
"""

from micropython import const

from . import board
from .log import log

_DAY_S = const(86_400)
_DAY = "day"  # in NVS: the last one that a server confirmed, since 1970
_WAYS = const(3)
_LAST_S = const(3_094_000_000)  # in 2068: a chip counts no further from 2000 on


async def settle(agent) -> None:
    """Set the clock as well as it can be before a session; `agent.doubts`: those in a row refused by a date."""
    floor_s = floor(agent)
    now_s = board.unix_time()
    way = agent.doubts % _WAYS
    found_s = 0
    source = "NTP"
    if way == 1:
        from .servertime import unverified

        source = "the server, unverified"
        found_s = await unverified(agent)
        unverified = None  # type: ignore
    elif way == 2:
        found_s = floor_s
        source = "the last known time"
    elif agent.config.ntp and abs(now_s - agent.clock_set_s) > _DAY_S:
        try:
            found_s = board.ntp_time(agent.config.ntp)
        except (OSError, ValueError) as error:
            log("W", "NTP: %s" % error)
        if floor_s <= found_s < _LAST_S:
            agent.clock_set_s = found_s
    if not floor_s <= found_s < _LAST_S:
        if found_s:
            log("W", source + " tells a time that cannot be: ignored")
        if now_s >= floor_s:
            return
        found_s = floor_s
        source = "the last known time"
    if found_s:
        board.set_clock(found_s)
        log("I", "clock set by " + source)


def is_confirmed() -> bool:
    """Whether a server confirmed the day that the clock shows."""
    return board.load_int(_DAY) == board.unix_time() // _DAY_S


def floor(agent) -> int:
    """Unix seconds that the clock may not stand before."""
    day_s = board.load_int(_DAY) * _DAY_S
    return max([time_s for time_s in (agent.floor_s, day_s) if time_s < _LAST_S] or (0,))
