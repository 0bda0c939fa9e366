"""A host socket that waits as lwIP's does (mpy:ports/esp32/modsocket.c).

The host's socket never blocks. Waiting is done here in polls of 100 ms, counted per low-level call,
so a peer that trickles bytes never times out; `setblocking(True)` waits for ever.
"""

import io
import select
import socket as _unix
import time

from network import link_up
from vm_core import core

AF_INET = 2
SOCK_STREAM = 1
EAGAIN = 11
EBADF = 9
EINVAL = 22
ETIMEDOUT = 116
EHOSTUNREACH = 118
EINPROGRESS = 119
EISCONN = 127
ENOTCONN = 128
# Host's error numbers that differ from newlib's.
NEWLIB = {
    32: 104, 88: 108, 89: 121, 90: 122, 98: 112, 99: 125, 100: 115, 101: 114, 103: 113,
    106: 127, 107: 128, 110: 116, 112: 117, 113: 118, 114: 120, 115: 119,
}  # fmt: skip

POLL_MS = 100
RD = 1
WR = 4
ERR = 8
HUP = 16
NVAL = 32
IOCTL_POLL = 3
IOCTL_CLOSE = 4

NEW = 0
CONNECTED = 1
PEER_CLOSED = 2
FOR_EVER = -1


def newlib(number):
    return NEWLIB.get(number, number)


class Stream(io.IOBase):
    """Time-outs, low-level reads and writes, polling and closing of one socket."""

    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0, *, _real=None):
        core.idf.socket(1)
        self._real = _real or _unix.socket(_unix.AF_INET, type)
        self._real.setblocking(False)
        self._type = type
        self._state = NEW if type == SOCK_STREAM and _real is None else CONNECTED
        self._retries = FOR_EVER
        self._blocking = True
        self.opening = False  # a TLS session whose first exchange goes well with little memory, too
        self._poller = select.poll()
        self._poller.register(self._real, RD)

    def settimeout(self, seconds):
        """None waits for ever, 0 not at all; the rest counts in whole polls of 100 ms."""
        if seconds is None:
            self._retries, self._blocking = FOR_EVER, True
            return
        timeout_ms = int(seconds * 1000)
        self._retries, self._blocking = timeout_ms // POLL_MS, timeout_ms != 0

    def setblocking(self, flag):
        """True waits for ever: a time-out set before is lost."""
        self.settimeout(None if flag else 0)

    def _carried(self):
        """Whether packets come and go: not without a link, nor when Wi-Fi has no memory for buffers."""
        core.heap.look()
        return link_up() and (self.opening or not core.idf.starved)

    def _ready(self, flags, timeout_ms):
        """Events of the host's socket within the time; none while nothing is carried."""
        if not self._carried():
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
                return -EBADF
            if self._carried():
                n = attempt(data)
                if n is not None:
                    return n
            if not self._blocking:
                return -EAGAIN
            if polls > self._retries >= 0:
                return -EAGAIN if self._retries == 0 else -ETIMEDOUT
            self._ready(flags, POLL_MS)
            polls += 1

    def _receive(self, buf):
        """Bytes read into `buf`, 0 at the end of the stream, or -errno."""
        if self._state == NEW:
            return -ENOTCONN
        if self._state == PEER_CLOSED:
            return 0
        n = self._repeat(self._try_read, buf, RD)
        if n == 0 and len(buf):
            self._state = PEER_CLOSED
        return n

    def _try_read(self, buf):
        try:
            if self._type == SOCK_STREAM:
                return self._real.readinto(buf)
            data = self._real.recv(len(buf))
            buf[: len(data)] = data
            return len(data)
        except OSError as error:
            return None if error.errno == EAGAIN else -newlib(error.errno)

    def _transmit(self, buf):
        """Bytes taken from `buf`, or -errno."""
        return self._repeat(self._try_write, buf, WR)

    def _try_write(self, buf):
        try:
            n = self._real.write(buf)
            return n or None
        except OSError as error:
            return None if error.errno == EAGAIN else -newlib(error.errno)

    def close(self):
        """Close; again is harmless."""
        if self._real is not None:
            self._poller.unregister(self._real)
            self._real.close()
            self._real = None
            core.idf.socket(-1)

    def ioctl(self, op, arg):
        """For `select` and TLS: poll and close."""
        if op == IOCTL_CLOSE:
            self.close()
            return 0
        if op != IOCTL_POLL:
            return -EINVAL
        if self._real is None:
            return NVAL
        events = self._ready(arg, 0)
        if events & (ERR | HUP):
            events = arg & (RD | WR | HUP)
        if self._state == NEW:
            events |= arg & WR | HUP
        return events


class TlsEnd(io.IOBase):
    """What Mbed TLS pulls at: errors are returned negated, since raising would jump over it."""

    def __init__(self, sock):
        self._sock = sock
        self._open = True
        self.answered = False  # the first bytes of the peer are here
        sock.opening = True
        core.idf.tls(1)

    def readinto(self, buf):
        n = self._sock._receive(buf)
        self.answered = self.answered or n > 0
        return None if n == -EAGAIN else n

    def write(self, buf):
        n = self._sock._transmit(buf)
        return None if n == -EAGAIN else n

    def ioctl(self, op, arg):
        if op == IOCTL_CLOSE:
            self.release()
        return self._sock.ioctl(op, arg)

    def release(self):
        """The session's buffers are free again."""
        if self._open:
            self._open = False
            core.idf.tls(-1)

    def exchanged(self):
        """The first exchange is over."""
        self._sock.opening = False

    def setblocking(self, flag):
        self._sock.setblocking(flag)
