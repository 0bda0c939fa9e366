"""The body of an HTTP answer, of known length or in chunks: all that is needed while a file arrives."""

import asyncio

from micropython import const

from .digits import number
from .errors import DownloadError
from .transport import Transport

_BODY_MS = const(30_000)  # for each _PART_BYTES: a trickle must end
_PART_BYTES = const(4096)
_LINE_BYTES = const(1024)
_TRAILERS = const(64)
NO_HTTP = "not an HTTP answer"


class Body:
    """A connection and the body that it delivers.

    Attributes: left_bytes, not yet received (-1 while a chunked body has not ended).
    Raises: LinkError (step -2) for the network, DownloadError (step -2) for what the server said.
    """

    def __init__(self, transport=None) -> None:
        self._transport = transport or Transport()
        self._peer: tuple = ()  # of the connection, while it can serve another request
        self._byte = bytearray(1)
        self._run_bytes = 0  # that come in one piece
        self._due_bytes = 0  # until the deadline is renewed
        self.left_bytes = 0

    async def receive(self, buf) -> int:
        """Read body bytes into `buf`, at least one; 0 only at the end of a chunked body.

        Only while `left_bytes` is not 0.
        """
        if not self._run_bytes:
            if await self._line():
                raise DownloadError(NO_HTTP)
            await self._next_chunk()
            if not self._run_bytes:
                return 0
        if len(buf) > self._run_bytes:
            buf = memoryview(buf)[: self._run_bytes]
        return self._took(await self._transport.receive(buf))

    def receive_now(self, buf) -> int:
        """The same without waiting: 0 when nothing is there, or less than `buf` is to come. Allocates nothing."""
        if len(buf) > self._run_bytes:
            return 0
        return self._took(self._transport.receive_now(buf) or 0)

    def close(self) -> None:
        """Close the connection; safe to repeat."""
        self.left_bytes = self._run_bytes = 0
        self._peer = ()
        self._transport.close()

    def _took(self, count: int) -> int:
        self._run_bytes -= count
        if self.left_bytes > 0:
            self.left_bytes -= count
        self._due_bytes -= count
        if self._due_bytes <= 0:
            self._renew()
        return count

    def _renew(self) -> None:
        self._due_bytes = _PART_BYTES
        self._transport.allow(_BODY_MS)

    async def _next_chunk(self) -> None:
        line = await self._line()
        self._run_bytes = number(line.partition(";")[0].strip(), 16)
        if self._run_bytes > 0:
            return
        if not self._run_bytes:
            for _ in range(_TRAILERS):
                if not await self._line():
                    self.left_bytes = 0
                    return
        raise DownloadError(NO_HTTP)

    async def _line(self) -> str:
        line = bytearray()
        while len(line) < _LINE_BYTES:
            if not self._transport.receive_now(self._byte):
                await self._transport.receive(self._byte)
            if self._byte[0] == 10:
                break
            # All we look at is ASCII; 127 is none of it.
            line.append(min(self._byte[0], 127))
        else:
            raise DownloadError(NO_HTTP)
        await asyncio.sleep_ms(0)
        return line.decode().rstrip("\r")
