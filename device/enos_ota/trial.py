"""The trial of a new image: it stays only if the next release can reach it too."""

import asyncio
import time

from . import board, journal, orders, otadata
from .errors import LinkError
from .log import log


class Trial:
    """Judges the running image; a failure keeps its reason and resets, and the bootloader rolls back.

    Passed when the application is alive after `trial_app_s`, EnOS answers, and `self_test` says so, all within
    `trial_s`. The watchdog, which /boot.py armed, ends what cannot end itself.
    """

    def __init__(self, agent) -> None:
        self._agent = agent
        self._kept = None  # the command that is in NVS

    def watch(self) -> None:
        """Once a second: end the trial when the application ended or time is up."""
        if self._agent.application.ended:
            self._fail(self._agent.application.ended)
        if self._age_ms() > self._agent.config.trial_s * 1000:
            text = "not proven within %d s: %s" % (self._agent.config.trial_s, self._agent.trouble)
            self._fail(text.rstrip(": "))

    async def prove(self) -> None:
        """Pass the trial over an open session, mark the image valid, and owe EnOS the "100".

        Power cut: before the mark the former image returns, after it this one stays.
        Raises: LinkError when the session breaks; the trial goes on with the next one.
        """
        version = self._agent.version
        await self._prove_link(version)
        while self._age_ms() < self._agent.config.trial_app_s * 1000:
            self.watch()
            self._agent.session.poll()
            self._keep_order()
            self._agent.beat_ms = time.ticks_ms()
            await asyncio.sleep_ms(100)
        self.watch()
        self._keep_order()
        try:
            if not self._agent.self_test():
                self._fail("self_test failed")
        except Exception as error:
            self._fail("self_test raised %r" % error)
        otadata.confirm()
        log("I", "trial passed")
        orders.owe(self._agent, 100, version)

    async def _prove_link(self, version: str) -> None:
        session = self._agent.session
        start = time.ticks_ms()
        try:
            await session.request("progress", {"step": "99", "desc": version + ": on trial"})
        except LinkError:
            # EnOS need not answer progress: the answer to a ping will do.
            session.ping()
            while time.ticks_diff(session.sock.received_ms, start) < 0:
                session.poll()
                await asyncio.sleep_ms(100)

    def _keep_order(self) -> None:
        # Answered already: served after the trial, however it ends and by whichever image.
        params = self._agent.order
        if params is None or params is self._kept:
            return
        if params.get("version") == self._agent.version:
            self._agent.order = None  # the one on trial, pushed again: it is the newest
            journal.clear_command()
            return
        self._kept = params
        journal.keep_command(params)

    def _age_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._agent.started_ms)

    def _fail(self, reason: str) -> None:
        log("E", "trial failed: " + reason)
        self._keep_order()
        journal.keep(desc=reason[:80])
        board.reset()
