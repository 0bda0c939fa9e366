"""The way to the network."""

import asyncio
import time

from micropython import const

from . import board
from .errors import LinkError, StarvedError
from .log import log

_QUICK_MS = const(8000)  # for each of several networks: one that is not in the air costs no more
_JOIN_MS = const(20_000)  # for each of them that is slow, or that the driver misses at first
_HOOK_S = const(60)
_REJOIN = const(16)  # sessions that failed in a row, for an hour: Wi-Fi may be joined, and dead


async def prepare(agent) -> None:
    """Bring up the network for a session of `agent`.

    Raises: LinkError.
    """
    config = agent.config
    link = Link(config)
    # Many networks take longer than a main loop that hangs is fed.
    most_ms = (_QUICK_MS + _JOIN_MS) * len(config.wifi)
    agent.beat_ms = time.ticks_add(agent.beat_ms, most_ms)
    await link.up(agent.session.failures % _REJOIN == _REJOIN - 1)


class Link:
    """Wi-Fi by config, or what `network` says: `hook`: `enos_link.up()`; `external`: the application's own."""

    def __init__(self, config) -> None:
        self._config = config

    async def up(self, again: bool = False) -> None:
        """Bring the network up unless it is; `again`: leave the Wi-Fi that is joined for the next in the list.

        Raises: LinkError when it cannot be; StarvedError when the application turns Wi-Fi off, or leaves it no
        memory.
        """
        if self._config.network == "hook":
            await _ask_hook()
        elif self._config.network == "wifi":
            await self._join(again)

    async def _join(self, again: bool) -> None:
        networks = self._config.wifi
        try:
            wlan = board.station()
            if wlan.isconnected() and not (again and networks):
                return
            if networks:  # else it is the application that joins
                wlan.active(True)
        except (OSError, RuntimeError) as error:  # 0x0101: no memory for its buffers
            raise StarvedError("Wi-Fi: %s" % error) from None
        if again:
            self._config.wifi = networks = networks[1:] + networks[:1]
        # The time decides, not `status`: it may be another network's, or an attempt's that failed by chance.
        for limit_ms in (_QUICK_MS, _JOIN_MS) if len(networks) > 1 else (_JOIN_MS,):
            for entry in networks:
                if await _try(wlan, entry, limit_ms):
                    log("I", "Wi-Fi joined")
                    return
        raise LinkError("Wi-Fi: no configured network can be joined")


async def _try(wlan, entry, limit_ms: int) -> bool:
    name = "?"
    try:
        name = entry["ssid"]
        wlan.disconnect()  # or the driver goes on with the former one, and refuses
        wlan.connect(name, entry.get("password"))
    except Exception as error:  # an entry that cannot be used must not keep the others from a try
        log("W", "Wi-Fi: %s" % error)
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < limit_ms:
        await asyncio.sleep_ms(100)  # what was left seems connected for some ms
        if wlan.isconnected():
            return True
        if not wlan.active():
            raise StarvedError("Wi-Fi: turned off by the application")
    log("W", "Wi-Fi: %s not joined, status %s" % (name, wlan.status()))
    return False


async def _ask_hook() -> None:
    try:
        # No `import` statement: what the agent imports by one, a release may not bring.
        answer = __import__("enos_link").up()
        if hasattr(answer, "send"):  # a coroutine
            await asyncio.wait_for(answer, _HOOK_S)
    except MemoryError:
        raise
    except Exception as error:
        raise LinkError("enos_link: %r" % error) from None
