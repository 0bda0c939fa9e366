"""Module `socket` with lwIP's habits over the host's sockets."""

import vm_names
from network import link_up
from vm_stream import (
    AF_INET,
    CONNECTED,
    EAGAIN,
    EBADF,
    EHOSTUNREACH,
    EINPROGRESS,
    EISCONN,
    ETIMEDOUT,
    POLL_MS,
    RD,
    SOCK_STREAM,
    WR,
    Stream,
    TlsEnd,
    newlib,
)

AF_INET6 = 10
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_IP = 0
IPPROTO_TCP = 6
IPPROTO_UDP = 17
SOL_SOCKET = 0xFFF
SO_REUSEADDR = 4
SO_BROADCAST = 0x20
SO_BINDTODEVICE = 0x100B
IP_ADD_MEMBERSHIP = 3
TCP_NODELAY = 1
MSG_PEEK = 1
MSG_DONTWAIT = 8


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    """[(family, type, proto, canonical name, (address, port))]"""
    address = vm_names.resolve(host, link_up())
    return [(AF_INET, type or SOCK_STREAM, proto, host, (address, int(port)))]


class socket(Stream):
    """One socket."""

    def tls_end(self):
        """The object to give to Mbed TLS."""
        return TlsEnd(self)

    # ---- connection

    def connect(self, address):
        """Connect to (host or address, port)."""
        address = vm_names.resolve(address[0], link_up()), address[1]
        if not link_up():
            raise OSError(EHOSTUNREACH)
        raw = vm_names.real_address(*address)
        self._state = CONNECTED
        try:
            self._real.connect(raw)
            return
        except OSError as error:
            if newlib(error.errno) != EINPROGRESS:
                raise OSError(newlib(error.errno))
        if not self._blocking:
            raise OSError(EINPROGRESS)
        polls = 0
        while not self._ready(WR, POLL_MS):
            if polls >= self._retries >= 0:
                raise OSError(ETIMEDOUT)
            polls += 1
        try:
            self._real.connect(raw)
        except OSError as error:
            if newlib(error.errno) != EISCONN:  # which says that it went well
                raise OSError(newlib(error.errno))

    def bind(self, address):
        """Bind to a port of the board's own interface, which is the host's loopback."""
        self._state = CONNECTED
        self._call(self._real.bind, vm_names.real_address("127.0.0.1", address[1]))

    def listen(self, backlog=2):
        """Accept connections from now on."""
        self._state = CONNECTED
        self._call(self._real.listen, backlog)

    def accept(self):
        """(socket, (address, port)) of the next connection."""
        taken = []

        def attempt(_):
            try:
                taken.append(self._real.accept())
                return 0
            except OSError as error:
                return None if error.errno == EAGAIN else -newlib(error.errno)

        self._raise(self._repeat(attempt, None, RD))
        real, raw = taken[0]
        return socket(AF_INET, self._type, 0, _real=real), vm_names.shown_address(raw)

    def setsockopt(self, level, option, value):
        """By option only, as the port does."""
        if option == TCP_NODELAY:
            self._call(self._real.setsockopt, 6, 1, value)
        elif option == SO_REUSEADDR:
            self._call(self._real.setsockopt, 1, 2, value)
        elif option == SO_BROADCAST:
            self._call(self._real.setsockopt, 1, 6, value)
        elif option not in (SO_BINDTODEVICE, IP_ADD_MEMBERSHIP, 20):
            print("Warning: lwip.setsockopt() option not implemented")

    def _call(self, function, *arguments):
        if self._real is None:
            raise OSError(EBADF)
        try:
            return function(*arguments)
        except OSError as error:
            raise OSError(newlib(error.errno))

    # ---- data

    @staticmethod
    def _raise(n):
        if n < 0:
            raise OSError(-n)
        return n

    def recv(self, size, flags=0):
        """At most `size` bytes, b"" at the end of the stream."""
        buf = bytearray(size)
        return bytes(memoryview(buf)[: self._raise(self._receive(buf))])

    def recvfrom(self, size, flags=0):
        """(data, (address, port))"""
        got = []

        def attempt(_):
            try:
                got.append(self._real.recvfrom(size))
                return 0
            except OSError as error:
                return None if error.errno == EAGAIN else -newlib(error.errno)

        self._raise(self._repeat(attempt, None, RD))
        data, raw = got[0]
        return data, vm_names.shown_address(raw)

    def send(self, data):
        """Number of bytes taken."""
        return self._raise(self._transmit(data))

    def sendall(self, data):
        """All of `data`, or an error."""
        view = memoryview(data)
        while view:
            view = view[self.send(view) :]

    def sendto(self, data, address):
        """Number of bytes taken; the address must be an IP address."""
        if not vm_names.is_address(address[0]):
            raise ValueError("invalid arguments")
        if not link_up():
            raise OSError(EHOSTUNREACH)
        return self._call(self._real.sendto, data, vm_names.real_address(*address))

    def readinto(self, buf, nbytes=None):
        """Fill `buf` unless the stream ends; None if nothing is there and it may not wait."""
        view = memoryview(buf)
        if nbytes is not None:
            view = view[:nbytes]
        done = 0
        while done < len(view):
            n = self._receive(view[done:])
            if n == -EAGAIN:
                return done or None
            if self._raise(n) == 0:
                break
            done += n
        return done

    def read(self, size=-1):
        """`size` bytes, or all until the stream ends."""
        if size >= 0:
            buf = bytearray(size)
            n = self.readinto(buf)
            return None if n is None else bytes(memoryview(buf)[:n])
        whole = b""
        while True:
            piece = self.read(256)
            if not piece:
                return whole if whole or piece is not None else None
            whole += piece

    def readline(self, size=-1):
        """One line, byte by byte."""
        line = bytearray()
        byte = bytearray(1)
        while size < 0 or len(line) < size:
            n = self._receive(byte)
            if n == -EAGAIN:
                return bytes(line) if line else None
            if self._raise(n) == 0:
                break
            line += byte
            if byte == b"\n":
                break
        return bytes(line)

    def write(self, buf, size=None):
        """All of `buf`; fewer, or None, if it may not wait."""
        view = memoryview(buf)
        if size is not None:
            view = view[:size]
        done = 0
        while done < len(view):
            n = self._transmit(view[done:])
            if n == -EAGAIN:
                return done or None
            done += self._raise(n)
        return done

    def makefile(self, *arguments):
        """The socket itself."""
        return self

    def fileno(self):
        """Descriptor of the host's socket."""
        return self._call(self._real.fileno)
