"""The bad network, each of its ways seen on plain sockets before an echo server.

That nothing passes is seen behind a fence: what was sent earlier than a round trip on a good connection.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest

from host_tools.demo.badnet import LOOPBACK, BadNet

WAIT_S = 8
NEVER_MS = 1e9
HELLO = b"hello, who is there?"


class Peer:
    """The server's end of one connection: what it got, and how it ended."""

    def __init__(self, sock: socket.socket, echoes: bool) -> None:
        self.sock, self.got, self.end = sock, bytearray(), ""
        sock.settimeout(WAIT_S)
        self.thread = threading.Thread(target=self._serve, args=(echoes,), daemon=True)
        self.thread.start()

    def _serve(self, echoes: bool) -> None:
        try:
            with self.sock:
                while data := self.sock.recv(65536):
                    self.got += data
                    if echoes:
                        self.sock.sendall(data)
            self.end = "FIN"
        except OSError as error:
            self.end = type(error).__name__


class Echo:
    """A server that sends back what it gets; `peers` are its connections in order."""

    def __init__(self, echoes: bool = True) -> None:
        self.peers: list[Peer] = []
        self._echoes = echoes
        self._listener = socket.create_server((LOOPBACK, 0))
        self.address = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        try:
            while True:
                self.peers.append(Peer(self._listener.accept()[0], self._echoes))
        except OSError:
            pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def net(echo):
    with BadNet({"mqtt": echo.address, "http": echo.address}) as net:
        yield net


@pytest.fixture
def connect(net):
    opened = []

    def connect(name: str = "mqtt") -> socket.socket:
        sock = socket.create_connection((LOOPBACK, net.ports[name]), timeout=WAIT_S)
        opened.append(sock)
        return sock

    yield connect
    for sock in opened:
        sock.close()


@pytest.fixture
def fence(connect):
    """Call it to let a round trip through the relay go by, several times."""
    good = connect("http")

    def fence() -> None:
        for _ in range(3):
            assert round_trip(good) == HELLO

    return fence


def wait(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := sock.recv(size - len(data))):
        data += piece
    return data


def round_trip(sock: socket.socket, data: bytes = HELLO) -> bytes:
    sock.sendall(data)
    return receive(sock, len(data))


def waiting(sock: socket.socket) -> bytes | None:
    """What has arrived, None for nothing, b"" for the end of the stream."""
    sock.setblocking(False)
    try:
        return sock.recv(65536)
    except BlockingIOError:
        return None
    finally:
        sock.settimeout(WAIT_S)


def server_of(echo: Echo, sock: socket.socket) -> Peer:
    """The server's end of a connection that has made a round trip."""
    mark = random.randbytes(12)
    assert round_trip(sock, mark) == mark
    wait(lambda: any(mark in peer.got for peer in echo.peers))
    return next(peer for peer in echo.peers if mark in peer.got)


# ---- a good network


def test_relay_without_a_plan_passes_every_byte_both_ways_and_counts_them(connect, net):
    data = random.randbytes(3_000_000)
    sock = connect()
    sender = threading.Thread(target=sock.sendall, args=(data,))
    sender.start()
    back = receive(sock, len(data))
    sender.join()
    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
    (traffic,) = net.connections("mqtt")
    assert (traffic.bytes_up, traffic.bytes_down) == (len(data), len(data))
    assert (traffic.fate, traffic.ended) == ("open", None)


def test_relay_passes_the_end_of_a_stream_behind_its_bytes(connect, echo, net):
    sock = connect()
    sock.sendall(HELLO)
    sock.shutdown(socket.SHUT_WR)
    assert sock.recv(1) + receive(sock, 100) == HELLO
    wait(lambda: net.connections("mqtt")[0].ended)
    assert net.connections("mqtt")[0].fate == "closed"
    echo.peers[0].thread.join(WAIT_S)  # it sees the end after the relay does
    assert echo.peers[0].end == "FIN"


def test_relay_before_a_server_that_is_down_resets_and_serves_the_others(connect, net, echo):
    good = connect("http")
    assert round_trip(good) == HELLO
    echo.close = lambda close=echo.close: None if echo._listener.fileno() < 0 else close()
    echo.close()
    with pytest.raises(ConnectionResetError):
        connect().recv(1)
    assert round_trip(good) == HELLO


def test_relay_passes_a_reset_by_the_board_to_the_server(connect, echo):
    sock = connect()
    peer = server_of(echo, sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
    peer.thread.join(WAIT_S)
    assert peer.end == "ConnectionResetError"


# ---- connections to come


def test_silent_accept_swallows_and_answers_nothing_once(connect, net, echo, fence):
    net.silent_accept("mqtt")
    silent, good = connect(), connect()
    silent.sendall(HELLO)
    assert round_trip(good) == HELLO
    wait(lambda: net.connections("mqtt")[0].bytes_up == len(HELLO))
    fence()
    assert waiting(silent) is None
    first, second = net.connections("mqtt")
    assert (first.fate, first.bytes_down) == ("silent", 0)
    assert second.fate == "open"
    assert len(echo.peers) == 2  # the fence's and the good one


def test_silent_accept_times_0_lasts_until_restore(connect, net, fence):
    net.silent_accept("mqtt", times=0)
    silent = [connect() for _ in range(4)]
    for sock in silent:
        sock.sendall(HELLO)
    wait(lambda: [one.bytes_up for one in net.connections("mqtt")] == [len(HELLO)] * 4)
    fence()
    assert [waiting(sock) for sock in silent] == [None] * 4
    net.restore("mqtt")
    assert round_trip(connect()) == HELLO
    assert [waiting(sock) for sock in silent] == [None] * 4


def test_plans_strike_connections_in_the_order_of_the_calls(connect, net):
    net.silent_accept("mqtt", times=2)
    net.cut_after("mqtt", 3)
    socks = [connect() for _ in range(4)]
    for sock in socks:
        sock.sendall(HELLO)
    assert receive(socks[2], 100) == HELLO[:3]
    assert receive(socks[3], len(HELLO)) == HELLO
    fates = [one.fate for one in net.connections("mqtt")]
    assert fates == ["silent", "silent", "cut", "open"]


def test_trickle_handshake_passes_one_byte_of_the_servers_at_a_time(connect, net, echo, fence):
    net.trickle_handshake("mqtt", NEVER_MS)
    net.trickle_handshake("mqtt", 1)
    stuck, slow = connect(), connect()
    stuck.sendall(HELLO)
    assert stuck.recv(100) == HELLO[:1]
    fence()
    assert waiting(stuck) is None
    assert any(peer.got == HELLO for peer in echo.peers)  # upwards nothing trickles
    assert round_trip(slow) == HELLO
    assert round_trip(connect()) == HELLO


@pytest.mark.parametrize("size", [0, 1, 5000, 100_000])
def test_freeze_after_passes_exactly_so_many_bytes_and_stays_open(connect, net, fence, size):
    net.freeze_after("mqtt", size)
    frozen, good = connect(), connect()
    data = random.randbytes(150_000)
    threading.Thread(target=frozen.sendall, args=(data,), daemon=True).start()
    assert receive(frozen, size) == data[:size]
    assert round_trip(good, data) == data
    fence()
    assert waiting(frozen) is None
    traffic = net.connections("mqtt")[0]
    assert (traffic.bytes_down, traffic.fate, traffic.ended) == (size, "frozen", None)


def test_freeze_after_holds_the_end_of_the_stream_behind_the_last_byte(connect, net, echo):
    net.delay("mqtt", 30)
    net.freeze_after("mqtt", len(HELLO))
    frozen, good = connect(), connect()
    frozen.sendall(HELLO)
    frozen.shutdown(socket.SHUT_WR)
    assert receive(frozen, len(HELLO)) == HELLO
    wait(lambda: [peer.end for peer in echo.peers] == ["FIN", ""])
    assert round_trip(good) == HELLO  # no faster than the end of the other's stream
    assert waiting(frozen) is None


@pytest.mark.parametrize("size", [0, 1, 5000])
def test_cut_after_ends_both_streams_behind_exactly_so_many_bytes(connect, net, echo, size):
    net.cut_after("mqtt", size)
    sock = connect()
    data = random.randbytes(9000)
    sock.sendall(data)
    assert receive(sock, len(data)) == data[:size]
    wait(lambda: net.connections("mqtt")[0].ended)
    assert net.connections("mqtt")[0].bytes_down == size
    assert round_trip(connect()) == HELLO


def test_reset_after_resets_behind_so_many_bytes(connect, net):
    net.reset_after("mqtt", 5)
    sock = connect()
    sock.sendall(HELLO)
    with pytest.raises(ConnectionResetError):
        receive(sock, len(HELLO))
    (traffic,) = net.connections("mqtt")
    assert (traffic.bytes_down, traffic.fate) == (5, "reset")


# ---- connections that are open


def test_freeze_holds_both_directions_open_and_new_connections_work(connect, net, echo, fence):
    frozen = connect()
    peer = server_of(echo, frozen)
    before = bytes(peer.got)
    assert net.freeze("mqtt") == 1
    frozen.sendall(HELLO)
    peer.sock.sendall(b"pushed")
    assert round_trip(connect()) == HELLO
    fence()
    assert waiting(frozen) is None
    assert (bytes(peer.got), peer.end) == (before, "")
    frozen.shutdown(socket.SHUT_WR)
    fence()
    assert (bytes(peer.got), peer.end) == (before, "")
    net.restore("mqtt")
    assert receive(frozen, 100) == b"pushed" + HELLO
    assert bytes(peer.got) == before + HELLO


def test_no_reading_fills_the_boards_window_and_passes_what_the_server_says(connect, net, echo):
    sock, other = connect(), connect()
    peer = server_of(echo, sock)
    before = len(peer.got)
    net.no_reading("mqtt")
    sock.settimeout(0.3)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 100_000_000:
            sent += sock.send(bytes(65536))
    peer.sock.sendall(HELLO)
    sock.settimeout(WAIT_S)
    assert receive(sock, len(HELLO)) == HELLO
    assert len(peer.got) == before
    assert net.connections("mqtt")[0].bytes_up == before
    other.sendall(HELLO)
    assert round_trip(connect()) == HELLO
    assert waiting(other) is None
    net.restore("mqtt")
    assert len(receive(sock, sent)) == sent
    assert receive(other, len(HELLO)) == HELLO


@pytest.mark.parametrize("unread", [b"", HELLO])
def test_cut_closes_by_fin_also_with_unread_bytes(connect, net, echo, fence, unread):
    sock = connect()
    peer = server_of(echo, sock)
    net.freeze("mqtt")
    if unread:
        sock.sendall(unread)
        peer.sock.sendall(unread)
        fence()
    assert net.cut("mqtt") == 1
    assert sock.recv(100) == b""
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0  # no RST behind it
    peer.thread.join(WAIT_S)
    assert peer.end == "FIN"
    fence()
    assert round_trip(connect()) == HELLO


def test_reset_closes_by_rst(connect, net, echo, fence):
    socks = [connect(), connect()]
    peers = [server_of(echo, sock) for sock in socks]
    assert net.reset("mqtt") == 2
    for sock in socks:
        with pytest.raises(ConnectionResetError):
            sock.recv(100)
    for peer in peers:
        peer.thread.join(WAIT_S)
        assert peer.end == "ConnectionResetError"
    assert [one.fate for one in net.connections("mqtt")] == ["reset", "reset"]
    fence()
    assert round_trip(connect()) == HELLO


@pytest.mark.parametrize("way", ["cut", "reset", "freeze", "no_reading"])
def test_connection_that_the_relay_has_not_seen_yet_counts_as_open(connect, net, way):
    net._loop.call_soon_threadsafe(time.sleep, 0.2)
    sock = connect()
    assert getattr(net, way)("mqtt") == 1
    (traffic,) = net.connections("mqtt")
    fates = {"cut": "cut", "reset": "reset", "freeze": "frozen", "no_reading": "unread"}
    assert traffic.fate == fates[way]
    if way == "cut":
        assert sock.recv(1) == b""
    elif way == "reset":
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_cut_of_no_open_connection_strikes_none(connect, net):
    connect().close()
    wait(lambda: net.connections("mqtt") and net.connections("mqtt")[0].ended)
    assert (net.cut("mqtt"), net.reset("mqtt"), net.freeze("mqtt")) == (0, 0, 0)
    assert net.connections("mqtt")[0].fate == "closed"


# ---- the line


def test_refuse_closes_the_listener_until_restore_and_keeps_what_is_open(connect, net, fence):
    old = connect()
    assert round_trip(old) == HELLO
    for _ in range(2):
        net.refuse("mqtt")
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                connect()
        fence()
        assert round_trip(old) == HELLO
        net.restore("mqtt")
        assert round_trip(connect()) == HELLO


def test_delay_holds_each_piece_so_long_and_restore_ends_it(connect, net, fence):
    sock = connect()
    net.delay("mqtt", 60)
    began = time.monotonic()
    assert round_trip(sock) == HELLO
    assert time.monotonic() - began >= 0.12
    data = random.randbytes(300_000)
    threading.Thread(target=sock.sendall, args=(data,), daemon=True).start()
    assert receive(sock, len(data)) == data
    net.delay("mqtt", NEVER_MS)
    held = connect()
    held.sendall(HELLO)
    wait(lambda: net.connections("mqtt")[1].bytes_up == len(HELLO))
    fence()
    assert waiting(held) is None
    net.restore("mqtt")
    assert round_trip(sock) == HELLO


def test_rate_limits_the_bytes_per_second_of_each_direction(connect, net, fence):
    sock = connect()
    net.rate("mqtt", 50_000)
    data = random.randbytes(20_000)
    began = time.monotonic()
    assert round_trip(sock, data) == data
    assert time.monotonic() - began >= 0.35
    net.rate("mqtt", 1e-6)
    sock.sendall(HELLO)
    assert sock.recv(100) == HELLO[:1]
    fence()
    assert waiting(sock) is None
    assert round_trip(connect("http"), data) == data


# ---- life


def test_methods_know_their_names_and_whether_the_relay_runs(net, echo):
    with pytest.raises(KeyError):
        net.cut("mqtts")
    other = BadNet({"mqtt": echo.address})
    for _ in range(2):
        with pytest.raises(RuntimeError, match="does not run"):
            other.freeze("mqtt")
        if not other.ports["mqtt"]:
            other.__enter__()
            other.__exit__(None, None, None)


@pytest.mark.filterwarnings("error")
def test_exit_ends_the_thread_and_leaves_no_socket_and_no_task(echo, caplog):
    caplog.set_level(logging.WARNING)
    gc.collect()  # what former tests left may be closed at any time from now on
    before = len(list(Path("/proc/self/fd").iterdir()))
    net = BadNet({"mqtt": echo.address, "http": echo.address})
    with net:
        net.silent_accept("mqtt")
        net.freeze_after("mqtt", 0)
        net.trickle_handshake("mqtt", NEVER_MS)
        net.cut_after("mqtt", 3)
        socks = [socket.create_connection((LOOPBACK, net.ports["mqtt"])) for _ in range(8)]
        for sock in socks:
            sock.sendall(HELLO * 1000)
        wait(lambda: len(net.connections("mqtt")) == len(socks))
        net.no_reading("mqtt")
        net.delay("mqtt", NEVER_MS)
        net.rate("mqtt", 1e-6)
        net.refuse("http")
        thread = net._thread
    assert not thread.is_alive()
    for sock in socks:
        sock.settimeout(WAIT_S)
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        sock.close()
    gc.collect()
    # The server's own close, too.
    wait(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before)
    assert caplog.records == []


def test_exit_with_a_connection_in_every_moment_of_its_life_hangs_nowhere(echo):
    for _ in range(20):
        with BadNet({"mqtt": echo.address}) as net:
            socks = [socket.create_connection((LOOPBACK, net.ports["mqtt"])) for _ in range(5)]
            for sock in socks[: random.randrange(5)]:
                sock.sendall(os.urandom(20_000))
            getattr(net, random.choice(["cut", "reset", "freeze", "no_reading"]))("mqtt")
        for sock in socks:
            sock.close()
