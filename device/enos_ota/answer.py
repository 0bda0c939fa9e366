"""What a server's answer to a request for a part of the file means."""

import asyncio

from micropython import const

from .digits import number
from .errors import DownloadError

_SKIP_BYTES = const(512)
_ETAG = const(1)  # in what is known: a strong one
_TOTAL = const(2)  # bytes; -1: not known


def judge(http, known: list, position: int, old: str) -> int:
    """The byte that an answer begins with: `position`, or 0 of another file. -1: ask again from byte 0.

    known: ETag and size of the file, learned and compared. old: a session that may have expired.
    Raises: DownloadError (step -2), LinkError (step -2) where a retry is worth it.
    """
    status = http.status
    etag = http.headers.get("etag", "")
    if etag[:1] != '"':
        etag = ""  # weak, of no use for ranges
    total = http.left_bytes
    former = known[_ETAG]
    if status == 206:
        total = _span(http, position)
        former = etag and former  # not every server repeats it here
    elif status != 200 and (status != 416 or old or not position):
        raise http.refusal()
    if position and (
        status == 416
        or (former and former != etag)
        or (known[_TOTAL] >= 0 and total not in (-1, known[_TOTAL]))
        or 0 <= total < position
    ):
        if status != 200:
            return -1
        if old and not etag:
            raise http.refusal()  # may not be a file at all
        position = 0
    if not position:
        known[_ETAG] = ""
        known[_TOTAL] = -1
    known[_ETAG] = etag or known[_ETAG]
    if total >= 0:
        known[_TOTAL] = total
    return position


def _span(http, position: int) -> int:
    # The size of the whole file; -1 where it is not told.
    start = "bytes %d-" % position
    span, _, size = http.headers.get("content-range", "").partition("/")
    last = number(span[len(start) :])
    total = number(size)
    if (
        not span.startswith(start)
        or last < position
        or http.left_bytes not in (-1, last - position + 1)
        or (total <= last and size != "*")
    ):
        raise DownloadError("not the range asked for")
    return total


async def skip(http, count: int) -> bool:
    """Read and drop what is already in the slot, since the server knows no ranges; whether it was there."""
    scratch = memoryview(bytearray(_SKIP_BYTES))
    while count and http.left_bytes:
        if count < _SKIP_BYTES:
            scratch = scratch[:count]
        count -= http.receive_now(scratch) or await http.receive(scratch)
        await asyncio.sleep_ms(0)
    return not count
