"""The trial of a new image: it stays only if the next release can reach it too."""

import asyncio
import time

from . import board, forget
from .errors import DownloadError, LinkError, StarvedError
from .log import log


class Trial:
    """Judges the running image; a failure keeps its reason and resets, and the bootloader rolls back.

    Passed when the file server and EnOS answer, the application is alive after `trial_app_s`, and `self_test` says
    so, all within `trial_s`. The watchdog, which /boot.py armed, ends what cannot end itself.
    """

    def __init__(self, agent) -> None:
        self._agent = agent
        agent.buf = board.buffer  # or none: the proof of the download path needs the memory
        self._kept = None  # the command that is in NVS
        self._can_download = False

    def watch(self) -> None:
        """Once a second: end the trial when the application ended or hangs, or time is up."""
        application = self._agent.application
        if application.ended:
            self._fail(application.ended)
        if application.is_late():
            self._fail("the application hangs")
        if self._age_ms() > self._agent.config.trial_s * 1000:
            text = "not proven within %d s: %s" % (self._agent.config.trial_s, self._agent.trouble)
            # Without a link it may be the network: no fault of the image.
            self._fail(text.rstrip(": "), not self._agent.session.is_open)

    async def prove_download(self) -> None:
        """Once per boot, before the session takes memory: the next release can be fetched."""
        if self._can_download:
            return
        try:
            from .proof import prove_download

            reason = await prove_download(self._agent, board.running())
        except (MemoryError, StarvedError) as error:
            reason = "download: not enough memory"
            if self._agent.mode != "live":  # it would be fetched without the application
                log("W", "%s: %r" % (reason, error))
                reason = ""
        except DownloadError:  # by its date: once more with another clock
            raise
        except Exception as error:
            reason = "download: %r" % error
        prove_download = None  # type: ignore
        forget("proof firmware")
        if reason:
            self._fail(reason)
        self._can_download = True

    async def prove(self) -> None:
        """Pass the trial over an open session, mark the image valid, and owe EnOS the "100".

        Power cut: before the mark the former image returns, after it this one stays.
        Raises: LinkError when the session breaks; the trial goes on with the next one.
        """
        version = self._agent.version
        await self._prove_link(version)
        application = self._agent.application
        while (
            self._age_ms() < max(self._agent.config.trial_app_s, application.timeout_s + 1) * 1000
        ):
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
        from . import journal, orders, otadata

        otadata.confirm()
        log("I", "trial passed")
        if journal.load()["state"] == journal.TRIAL:  # not where safe mode returned to this release
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
        from . import journal

        if params.get("version") == self._agent.version:
            self._agent.order = None  # the one on trial, pushed again: it is the newest
            journal.clear_command(journal.NEXT)
            return
        self._kept = params
        self._agent.keep_order()

    def _age_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._agent.started_ms)

    def _fail(self, reason: str, alibi: bool = False) -> None:
        log("E", "trial failed: " + reason)
        self._keep_order()
        from . import journal

        if journal.load()["state"] == journal.TRIAL:  # else a word may be owed
            journal.keep(desc=reason[:80], alibi=int(alibi))
        board.reset()
