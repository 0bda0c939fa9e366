"""What a download makes of the end of a connection: what it waits for before the next one, if there is one."""

import asyncio
import random
import time

from micropython import const

from . import board
from .errors import LinkError, StarvedError
from .log import log
from .session import backoff_ms

_TRIES = const(6)  # connections in a row that brought no byte: over 8 minutes, on the average
_SOON_MS = const(1000)
_HUSH_MS = const(20)
_OFFLINE_MS = const(500)
_STARVED_MS = const(15_000)


async def outlast(fetch, error) -> None:
    """Wait until the next connection of a `fetch` is worth a try.

    Raises: `error` itself where none is, what `wait` and `servertime.doubt` raise.
    """
    job = fetch.job
    if isinstance(error, StarvedError):
        if job.agent.hushed:
            raise error
        log("W", "%s: MQTT is closed for the download" % error)
        await hush(job.agent)
    elif not isinstance(error, LinkError):
        from .servertime import doubt

        await doubt(job.agent, error)
    else:
        if fetch.fruitless >= _TRIES:
            raise error
        log("W", "download at byte %d: %s" % (job.position, error))
        await wait(job, fetch.fruitless)


async def hush(agent) -> None:
    """Have the MQTT session closed, whose memory the download needs."""
    agent.hushed = True
    while agent.is_linked:
        await asyncio.sleep_ms(_HUSH_MS)


async def wait(job, fruitless: int) -> None:
    """Wait after so many connections in a row without a byte, and for the network if it is gone.

    After one that brought some the next one follows soon; else others may have lost the same server.
    Raises: GaveUpError (step -7) when the time of the upgrade is over; StarvedError when it is memory that keeps
    the MQTT session from coming back: the upgrade's own, which it would hold until then.
    """
    agent = job.agent
    await asyncio.sleep_ms(
        backoff_ms(agent.config.spread_s, fruitless)
        if fruitless
        else _SOON_MS + random.getrandbits(10)
    )
    # Without a network there is nothing to try.
    while (agent.config.network == "wifi" and not board.station().isconnected()) or not (
        agent.hushed or agent.is_informed
    ):
        job.check_time()
        since_ms = agent.starved_ms
        if since_ms is not None and time.ticks_diff(time.ticks_ms(), since_ms) > _STARVED_MS:
            raise StarvedError("not enough memory for a TLS session")
        await asyncio.sleep_ms(_OFFLINE_MS)
