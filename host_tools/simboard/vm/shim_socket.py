"""Module `socket` with lwIP's habits (mpy:ports/esp32/modsocket.c) over the host's sockets.

The host's socket never blocks. Waiting is done here in polls of 100 ms, counted per low-level call,
so a peer that trickles bytes never times out; `setblocking(True)` waits for ever.
"""

import io
import select
import socket as _unix
import time

import vm_names
from network import link_up
from vm_core import core

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
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

_EAGAIN = 11
_EBADF = 9
_EINVAL = 22
_ETIMEDOUT = 116
_EHOSTUNREACH = 118
_EINPROGRESS = 119
_ENOTCONN = 128
# Host's error numbers that differ from newlib's.
_NEWLIB = {
    32: 104, 88: 108, 89: 121, 90: 122, 98: 112, 99: 125, 100: 115, 101: 114, 103: 113,
    106: 127, 107: 128, 110: 116, 112: 117, 113: 118, 114: 120, 115: 119,
}  # fmt: skip

_POLL_MS = 100
_RD = 1
_WR = 4
_ERR = 8
_HUP = 16
_NVAL = 32
_IOCTL_POLL = 3
_IOCTL_CLOSE = 4

_NEW = 0
_CONNECTED = 1
_PEER_CLOSED = 2
_FOR_EVER = -1


def _newlib(number):
    return _NEWLIB.get(number, number)


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    """[(family, type, proto, canonical name, (address, port))]"""
    address = vm_names.resolve(host, link_up())
    return [(AF_INET, type or SOCK_STREAM, proto, host, (address, int(port)))]


class _TlsEnd(io.IOBase):
    """What Mbed TLS pulls at: errors are returned negated, since raising would jump over it."""

    def __init__(self, sock):
        self._sock = sock
        self._open = True
        core.tls_sessions += 1

    def readinto(self, buf):
        n = self._sock._receive(buf)
        return None if n == -_EAGAIN else n

    def write(self, buf):
        n = self._sock._transmit(buf)
        return None if n == -_EAGAIN else n

    def ioctl(self, op, arg):
        if op == _IOCTL_CLOSE:
            self.release()
        return self._sock.ioctl(op, arg)

    def release(self):
        """The session's buffers are free again."""
        if self._open:
            self._open = False
            core.tls_sessions -= 1

    def setblocking(self, flag):
        self._sock.setblocking(flag)


class socket(io.IOBase):
    """One socket."""

    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0, *, _real=None):
        self._real = _real or _unix.socket(_unix.AF_INET, type)
        self._real.setblocking(False)
        self._type = type
        self._state = _NEW if type == SOCK_STREAM and _real is None else _CONNECTED
        self._retries = _FOR_EVER
        self._blocking = True
        self._poller = select.poll()
        self._poller.register(self._real, _RD)

    def tls_end(self):
        """The object to give to Mbed TLS."""
        return _TlsEnd(self)

    # ---- waiting

    def settimeout(self, seconds):
        """None waits for ever, 0 not at all; the rest counts in whole polls of 100 ms."""
        if seconds is None:
            self._retries, self._blocking = _FOR_EVER, True
            return
        timeout_ms = int(seconds * 1000)
        self._retries, self._blocking = timeout_ms // _POLL_MS, timeout_ms != 0

    def setblocking(self, flag):
        """True waits for ever: a time-out set before is lost."""
        self.settimeout(None if flag else 0)

    def _ready(self, flags, timeout_ms):
        """Events of the host's socket within the time; none without a link."""
        if not link_up():
            time.sleep_ms(timeout_ms)
            return 0
        events = 0
        self._poller.modify(self._real, flags)
        for _, ready in self._poller.ipoll(timeout_ms):
            events = ready
        return events

    def _repeat(self, attempt, data, flags):
        """Try until it goes, an error shows or the polls are used up: a number or -errno."""
        polls = 0
        while True:
            if self._real is None:
                return -_EBADF
            if link_up():
                n = attempt(data)
                if n is not None:
                    return n
            if not self._blocking:
                return -_EAGAIN
            if polls > self._retries >= 0:
                return -_EAGAIN if self._retries == 0 else -_ETIMEDOUT
            self._ready(flags, _POLL_MS)
            polls += 1

    def _receive(self, buf):
        """Bytes read into `buf`, 0 at the end of the stream, or -errno."""
        if self._state == _NEW:
            return -_ENOTCONN
        if self._state == _PEER_CLOSED:
            return 0
        n = self._repeat(self._try_read, buf, _RD)
        if n == 0 and len(buf):
            self._state = _PEER_CLOSED
        return n

    def _try_read(self, buf):
        try:
            if self._type == SOCK_STREAM:
                return self._real.readinto(buf)
            data = self._real.recv(len(buf))
            buf[: len(data)] = data
            return len(data)
        except OSError as error:
            return None if error.errno == _EAGAIN else -_newlib(error.errno)

    def _transmit(self, buf):
        """Bytes taken from `buf`, or -errno."""
        return self._repeat(self._try_write, buf, _WR)

    def _try_write(self, buf):
        try:
            n = self._real.write(buf)
            return n or None
        except OSError as error:
            return None if error.errno == _EAGAIN else -_newlib(error.errno)

    # ---- connection

    def connect(self, address):
        """Connect to (host or address, port)."""
        address = vm_names.resolve(address[0], link_up()), address[1]
        if not link_up():
            raise OSError(_EHOSTUNREACH)
        raw = vm_names.real_address(*address)
        self._state = _CONNECTED
        try:
            self._real.connect(raw)
            return
        except OSError as error:
            if _newlib(error.errno) != _EINPROGRESS:
                raise OSError(_newlib(error.errno))
        if not self._blocking:
            raise OSError(_EINPROGRESS)
        polls = 0
        while not self._ready(_WR, _POLL_MS):
            if polls >= self._retries >= 0:
                raise OSError(_ETIMEDOUT)
            polls += 1
        try:
            self._real.connect(raw)
        except OSError as error:
            if _newlib(error.errno) != 127:  # EISCONN: it went well
                raise OSError(_newlib(error.errno))

    def bind(self, address):
        """Bind to a port of the board's own interface, which is the host's loopback."""
        self._state = _CONNECTED
        self._call(self._real.bind, vm_names.real_address("127.0.0.1", address[1]))

    def listen(self, backlog=2):
        """Accept connections from now on."""
        self._state = _CONNECTED
        self._call(self._real.listen, backlog)

    def accept(self):
        """(socket, (address, port)) of the next connection."""
        taken = []

        def attempt(_):
            try:
                taken.append(self._real.accept())
                return 0
            except OSError as error:
                return None if error.errno == _EAGAIN else -_newlib(error.errno)

        self._raise(self._repeat(attempt, None, _RD))
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
            raise OSError(_EBADF)
        try:
            return function(*arguments)
        except OSError as error:
            raise OSError(_newlib(error.errno))

    def close(self):
        """Close; again is harmless."""
        if self._real is not None:
            self._poller.unregister(self._real)
            self._real.close()
            self._real = None

    def ioctl(self, op, arg):
        """For `select` and TLS: poll and close."""
        if op == _IOCTL_CLOSE:
            self.close()
            return 0
        if op != _IOCTL_POLL:
            return -_EINVAL
        if self._real is None:
            return _NVAL
        events = self._ready(arg, 0)
        if events & (_ERR | _HUP):
            events = arg & (_RD | _WR | _HUP)
        if self._state == _NEW:
            events |= arg & _WR | _HUP
        return events

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
                return None if error.errno == _EAGAIN else -_newlib(error.errno)

        self._raise(self._repeat(attempt, None, _RD))
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
            raise OSError(_EHOSTUNREACH)
        return self._call(self._real.sendto, data, vm_names.real_address(*address))

    def readinto(self, buf, nbytes=None):
        """Fill `buf` unless the stream ends; None if nothing is there and it may not wait."""
        view = memoryview(buf)
        if nbytes is not None:
            view = view[:nbytes]
        done = 0
        while done < len(view):
            n = self._receive(view[done:])
            if n == -_EAGAIN:
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
            if n == -_EAGAIN:
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
            if n == -_EAGAIN:
                return done or None
            done += self._raise(n)
        return done

    def makefile(self, *arguments):
        """The socket itself."""
        return self

    def fileno(self):
        """Descriptor of the host's socket."""
        return self._call(self._real.fileno)
