"""The first act of an upgrade: the file is fetched, over as many connections as it takes."""

from micropython import const

from . import forget
from .errors import DownloadError, GaveUpError, LinkError, StarvedError
from .log import log

_TRIES = const(6)  # connections in a row that brought no byte: over 8 minutes, on the average
_CONNECTIONS = const(100)  # in one upgrade
_CHANGES = const(5)  # of the file


def fetch(job):
    """Fetch the firmware of an `Upgrade` into its slot, from the job's position on: a coroutine.

    A lost connection continues at the byte.
    Raises: LinkError after six connections in a row without a byte, GaveUpError (step -7) when the budget of
    connections or time is spent, StarvedError when there is no memory even with the MQTT session closed, and
    what `preflight` and `stream` raise.
    """
    return _Fetch(job).run()


class _Fetch:
    def __init__(self, job) -> None:
        self._job = job
        self._body = None
        self._known: list = ["", "", -1]  # what a source tells the next one
        self._fruitless = self._changes = 0

    async def run(self) -> None:
        try:
            while self._job.connections < _CONNECTIONS:
                self._job.connections += 1
                self._job.check_time()
                try:
                    await self._connection()
                    return
                except LinkError as error:
                    self.close()
                    await self._after(error)
            raise GaveUpError("%d connections did not suffice" % _CONNECTIONS)
        finally:
            # Before what may lack memory: else there is no session ever again.
            self._job.agent.hushed = False
            self.close()

    async def _after(self, error) -> None:
        job = self._job
        if isinstance(error, StarvedError):
            if job.agent.hushed:
                raise error
            log("W", "%s: MQTT is closed for the download" % error)
            from .patience import hush

            await hush(job.agent)
        else:
            if self._fruitless >= _TRIES:
                raise error
            log("W", "download at byte %d: %s" % (job.position, error))
            from .patience import wait

            await wait(job, self._fruitless)

    async def _connection(self) -> None:
        job = self._job
        before = job.position
        try:
            before, changed, total_bytes = await self._open(before)
            self._changes += changed
            if self._changes >= _CHANGES:
                raise DownloadError("the file changes again and again")
            # One after the other, and not before the connection stands: until then it needs the memory.
            from .preflight import preflight

            await preflight(job, self._body, total_bytes)
            preflight = None  # type: ignore
            forget()
            from .stream import stream

            try:
                await stream(job, self._body)
            finally:
                stream = None  # type: ignore
        finally:
            self._fruitless = 0 if job.position > before else self._fruitless + 1

    def close(self) -> None:
        # And forget what can be had again: a new connection needs the memory.
        if self._body:
            self._body.close()  # type: ignore
        self._body = None
        forget()

    async def _open(self, position: int) -> tuple:
        # (first byte that arrives, whether the file is another one now, its size or None)
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
        return start, start != position, total_bytes
