"""The first act of an upgrade: the file is fetched, over as many connections as it takes."""

from micropython import const

from . import forget
from .errors import DownloadError, GaveUpError

_CONNECTIONS = const(100)  # in one upgrade


def fetch(job):
    """Fetch the firmware of an `Upgrade` into its slot, from the job's position on: a coroutine.

    A lost connection continues at the byte.
    Raises: LinkError after six connections in a row without a byte, GaveUpError (step -7) when the budget of
    connections or time is spent, StarvedError when there is no memory even with the MQTT session closed, and
    what `reach` and `stream` raise.
    """
    return _Fetch(job).run()


class _Fetch:
    # job: the `Upgrade`. body: what the connection delivers. before: the byte that it began at. fruitless:
    # connections in a row that brought no byte. changes of the file. known: what a source tells the next one.
    # No more than this stays loaded while bytes arrive.

    def __init__(self, job) -> None:
        self.job = job
        self.body = None
        self.known: list = ["", "", -1]
        self.before = self.fruitless = self.changes = 0

    async def run(self) -> None:
        job = self.job
        try:
            while job.connections < _CONNECTIONS:
                job.connections += 1
                job.check_time()
                try:
                    await self._connection()
                    return
                except DownloadError as error:
                    self.close()
                    from .patience import outlast

                    await outlast(self, error)
                    outlast = None  # type: ignore
            raise GaveUpError("%d connections did not suffice" % _CONNECTIONS)
        finally:
            # Before what may lack memory: else there is no session ever again.
            job.agent.hushed = False
            self.close()

    async def _connection(self) -> None:
        job = self.job
        self.before = job.position
        try:
            # One after the other: the connection needs the memory.
            from .reach import reach

            await reach(self)
            reach = None  # type: ignore
            forget()
            from .stream import stream

            try:
                await stream(job, self.body)
            finally:
                stream = None  # type: ignore
        finally:
            self.fruitless = 0 if job.position > self.before else self.fruitless + 1

    def close(self) -> None:
        # And forget what can be had again: a new connection needs the memory.
        if self.body:
            self.body.close()  # type: ignore
        self.body = None
        forget()
