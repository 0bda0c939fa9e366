"""The bytes of a file arrive and go into the slot, sector by sector; it is judged as it passes."""

import asyncio
import time

from micropython import const

from . import board, forget
from .errors import DownloadError, LinkError, StarvedError
from .slot import SlotWriter

_SECTOR = const(4096)
_BLOCK = const(65_536)
_LEAST_GAIN = const(5)  # percent between reports
_LEAST_MS = const(2000)
_DOWNLOADED = const(98)  # 99 is said by the new image on trial, 100 by the one that stays


def stream(job, body):
    """Put what `body` delivers into the slot of an `Upgrade`, from its `position` on: a coroutine.

    However it ends, `position` and `erased` say what the slot holds; each block of 64 KiB is journaled.

    Raises: VerifyError (step -3) where the image's segments go wrong; LinkError, DownloadError (step -2);
    BurnError (step -4); GaveUpError (step -7) when the time is over; StarvedError where memory is short.
    """
    return _Stream(job, body).run()


class _Stream:
    def __init__(self, job, body) -> None:
        self._job = job
        self._body = body
        self._writer = SlotWriter(job.target, job.buf, job.position, job.erased, job.rewritten)
        self._due_ms = time.ticks_ms()

    async def run(self) -> None:
        job = self._job
        body = self._body
        writer = self._writer
        total_bytes = job.size_bytes
        try:
            while body.left_bytes:
                space = writer.space()
                count = body.receive_now(space) or await body.receive(space)
                position = writer.position + count
                if position > total_bytes:
                    raise DownloadError("more than the announced %d bytes" % total_bytes)
                writer.taken(count)
                if position % _BLOCK == 0:
                    self._block(position)
                while job.headers > 1 and job.next_header + 8 <= position & -_SECTOR:
                    self._walk()
                self._report(position * _DOWNLOADED // total_bytes)
                await asyncio.sleep_ms(0)
            if writer.position < total_bytes:
                raise LinkError("the answer ended early")
            writer.finish()
            self._due_ms = time.ticks_ms()
            self._report(_DOWNLOADED)
        finally:
            job.position, job.erased = writer.position, writer.erased
            job.rewritten = writer.rewritten

    def _block(self, position: int) -> None:
        self._job.position = position
        self._job.keep_block()
        self._job.check_time()
        # Bytes would go on coming, 2 KB a second, and MQTT is lost.
        if board.is_starved():
            raise StarvedError("not enough memory for the network")

    def _walk(self) -> None:
        # In what is in flash: a header may cross sectors. A file that goes wrong is not fetched to its end.
        from .segment import next_segment

        job = self._job
        job.next_header = next_segment(job.target, job.next_header, job.size_bytes)
        job.headers -= 1
        next_segment = None  # type: ignore
        forget()

    def _report(self, step: int) -> None:
        # After 5 % more, or after 2 s if it changed; it never falls.
        job = self._job
        gain = step - job.said
        now = time.ticks_ms()
        if gain >= _LEAST_GAIN or (gain > 0 and time.ticks_diff(now, self._due_ms) >= 0):
            job.said = step
            self._due_ms = time.ticks_add(now, _LEAST_MS)
            job.agent.report(step, job.firmware.version + ": downloading")
