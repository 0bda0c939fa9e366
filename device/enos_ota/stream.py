"""The bytes of a file arrive and go into the slot, sector by sector; it is judged as it passes."""

import asyncio
import time

from micropython import const

from . import board, forget
from .errors import DownloadError, LinkError
from .slot import SlotWriter

_SECTOR = const(4096)
_BLOCK = const(65_536)
_HEAD_BYTES = const(288)  # what preflight judges
_LEAST_GAIN = const(5)  # percent between reports
_LEAST_MS = const(2000)
_DOWNLOADED = const(98)  # 99 is said by the new image on trial, 100 by the one that stays


async def stream(job, body) -> None:
    """Put what `body` delivers into the slot of an `Upgrade`, from its `position` on.

    However it ends, `position` and `erased` say what the slot holds; each block of 64 KiB is journaled.

    Raises: VerifyError (step -3) or UpgradeError (step -1), from preflight before anything is erased; LinkError,
    DownloadError (step -2); BurnError (step -4); GaveUpError (step -7) when the time is over.
    """
    writer = SlotWriter(job.target, job.buf, job.position, job.erased, job.rewritten)
    try:
        await _Stream(job, body, writer).run()
    finally:
        job.position, job.erased = writer.position, writer.erased
        job.rewritten = writer.rewritten


class _Stream:
    def __init__(self, job, body, writer) -> None:
        self._job = job
        self._body = body
        self._writer = writer
        self._due_ms = time.ticks_ms()

    async def run(self) -> None:
        job = self._job
        body = self._body
        writer = self._writer
        total_bytes = job.size_bytes
        while body.left_bytes:
            space = writer.space()
            count = body.receive_now(space) or await body.receive(space)
            position = writer.position + count
            if position > total_bytes:
                raise DownloadError("more than the announced %d bytes" % total_bytes)
            if not job.headers and position >= min(_HEAD_BYTES, total_bytes):
                self._preflight(position)
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

    def _block(self, position: int) -> None:
        self._job.position = position
        self._job.keep_block()
        self._job.check_time()

    def _preflight(self, filled: int) -> None:
        from . import preflight

        job = self._job
        running = bytearray(24)
        board.running().readblocks(0, running, 0)
        preflight.check(memoryview(job.buf)[:filled], job.size_bytes, running)
        job.headers = job.buf[1] + 1  # the last of them is the padding
        job.next_header = 24
        job.measure(job.size_bytes)  # not before: what the file is tells more than its size
        preflight = None  # type: ignore
        forget()

    def _walk(self) -> None:
        # In what is in flash: a header may cross sectors. A file that goes wrong is not fetched to its end.
        from .image import next_segment

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
