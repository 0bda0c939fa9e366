"""A network without time: sockets in memory, so that what was sent has arrived.

`Net` stands for the modules `socket` and `select` of `enos_ota.transport`; the code above runs unchanged.
`test_transport` proves the transport itself on real sockets.
"""

import asyncio
import errno

from peer import Peer

_WINDOW_BYTES = 16384


class Socket:
    """One end of a connection: non-blocking, with a small window."""

    def __init__(self, net=None) -> None:
        self._net = net
        self._inbox = bytearray()
        self._other = None
        self._closed = self._reset = False

    def setblocking(self, blocking) -> None:
        assert not blocking, "the device never blocks in a socket"

    def setsockopt(self, level, option, value) -> None:
        pass

    def connect(self, address):
        server = self._net.servers.get(address)
        if server is None:
            raise OSError(errno.ECONNREFUSED)
        other = Socket()
        self._other, other._other = other, self
        server.clients.append(other)
        raise OSError(errno.EINPROGRESS)

    def readinto(self, buf):
        if self._closed:
            raise OSError(errno.EBADF)
        if self._reset:
            raise OSError(errno.ECONNRESET)
        if not self._inbox:
            return 0 if self._other._closed else None
        count = min(len(buf), len(self._inbox))
        buf[:count] = self._inbox[:count]
        self._inbox = self._inbox[count:]
        return count

    def read(self, size):
        buf = bytearray(size)
        count = self.readinto(buf)
        return count if count is None else bytes(buf[:count])

    def write(self, data):
        if self._closed:
            raise OSError(errno.EBADF)
        if self._reset or self._other._closed:
            raise OSError(errno.ECONNRESET)
        room = _WINDOW_BYTES - len(self._other._inbox)
        if room <= 0:
            return None
        data = data[:room]
        self._other._inbox.extend(data)
        return len(data)

    def close(self) -> None:
        self._closed = True

    def abort(self) -> None:
        self._closed = True
        self._other._reset = True


class Net:
    """Stands for `socket` and `select`. `names`: hosts that are known beside 127.0.0.1."""

    SOCK_STREAM = 1
    POLLOUT = 4
    POLLHUP = 16

    def __init__(self) -> None:
        self.servers = {}
        self.names = ["127.0.0.1", "localhost"]
        self.connections = 0

    @classmethod
    def under(cls, case):
        """A net that stands for both modules until the test ends."""
        net = cls()
        case.stand_in("socket", net)
        return case.stand_in("select", net)

    def getaddrinfo(self, host, port, *rest):
        if host not in self.names:
            raise OSError(-2)
        return [(2, 1, 6, "", port)]

    def socket(self):
        self.connections += 1
        return Socket(self)

    def poll(self, *timeout):
        return [(None, self.POLLOUT)] if timeout else self

    def register(self, sock, events) -> None:
        pass


class Server:
    """Listens on a port of the `Net`."""

    def __init__(self, net, port) -> None:
        self.port = port
        self.clients = []
        net.servers[port] = self

    async def accept(self):
        """The next connection."""
        while not self.clients:
            await asyncio.sleep_ms(0)
        return Peer(self.clients.pop(0))
