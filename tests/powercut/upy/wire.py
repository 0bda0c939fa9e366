"""A network without time: whoever is at the other end answers at once, in the same call.

`Net` stands for the modules `socket`, `select` and `tls`; the code above runs unchanged.
"""

import errno


class Net:
    """ports: port -> function that makes the other end of a connection, with `read(buf)` and `write(data)`.

    `check()` is called with each use, and may end the boot.
    """

    SOCK_STREAM = 1
    POLLOUT = 4
    POLLHUP = 16
    PROTOCOL_TLS_CLIENT = CERT_REQUIRED = CERT_NONE = 0

    def __init__(self, check) -> None:
        self.ports = {}
        self.check = check

    def getaddrinfo(self, host, port, *rest):
        self.check()
        return [(2, 1, 6, "", port)]

    def socket(self):
        return Socket(self)

    def poll(self, *timeout):
        return [(None, self.POLLOUT)] if timeout else self

    def register(self, sock, events) -> None:
        pass

    def SSLContext(self, protocol):  # noqa: N802
        return Context()


class Context:
    """A TLS context that trusts everybody: TLS has tests of its own."""

    verify_mode = None

    def load_verify_locations(self, data) -> None:
        pass

    def wrap_socket(self, sock, **options):
        return sock


class Socket:
    """The board's end of a connection: non-blocking."""

    def __init__(self, net) -> None:
        self._net = net
        self._end = None

    def setblocking(self, blocking) -> None:
        assert not blocking, "the device never blocks in a socket"

    def setsockopt(self, level, option, value) -> None:
        pass

    def connect(self, address):
        if address not in self._net.ports:
            raise OSError(errno.ECONNREFUSED)
        self._end = self._net.ports[address]()
        raise OSError(errno.EINPROGRESS)

    def readinto(self, buf):
        self._net.check()
        return self._end.read(buf)

    def read(self, size):
        buf = bytearray(size)
        count = self.readinto(buf)
        return count if count is None else bytes(buf[:count])

    def write(self, data):
        self._net.check()
        self._end.write(data)
        return len(data)

    def close(self) -> None:
        self._end = None
