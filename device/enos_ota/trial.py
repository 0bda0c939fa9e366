"""The trial of a new image: it stays only if the next release can reach it too."""

import asyncio
import time

from micropython import const

from . import board, journal, otadata
from .errors import LinkError
from .log import log

_PING_MS = const(10_000)


class Trial:
    """Judges the running image; a failure keeps its reason and resets, and the bootloader rolls back.

    Passed when the application is alive after `trial_app_s`, EnOS answers, and `self_test` says so, all within
    `trial_s`. The watchdog, which /boot.py armed, ends what cannot end itself.
    """

    def __init__(self, agent) -> None:
        self._agent = agent

    def watch(self) -> None:
        """Once a second: end the trial when the application ended or time is up."""
        if self._agent.app_ended:
            self._fail(self._agent.app_ended)
        if self._age_ms() > self._agent.config.trial_s * 1000:
            self._fail("not proven within %d s" % self._agent.config.trial_s)

    async def prove(self) -> None:
        """Pass the trial over an open session, mark the image valid, and owe EnOS the "100".

        Power cut: before the mark the former image returns, after it this one stays.
        Raises: LinkError when the session breaks; the trial goes on with the next one.
        """
        book = journal.Journal()
        version = book.entry["version"] or self._agent.version
        await self._prove_link(version)
        log("I", "trial: EnOS answers")
        while self._age_ms() < self._agent.config.trial_app_s * 1000:
            self.watch()
            self._agent.session.poll()
            await asyncio.sleep_ms(100)
        self.watch()
        if self._agent.self_test() is False:
            self._fail("self_test failed")
        otadata.confirm()
        log("I", "trial: passed, this image stays")
        self._agent.owe(100, version)

    async def _prove_link(self, version: str) -> None:
        session = self._agent.session
        try:
            await session.request("progress", {"step": "99", "desc": version + ": on trial"})
            return
        except LinkError:
            if not session.is_open:
                raise
        # EnOS need not answer progress. A broker that answers a ping can still deliver a command.
        start = time.ticks_ms()
        session.ping()
        while time.ticks_diff(session.sock.received_ms, start) < 0:
            if time.ticks_diff(time.ticks_ms(), start) > _PING_MS:
                raise LinkError("EnOS answers neither progress nor ping")
            session.poll()
            await asyncio.sleep_ms(20)

    def _age_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._agent.started_ms)

    def _fail(self, reason: str) -> None:
        log("E", "trial failed: " + reason)
        journal.Journal().save(desc=reason[:80])
        board.reset()
