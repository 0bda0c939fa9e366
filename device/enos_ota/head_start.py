"""A boot in which the agent goes first, without the application."""

import asyncio
import time

from micropython import const

from . import board, forget
from .agent import Agent, select_first

_SOUND_S = const(30)  # an agent that lives so long alone is not what fails
_FAILS = const(3)  # that call for safe mode
_JOIN_MS = const(28_000)  # a network, as in link.py
_HOOK_MS = const(60_000)


class HeadStart:
    """limit_ms: how long the application waits for a board that is not online, besides the time to join networks.

    after_ms: how long it waits for what EnOS may push to one that is. suffix: of the version that EnOS is told.
    """

    def __init__(self, limit_ms: int, after_ms: int, suffix: str) -> None:
        self._limit_ms = limit_ms
        self._after_ms = after_ms
        self._suffix = suffix

    def run(self) -> None:
        """Serve EnOS without the application; return when its turn has come."""
        forget("alone rescue journal otadata image record segment")
        free_bytes = board.largest_free_block()
        agent = Agent(alone=True)
        agent.version += self._suffix
        # No application to choose: what EnOS offers to this version is meant for it.
        if self._suffix:
            agent.select = select_first
        if agent.config.network != "external":  # or the application has to bring the network up
            has_worked = asyncio.run(self._serve(agent))
            asyncio.new_event_loop()
            # MicroPython 1.23 would keep this agent beside the application's.
            asyncio.core.cur_task = None  # type: ignore[attr-defined]
            if has_worked and 2 * board.largest_free_block() < free_bytes:
                # The Python heap has grown in an upgrade: beside the application there would be no session.
                board.reset()

    async def _serve(self, agent) -> bool:
        # Whether there was an upgrade at work.
        has_worked = False
        task = asyncio.create_task(agent.run())
        informed_ms = None
        is_counted = False
        is_hook = agent.config.network == "hook"
        limit_ms = self._limit_ms + (_HOOK_MS if is_hook else _JOIN_MS * len(agent.config.wifi))
        while True:
            await asyncio.sleep(1)
            now = time.ticks_ms()
            age_ms = time.ticks_diff(now, agent.started_ms)
            if not is_counted and age_ms > _SOUND_S * 1000:
                is_counted = True
                _cap_fails()
            if not agent.is_informed:
                informed_ms = None
            elif informed_ms is None:
                informed_ms = now
            if agent.digest:
                has_worked = True
                continue
            if informed_ms is None:
                # What an upgrade has left may be too little memory for a session, until the next reset.
                is_over = age_ms > limit_ms or (has_worked and agent.starved_ms is not None)
                if is_over and not agent.session.is_open:
                    break
            elif agent.may_sleep() and time.ticks_diff(now, informed_ms) > self._after_ms:
                break
        task.cancel()
        agent.session.close()
        agent.keep_order()
        return has_worked


def _cap_fails() -> None:
    # More of them would have /boot.py take the slot's files for unusable.
    try:
        if board.load_int("fails", board.STUBS) > _FAILS:
            board.save_int("fails", _FAILS, board.STUBS)
    except OSError:
        pass
