"""A boot in which the agent goes first, without the application."""

import asyncio
import time

from micropython import const

from .agent import Agent

_AFTER_INFORM_MS = const(20_000)  # time for EnOS to push


class HeadStart:
    """limit_ms: how long the application waits for a board that is not online."""

    def __init__(self, limit_ms: int) -> None:
        self._limit_ms = limit_ms

    def run(self) -> None:
        """Serve EnOS without the application; return when its turn has come."""
        agent = Agent(alone=True)
        if agent.config.network == "wifi":  # or the application has to bring the network up
            asyncio.run(self._serve(agent))
            asyncio.new_event_loop()
            # MicroPython 1.23 would keep this agent beside the application's.
            asyncio.core.cur_task = None  # type: ignore[attr-defined]

    async def _serve(self, agent) -> None:
        task = asyncio.create_task(agent.run())
        informed_ms = None
        while True:
            await asyncio.sleep(1)
            now = time.ticks_ms()
            if not agent.is_informed:
                informed_ms = None
            elif informed_ms is None:
                informed_ms = now
            if agent.digest:
                continue
            if informed_ms is None:
                if time.ticks_diff(now, agent.started_ms) > self._limit_ms:
                    break
            elif agent.may_sleep() and time.ticks_diff(now, informed_ms) > _AFTER_INFORM_MS:
                break
        task.cancel()
        agent.session.close()
