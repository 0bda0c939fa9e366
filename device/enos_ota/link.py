"""The way to the network, and the clock that verified TLS needs first."""

import asyncio
import time

from micropython import const

from . import board
from .errors import LinkError, StarvedError
from .log import log

_JOIN_MS = const(20_000)
_NTP_EVERY_S = const(86_400)
_REJOIN = const(16)  # sessions that failed in a row, for an hour: Wi-Fi may be joined, and dead


async def prepare(agent) -> None:
    """Bring up what a session of `agent` needs: the network, the clock, a TLS context.

    Raises: LinkError.
    """
    link = Link(agent.config, agent.clock_set_s)
    await link.up(agent.session.failures % _REJOIN == _REJOIN - 1)
    link.set_clock(agent.floor_s)
    await asyncio.sleep_ms(0)  # between two DNS look-ups the watchdog is fed
    agent.clock_set_s = link.clock_set_s
    if not agent.context:
        from .trust import tls_context

        agent.context = tls_context(agent.config.ca)


class Link:
    """Wi-Fi by config, or the application's own link (`network` is `external`).

    clock_set_s: Unix seconds of the last NTP answer in this boot; 0: ask again.
    """

    def __init__(self, config, clock_set_s: int = 0) -> None:
        self._config = config
        self.clock_set_s = clock_set_s

    async def up(self, again: bool = False) -> None:
        """Join a configured network unless one is joined; `again`: in any case.

        Raises: LinkError when none of them can be joined; StarvedError when the application turns Wi-Fi off.
        """
        if self._config.network != "wifi":
            return
        wlan = board.station()
        if wlan.isconnected() and not (again and self._config.wifi):
            return
        wlan.active(True)
        for entry in self._config.wifi:
            try:
                wlan.disconnect()
                wlan.connect(entry["ssid"], entry.get("password"))
            except (OSError, RuntimeError, KeyError, TypeError, AttributeError) as error:
                log("W", "Wi-Fi: %s" % error)
            start = time.ticks_ms()
            while time.ticks_diff(time.ticks_ms(), start) < _JOIN_MS:
                if wlan.isconnected():
                    log("I", "Wi-Fi joined")
                    return
                if not wlan.active():
                    raise StarvedError("Wi-Fi: turned off by the application")
                await asyncio.sleep_ms(100)
        raise LinkError("Wi-Fi: no configured network can be joined")

    def set_clock(self, floor_s: int) -> None:
        """Set the clock by NTP once a day where configured, and never let it stand before `floor_s`.

        `floor_s` is Unix seconds: the build time of the running release, before which no certificate
        that matters was issued.
        """
        now_s = board.unix_time()
        if self._config.ntp and abs(now_s - self.clock_set_s) > _NTP_EVERY_S:
            try:
                board.ask_ntp(self._config.ntp)
                self.clock_set_s = now_s = board.unix_time()
                log("I", "clock set by NTP")
            except (OSError, ValueError) as error:
                log("W", "NTP: %s" % error)
        if now_s < floor_s:
            board.set_clock(floor_s)
            log("W", "clock set to the build time")
