"""One TCP or TLS connection that never waits past its deadline.

The socket underneath is always non-blocking: on a chip a blocking TLS handshake cannot be bounded (each
byte renews the time-out), and `setblocking` on a closed TLS socket panics. Every wait is ours.
Two faces: coroutines for HTTP and for opening; `read`, `write` and `setblocking` for umqtt, where
`setblocking(True)` means "a packet has begun" and starts the packet's deadline.
"""

import asyncio
import errno
import gc
import select
import socket
import time

from micropython import const

from . import board
from .errors import DownloadError, LinkError, StarvedError

_PACKET_MS = const(5000)
_FIELD_BYTES = const(8192)  # no OTA message is longer; larger ones would not fit beside TLS
_TICK_MS = const(2)  # 5760 bytes of lwIP window per tick: not what limits a download
_TLS_BLOCK_BYTES = const(40_000)  # largest free IDF block that a session needs to begin
_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)


class Transport:
    """A connection to one host.

    Attributes: received_ms (ticks of the last byte received); idle (the last read outside a packet found
    nothing).
    Raises: LinkError, from every method but `close`, or DownloadError where TLS refuses the server's
    certificate; the connection is then closed.
    """

    def __init__(self) -> None:
        self._raw: socket.socket | None = None
        self._stream: socket.socket | None = None  # or the TLS stream around it
        self._byte = bytearray(1)
        self._in_packet = False
        self._deadline = time.ticks_ms()
        self.received_ms = time.ticks_ms()
        self.idle = True

    async def open(self, host: str, port: int, context, timeout_ms: int) -> None:
        """Connect; with a `context`, wrap in TLS (the handshake happens in the first `send`)."""
        self.allow(timeout_ms)
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
            raw = self._raw = self._stream = socket.socket()
            raw.setblocking(False)
            raw.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
            try:
                raw.connect(address)
            except OSError as error:
                if abs(error.errno or 0) != errno.EINPROGRESS:
                    raise
            poller = select.poll()
            poller.register(raw, select.POLLOUT | select.POLLHUP)
            ready = poller.poll(0)
            while not ready:
                await self._pause("connect")
                ready = poller.poll(0)
            if ready[0][1] != select.POLLOUT:
                self._fail("connection refused")
            if context is not None:
                gc.collect()  # gives areas back that the Python heap grew into
                if board.largest_free_block() < _TLS_BLOCK_BYTES:
                    self.close()
                    raise StarvedError("not enough memory for a TLS session")
                self._stream = context.wrap_socket(
                    raw, server_hostname=host, do_handshake_on_connect=False
                )
        except (OSError, ValueError) as error:
            self._fail("%s: %s" % (host, error))

    async def send(self, data, timeout_ms: int) -> None:
        """Write all of `data`; the first call on a TLS connection performs the handshake."""
        self.allow(timeout_ms)
        view = memoryview(data)
        while True:
            view = view[self._try(view, False) or 0 :]
            if not len(view):
                return
            await self._pause("write")

    def allow(self, timeout_ms: int) -> None:
        """All that is received until the next call must be there within this time."""
        self._deadline = time.ticks_add(time.ticks_ms(), timeout_ms)

    async def receive(self, buf) -> int:
        """Read at least one byte into `buf`, at most its length, within what is `allow`ed; return the number."""
        while True:
            count = self.receive_now(buf)
            if count:
                return count
            await self._pause("read")

    def receive_now(self, buf):
        """Read what is there into `buf`: the number of bytes, or None when nothing waits."""
        return self._try(buf, True)

    # The face that umqtt sees.

    def setblocking(self, in_packet: bool) -> None:
        """True: the next reads belong to one packet and wait for it until its deadline."""
        self._in_packet = in_packet
        self.allow(_PACKET_MS)

    def read(self, size: int):
        """Exactly `size` bytes, good until the next call; None when none wait and no packet has begun."""
        if size > _FIELD_BYTES:
            self._fail("field of %d bytes refused" % size)
        data = self._byte if size == 1 else bytearray(size)
        view = memoryview(data) if size > 1 else data
        while size:
            count = self._try(view, True)
            self.idle = not (count or self._in_packet)
            if self.idle:
                return None
            if not count:
                self._wait("read")
                continue
            size -= count
            if size:
                view = view[count:]
        return data

    def write(self, data, size: int = -1) -> None:
        """Write `data`, or its first `size` bytes, waiting until the packet's deadline."""
        self.setblocking(True)
        view = memoryview(data)
        if size >= 0:
            view = view[:size]
        while True:
            view = view[self._try(view, False) or 0 :]
            if not len(view):
                return
            self._wait("write")

    def close(self) -> None:
        """Close; safe to repeat."""
        for stream in (self._stream, self._raw):
            try:
                if stream:
                    stream.close()  # a TLS stream that failed does not close the socket below
            except OSError:
                pass
        self._stream = self._raw = None

    def _try(self, buf, reads: bool):
        stream = self._stream
        if stream is None:
            raise LinkError("connection is closed")
        try:
            count = stream.readinto(buf) if reads else stream.write(buf)
        except ValueError as error:
            # How Mbed TLS says that it refuses the server's certificate.
            # Nothing that a retry would change: not a LinkError.
            self.close()
            text = "TLS refused (clock %d): %s" % (time.gmtime()[0], str(error).strip())
            raise DownloadError(text) from None
        except OSError as error:
            self._fail("connection: %s" % error)
        if reads and count is not None:
            if not count:
                self._fail("closed by the server")
            self.received_ms = time.ticks_ms()
        return count

    def _pause(self, what: str):
        # Not a coroutine: it would allocate its frame at each tick.
        self._wait(what, 0)
        return asyncio.sleep_ms(_TICK_MS)

    def _wait(self, what: str, tick_ms: int = _TICK_MS) -> None:
        if time.ticks_diff(self._deadline, time.ticks_ms()) <= 0:
            self._fail(what + " timed out")
        time.sleep_ms(tick_ms)

    def _fail(self, text: str) -> None:
        self.close()
        raise LinkError(text)
