"""Brokers that do what the hazards need: one function for each connection, and TLS by hand."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time

TOPIC = b"/sys/pk/dk/ota/device/upgrade"
PAYLOAD = b'{"id":"1","params":{"version":"9.9.9"}}'


def publish(payload):
    """A PUBLISH at QoS 1, packet id 7."""
    body = struct.pack("!H", len(TOPIC)) + TOPIC + b"\0\7" + payload
    size, length = len(body), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x32" + length + body


def packet(connection):
    """(first byte, body) of a packet shorter than 16 KiB; an end raises."""
    first, size = connection.recv(1)[0], connection.recv(1)[0]
    if size & 0x80:
        size += (connection.recv(1)[0] << 7) - 0x80
    body = b""
    while len(body) < size:
        more = connection.recv(size - len(body))
        if not more:
            raise OSError("closed")
        body += more
    return first, body


def log_in(connection):
    assert packet(connection)[0] == 0x10
    connection.sendall(b"\x20\x02\0\0")
    first, body = packet(connection)
    assert first == 0x82
    connection.sendall(b"\x90\x06" + body[:2] + b"\1\1\1\1")


def wait(connection):
    """Take what comes until the board gives up."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def healthy(connection):
    log_in(connection)
    connection.sendall(publish(PAYLOAD) * 3)
    for _ in range(3):
        assert packet(connection) == (0x40, b"\0\7")
    connection.close()


def cut(connection):
    log_in(connection)
    connection.sendall(publish(PAYLOAD)[:-10])
    wait(connection)


def trickled(connection):
    log_in(connection)
    with contextlib.suppress(OSError):
        for byte in publish(PAYLOAD):
            connection.sendall(bytes([byte]))
            time.sleep(0.02)  # 0.1 s of the board: no field takes 5 s, the message does
    wait(connection)


def ended(connection):
    log_in(connection)
    connection.sendall(publish(PAYLOAD)[:-10])
    connection.close()


def deaf(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    log_in(connection)
    time.sleep(30)


def no_connack(connection):
    packet(connection)
    wait(connection)


def no_suback(connection):
    packet(connection)
    connection.sendall(b"\x20\x02\0\0")
    wait(connection)


def silent(connection):
    wait(connection)


def reset(connection):
    log_in(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def large(connection):
    log_in(connection)
    connection.sendall(publish(PAYLOAD + bytes(12_000)) + publish(PAYLOAD))
    for _ in range(2):
        assert packet(connection) == (0x40, b"\0\7")
    connection.close()


class ByHand:
    """A TLS server that hands each byte of its records to the network itself."""

    def __init__(self, context):
        self._context = context
        self.pieces = 0

    def _start(self, connection):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._connection = connection
        return self._context.wrap_bio(self._in, self._out, server_side=True)

    def _until(self, act, send):
        """Repeat `act` until it needs nothing more; what it wants sent is `send`'s."""
        while True:
            try:
                result = act()
            except ssl.SSLWantReadError:
                result = None
            send(self._out.read())
            if result is not None:
                return result
            data = self._connection.recv(4096)
            if not data:
                raise OSError("closed")
            self._in.write(data)

    def half_a_record(self, connection):
        """Log the board in, then send half of the record that holds a message."""
        tls = self._start(connection)
        self._until(lambda: tls.do_handshake() or True, connection.sendall)
        stream = Stream(self, tls)
        log_in(stream)
        tls.write(publish(PAYLOAD))
        record = self._out.read()
        connection.sendall(record[: len(record) // 2])
        wait(connection)

    def trickled_handshake(self, connection):
        """A flight of a handshake in pieces of 20 bytes, each well within any time-out of a socket."""
        tls = self._start(connection)

        def trickle(data):
            for at in range(0, len(data), 20):
                connection.sendall(data[at : at + 20])
                self.pieces += 1
                time.sleep(0.1)  # 0.5 s of the board

        self._until(lambda: tls.do_handshake() or True, trickle)


class Stream:
    """`recv` and `sendall` over a `ByHand`."""

    def __init__(self, owner, tls):
        self._owner, self._tls = owner, tls

    def recv(self, size):
        return self._owner._until(lambda: self._tls.read(size), self._owner._connection.sendall)

    def sendall(self, data):
        self._tls.write(data)
        self._owner._connection.sendall(self._owner._out.read())
