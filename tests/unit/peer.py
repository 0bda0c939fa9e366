"""The other end of a connection, on loopback and in the same thread: it does nothing unless told to."""

import asyncio
import errno
import random
import socket
import time

_DROPPED = bytearray(2048)
_PATIENCE_MS = 10_000


class Server:
    """Listens on a free port of 127.0.0.1."""

    def __init__(self, backlog=2) -> None:
        while True:
            self._sock = socket.socket()
            self.port = 20_000 + random.getrandbits(15)
            try:
                self._sock.bind(socket.getaddrinfo("127.0.0.1", self.port)[0][-1])
                break
            except OSError as error:
                self._sock.close()
                if error.errno != errno.EADDRINUSE:
                    raise
        self._sock.listen(backlog)
        self._sock.setblocking(False)

    async def accept(self):
        """The next connection."""
        while True:
            try:
                return Peer(self._sock.accept()[0])
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
            await asyncio.sleep_ms(0)

    def close(self) -> None:
        self._sock.close()


class Peer:
    """The other end of one connection; reading waits by yielding, for some seconds at most."""

    def __init__(self, sock) -> None:
        self.sock = sock
        sock.setblocking(False)

    def send(self, data) -> None:
        """Send what fits the kernel's buffer; all of it, for tests."""
        assert self.sock.write(data) == len(data)

    async def read(self, size):
        """Exactly `size` bytes, or fewer if the other end closes."""
        data = b""
        start = time.ticks_ms()
        while len(data) < size:
            assert time.ticks_diff(time.ticks_ms(), start) < _PATIENCE_MS, "only %r arrived" % data
            more = self.sock.read(size - len(data))
            if more == b"":
                break
            if more:
                data += more
            else:
                await asyncio.sleep_ms(0)
        return data

    async def until(self, end):
        """All bytes up to and with `end`."""
        data = b""
        while not data.endswith(end):
            more = await self.read(1)
            assert more, "closed after %r" % data
            data += more
        return data

    def waiting(self):
        """What has arrived by now, at most 2 KiB."""
        return self.sock.read(2048) or b""

    def drain(self):
        """Read and drop all that has arrived by now; return the number of bytes."""
        count = 0
        while True:
            more = self.sock.readinto(_DROPPED)
            if not more:
                return count
            count += more

    def close(self) -> None:
        self.sock.close()

    def abort(self) -> None:
        """Close with a reset instead of an end."""
        if hasattr(self.sock, "abort"):
            self.sock.abort()
            return
        self.sock.setsockopt(socket.SOL_SOCKET, 13, b"\x01\0\0\0\0\0\0\0")  # SO_LINGER on, 0 s
        self.sock.close()
