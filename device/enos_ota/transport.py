"""One TCP or TLS connection that never waits past its deadline.

The socket underneath is always non-blocking: on a chip a blocking TLS handshake cannot be bounded (each
byte renews the time-out), and `setblocking` on a closed TLS socket panics. Every wait is ours.
Two faces: coroutines for HTTP and for opening; `read`, `write` and `setblocking` for umqtt, where
`setblocking(True)` means "a packet has begun" and starts the packet's deadline.
"""

import asyncio
import errno
import socket
import time

from micropython import const

from . import board, forget
from .errors import DownloadError, LinkError, StarvedError

_PACKET_MS = const(5000)
_WRITE_MS = const(1000)  # stalls the user's loop; only a full send buffer makes a small write wait
_LENGTH_BYTES = const(4)  # which MQTT says after a packet's first byte
_FIELD_BYTES = const(8192)  # no OTA message is longer; larger ones would not fit beside TLS
_PAYLOAD_BYTES = const(16384)  # larger ones end the connection
_TICK_MS = const(2)  # 5760 bytes of lwIP window per tick: not what limits a download
_STARVED_BYTES = const(4_000)  # less than this, at any time: a handshake has failed for it


class Transport:
    """A connection to one host.

    Attributes: received_ms (ticks of the last byte received); idle (the last read outside a packet found
    nothing).
    Raises: LinkError, from every method but `close`, of it StarvedError where memory is short; DownloadError
    where TLS refuses the server, or it us. The connection is then closed.
    """

    idle: bool
    rest: int  # bytes of the packet that are not read yet; until its length is known, bytes of the length
    body: int  # bytes of the packet behind its length
    _in_packet: bool

    def __init__(self) -> None:
        self.raw: socket.socket | None = None
        self.stream: socket.socket | None = None  # or the TLS stream around it
        self._byte = bytearray(1)
        self.context = None

    async def open(self, host: str, port: int, context, timeout_ms: int) -> None:
        """Connect; with a `context`, wrap in TLS (the handshake happens in the first `send`)."""
        self.allow(timeout_ms)
        from .dial import dial

        try:
            await dial(self, host, port, context)
        finally:
            dial = None  # type: ignore
            forget()

    async def send(self, data, timeout_ms: int) -> None:
        """Write all of `data`; the first call on a TLS connection performs the handshake."""
        self.allow(timeout_ms)
        view = memoryview(data)
        while len(view := view[self._try(view, False) or 0 :]):
            await self.pause("TLS handshake or write")
        if not getattr(self.context, "matched", True):
            self.fail("connection", ValueError("no certificate"))
        self.context = None  # the handshake is over: what breaks now is no refusal

    def allow(self, timeout_ms: int) -> None:
        """All that is received until the next call must be there within this time."""
        self._deadline = time.ticks_add(time.ticks_ms(), timeout_ms)

    async def receive(self, buf) -> int:
        """Read at least one byte into `buf`, at most its length, within what is `allow`ed; return the number."""
        while not (count := self._try(buf, True)):
            await self.pause("read")
        return count

    def receive_now(self, buf):
        """Read what is there into `buf`: the number of bytes, or None when nothing waits."""
        return self._try(buf, True)

    # The face that umqtt sees.

    def setblocking(self, in_packet: bool) -> None:
        """True: the next reads belong to one packet and wait for it until its deadline."""
        self._in_packet = in_packet
        self.rest = _LENGTH_BYTES
        self.allow(_PACKET_MS)

    def read(self, size: int):
        """Exactly `size` bytes, good until the next call; None when none wait and no packet has begun.

        None, too, for a payload that is too large or finds no memory: it is read and dropped.
        """
        self.rest -= size
        if size > _FIELD_BYTES or self.rest < 0:
            return self._drop(size)
        data = view = self._byte
        if size != 1:
            try:
                data = bytearray(size)
            except MemoryError:
                return self._drop(size)
            view = memoryview(data)  # type: ignore[assignment]
        self.idle = False
        while size:
            count = self._try(view, True)
            if count:
                size -= count
                view = view[count:]
            elif self._in_packet:
                self._wait("read")
            else:
                self.idle = True
                return None
        return data

    def _drop(self, size: int) -> None:
        # The payload is what ends a packet, but not all of it behind the length of the topic.
        if self.rest or size + 2 >= self.body or size > _PAYLOAD_BYTES:
            self.fail("%d bytes refused" % size)
        self.rest = size
        while self.rest:
            self.read(self.rest & 63 or 64)

    def write(self, data) -> None:
        """Write all of `data`; a peer that does not read stalls the caller for a second, no longer."""
        self.allow(_WRITE_MS)
        view = memoryview(data)
        while len(view := view[self._try(view, False) or 0 :]):
            self._wait("write")

    def close(self) -> None:
        """Close; safe to repeat."""
        for stream in (self.stream, self.raw):
            try:
                if stream:
                    stream.close()  # a TLS stream that failed does not close the socket below
            except OSError:
                pass
        self.stream = self.raw = None

    def _try(self, buf, reads: bool):
        stream = self.stream
        if stream is None:
            raise LinkError("closed")
        try:
            count = stream.readinto(buf) if reads else stream.write(buf)
        except (OSError, ValueError) as error:
            self.fail("connection", error)
        if reads and count is not None:
            if not count:
                self.fail("closed by the server")
            self.received_ms = time.ticks_ms()
        return count

    def pause(self, what: str):
        """A tick to be awaited; past the deadline it ends the connection."""
        # Not a coroutine: it would allocate its frame at each tick.
        self._wait(what, 0)
        return asyncio.sleep_ms(_TICK_MS)

    def _wait(self, what: str, tick_ms: int = _TICK_MS) -> None:
        if time.ticks_diff(self._deadline, time.ticks_ms()) <= 0:
            self.fail(what + " timed out")
        time.sleep_ms(tick_ms)

    def fail(self, what: str, error=None) -> None:
        """End the connection with the error that says why."""
        # Shortage seldom looks like one: certificates are "not correctly signed", writes never end.
        starved = getattr(error, "errno", 0) in (errno.ENOMEM, -errno.ENOMEM)
        if self.stream is not self.raw and not starved:
            starved = board.is_starved()
            if isinstance(error, ValueError):  # by now there may be memory again
                starved = starved or board.least_free_bytes() < _STARVED_BYTES
        self.close()
        if starved:
            raise StarvedError("not enough memory for a TLS session")
        if self.context and error:
            from .refusal import meaning

            text = meaning(self.context, error)
            if text:  # nothing that a retry would change: not a LinkError
                raise DownloadError("TLS refused: " + text)
        raise LinkError("%s: %s" % (what, error) if error else what)
