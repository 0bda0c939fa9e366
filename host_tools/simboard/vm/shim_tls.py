"""Module `tls`: Mbed TLS as it is, pulling at our sockets by the protocol of a native stream."""

import io
import select
import time

import shim_socket
import tls as _tls
from tls import (
    CERT_NONE,
    CERT_OPTIONAL,
    CERT_REQUIRED,
    MBEDTLS_VERSION,
    PROTOCOL_TLS_CLIENT,
    PROTOCOL_TLS_SERVER,
)
from vm_core import core

_POLL = 3
_CLOSE = 4
_NVAL = 32
_ENOMEM = 12
_STARVED = "\nThe certificate is not correctly signed by the trusted CA\n"  # which is untrue
_HANDSHAKE_MS = 600  # seen: 0.6 of 0.66 s go by in one call


def _as_on_chip(error):
    """The chip's build gives the bare number of Mbed TLS, and socket errors negated."""
    return OSError(-abs(error.errno))


class SSLSocket(io.IOBase):
    """A session: the real one, but for its memory, the form of its errors, and its end."""

    def __init__(self, session, end=None, shaken=True):
        self._session = session
        self._end = end  # None over a stream that is no socket: nothing counts it
        self._shaken = shaken or end is None  # the handshake is over
        self._slow = end is not None and core.board["timing"] == "datasheet"
        self._wrote = False
        self._refused = None
        self._closed = False
        self._poller = select.poll()
        self._poller.register(session, 1)

    def _do(self, function, *arguments):
        core.heap.look()
        if not self._shaken and not self._closed:
            self._prepare()
        try:
            result = function(*arguments)
        except OSError as error:
            raise _as_on_chip(error)
        if self._slow and self._end.answered:
            self._slow = False
            time.sleep_ms(_HANDSHAKE_MS)
        if result is not None:
            self._shaken = True
        return result

    def _prepare(self):
        """The handshake takes memory for a while; without it, a certificate seems to be at fault."""
        if self._refused is None and not core.idf.fits_handshake():
            self._refused = ValueError(_STARVED)
        if self._refused:
            raise self._refused

    def _do_read(self, function, *arguments):
        result = self._do(function, *arguments)
        if result and self._end:
            self._end.exchanged()
        return result

    def read(self, *size):
        """Bytes, None when it may not wait."""
        return self._do_read(self._session.read, *size)

    def readinto(self, *buffer):
        """Number of bytes, None when it may not wait."""
        return self._do_read(self._session.readinto, *buffer)

    def readline(self, *size):
        """A line."""
        return self._do_read(self._session.readline, *size)

    def write(self, *data):
        """Number of bytes, None when it may not wait."""
        if self._wrote and self._end:
            self._end.exchanged()
        written = self._do(self._session.write, *data)
        self._wrote = self._wrote or written is not None
        return written

    def cipher(self):
        """(suite, TLS version)"""
        return self._session.cipher()

    def setblocking(self, flag):
        """Passed to the socket; on a closed session it dereferences NULL."""
        if self._closed:
            core.panic("LoadProhibited: setblocking on a closed SSL socket")
        self._session.setblocking(flag)

    def close(self):
        """Close; again is harmless."""
        self._closed = True
        self._session.close()
        if self._end:
            # A session that failed has freed its buffers, but closes nothing below it.
            self._end.release()

    def ioctl(self, op, arg):
        """For `select`: the session knows of bytes that are decrypted already."""
        if op == _CLOSE:
            self.close()
            return 0
        if op != _POLL:
            return -22
        if self._closed:
            return _NVAL
        events = 0
        self._poller.modify(self._session, arg)
        for _, ready in self._poller.ipoll(0):
            events = ready
        return events


class SSLContext:
    """The real context, but for `wrap_socket`."""

    def __init__(self, protocol):
        self._context = _tls.SSLContext(protocol)
        for name in ("get_ciphers", "set_ciphers", "load_cert_chain", "load_verify_locations"):
            setattr(self, name, getattr(self._context, name))

    @property
    def verify_mode(self):
        """CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED."""
        return self._context.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._context.verify_mode = mode

    @property
    def verify_callback(self):
        """Called per certificate."""
        return self._context.verify_callback

    @verify_callback.setter
    def verify_callback(self, callback):
        self._context.verify_callback = callback

    def wrap_socket(self, sock, **options):
        """A TLS session over a socket, or over any stream."""
        if not isinstance(sock, shim_socket.socket):
            return SSLSocket(self._context.wrap_socket(sock, **options))
        core.heap.look()
        if not core.idf.fits_tls():
            raise OSError(_ENOMEM)
        end = sock.tls_end()
        blocking = options.get("do_handshake_on_connect", True)
        try:
            if blocking and not core.idf.fits_handshake():
                raise ValueError(_STARVED)
            session = SSLSocket(self._context.wrap_socket(end, **options), end, blocking)
            if blocking and session._slow:
                session._slow = False
                time.sleep_ms(_HANDSHAKE_MS)
            return session
        except BaseException:
            end.release()
            raise
