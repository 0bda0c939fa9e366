"""The first act of an upgrade: the file is fetched, over as many connections as it takes."""

import asyncio

from micropython import const

from . import forget
from .errors import DownloadError, LinkError, StarvedError
from .log import log

_TRIES = const(5)  # connections in a row that brought no byte
_RETRY_MS = const(1000)
_HUSH_MS = const(20)


async def fetch(job) -> None:
    """Fetch the firmware of an `Upgrade` into its slot.

    A lost connection continues at the byte. Raises: LinkError after five connections in a row without a byte,
    StarvedError when there is no memory even with the MQTT session closed, and what `stream` raises.
    """
    work = _Fetch(job)
    try:
        await work.run()
    finally:
        job.agent.hushed = False  # before what may lack memory: else there is no session ever again
        work.close()


class _Fetch:
    def __init__(self, job) -> None:
        self._job = job
        self._body = None
        self._known: list = ["", "", -1]  # what a source tells the next one
        job.rewind()
        job.is_resumed = False

    async def run(self) -> None:
        job = self._job
        fruitless = changes = 0
        while True:
            before = job.position
            try:
                before, changed = await self._open(before)
                changes += changed
                if changes >= _TRIES:
                    raise DownloadError("the file changes again and again")
                # Not before the connection stands: until then it needs the memory.
                from .stream import stream

                try:
                    await stream(job, self._body)
                    return
                finally:
                    stream = None  # type: ignore
            except StarvedError as error:
                self.close()
                if job.agent.hushed:
                    raise
                log("W", "%s: MQTT is closed for the download" % error)
                await self._hush()
            except LinkError as error:
                self.close()
                fruitless = 0 if job.position > before else fruitless + 1
                if fruitless >= _TRIES:
                    raise
                log("W", "download at byte %d: %s" % (job.position, error))
                await asyncio.sleep_ms(_RETRY_MS << fruitless)

    def close(self) -> None:
        # And forget what can be had again: a new connection needs the memory.
        if self._body:
            self._body.close()  # type: ignore
        self._body = None
        forget()

    async def _hush(self) -> None:
        agent = self._job.agent
        agent.hushed = True
        while agent.is_linked:
            await asyncio.sleep_ms(_HUSH_MS)

    async def _open(self, position: int) -> tuple:
        # (first byte that arrives, whether the file is another one now)
        from .source import Source

        job = self._job
        agent = job.agent
        source = Source(agent.config, agent.context, job.firmware, self._known)
        self._body = source.http  # type: ignore  # to be closed, whatever happens
        start, total_bytes = await source.open(position)
        self._body = source.http.detach()  # type: ignore
        source = Source = None  # type: ignore
        forget()
        if start != position:
            log("W", "the file is another one now: from the first byte")
            job.rewind()
        job.is_resumed = start > 0
        job.measure(total_bytes)
        return start, start != position
