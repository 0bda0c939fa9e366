"""A connection to the file of an upgrade: its end is judged, then it is opened where the slot's content ends.

Loaded for that and forgotten: while the bytes arrive they need the memory.
"""

from micropython import const

from . import forget
from .errors import DownloadError
from .log import log

_CHANGES = const(5)  # of the file
_TAIL_BYTES = const(8192)


async def reach(fetch) -> None:
    """Have the body of a `fetch` deliver the file of its job from the job's position on.

    Raises: what `tail.judge` and `preflight` raise, LinkError, DownloadError (step -2) where a server refuses.
    """
    job = fetch.job
    start, total_bytes = await _judge_tail(fetch) or await _open(fetch, job.position)
    if start != job.position:
        log("W", "the file is another one now: from the first byte")
        job.rewind()
        fetch.before = start
        fetch.changes += 1
    job.is_resumed = start > 0
    if fetch.changes >= _CHANGES:
        raise DownloadError("the file changes again and again")
    # Not before the connection stands: until then it needs the memory.
    from .preflight import preflight

    await preflight(job, fetch.body, total_bytes)


async def _judge_tail(fetch):
    # None, or what `_open` returned where the server knows no ranges: then the body is the whole file.
    job = fetch.job
    size_bytes = job.firmware.size_bytes or 0
    if job.position or job.is_judged or size_bytes <= _TAIL_BYTES:
        return None
    last = "%d" % (size_bytes - 1)
    opened = start, total_bytes = await _open(fetch, size_bytes - _TAIL_BYTES, last, False)
    if start and total_bytes == size_bytes:
        from .tail import judge

        await judge(job, fetch.body)
        judge = None  # type: ignore
        forget("tail permit record image segment")
    job.is_judged = True
    if not start:
        return opened
    fetch.close()  # one more handshake, but not the memory of two connections
    return None


async def _open(fetch, position: int, last: str = "", skips: bool = True) -> tuple:
    # (first byte that arrives, size of the file or None)
    from .source import Source

    job = fetch.job
    agent = job.agent
    source = Source(agent.config, agent.context, job.firmware, fetch.known)
    fetch.body = source.http  # to be closed, whatever happens
    opened = await source.open(position, last, skips)
    fetch.body = source.http.detach()
    source = Source = None  # type: ignore
    forget()
    return opened
