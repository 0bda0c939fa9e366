"""Sockets with the chip's habits: time-outs that get lost, newlib's numbers, a network of names."""

import socket
import struct
import threading
import time

import pytest
from simboard_fixtures import JOIN, Server, SimulatedBoard

SCRIPT = (
    JOIN
    + """
import errno, os, select, socket

def opened(port, timeout=None):
    s = socket.socket()
    s.settimeout(timeout)
    s.connect(socket.getaddrinfo("localhost", port)[0][-1])
    return s

show("errno", lambda: (errno.ETIMEDOUT, errno.EINPROGRESS, errno.ECONNABORTED, errno.EHOSTUNREACH,
                       errno.ENOTCONN, errno.EALREADY, errno.EADDRINUSE, errno.EAGAIN))
show("errno_name", lambda: errno.errorcode[116])
show("address", lambda: socket.getaddrinfo("localhost", 80))
show("name_unknown", lambda: socket.getaddrinfo("example.com", 80))
show("name_zero", lambda: socket.getaddrinfo("zero", 80))
show("literal", lambda: socket.getaddrinfo("10.1.2.3", 80)[0][-1])
show("unreachable", lambda: socket.socket().connect(("10.1.2.3", 80)))
show("refused", lambda: opened(REFUSED))
show("unconnected", lambda: socket.socket().recv(1))

def poll_of(s, flags, timeout=2000):
    p = select.poll()
    p.register(s, flags)
    return [event for _, event in p.poll(timeout)]

show("poll_new", lambda: poll_of(socket.socket(), select.POLLOUT, 0))
s = opened(SILENT, 0.3)
show("time_out_recv", lambda: s.recv(1))
show("time_out_readinto", lambda: s.readinto(bytearray(4)))
s.setblocking(False)
show("non_blocking_recv", lambda: s.recv(1))
show("non_blocking_readinto", lambda: s.readinto(bytearray(4)))
show("non_blocking_read", lambda: s.read(4))
show("non_blocking_readline", lambda: s.readline())
show("poll_in_nothing", lambda: poll_of(s, select.POLLIN, 0))
show("poll_out", lambda: poll_of(s, select.POLLOUT))
s.close()
s.close()
show("poll_closed", lambda: poll_of(s, select.POLLIN, 0))
show("closed_recv", lambda: s.recv(1))

s = opened(LATE, 0.2)
show("late_time_out", lambda: s.recv(1))
s = opened(LATE, 0.2)
s.setblocking(True)
show("late_after_setblocking", lambda: s.recv(1))

s = opened(TRICKLE, 0.3)
show("trickle", lambda: s.read(8))
show("end", lambda: (s.read(8), s.recv(1), s.readline()))

s = socket.socket()
s.setblocking(False)
show("connect_non_blocking", lambda: s.connect(("127.0.0.1", ECHO)))
show("connect_poll", lambda: poll_of(s, select.POLLOUT))
show("sent", lambda: s.send(b"hello\\nmore"))
show("poll_in", lambda: poll_of(s, select.POLLIN))
s.settimeout(2)
show("line", lambda: s.readline())
show("rest", lambda: s.readinto(bytearray(9), 4))
s.write(b"x" * 20000)
s.close()

s = socket.socket()
s.setblocking(False)
show("connect_refused_later", lambda: s.connect(("127.0.0.1", REFUSED)))

with_option = socket.socket()
show("nodelay", lambda: with_option.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
show("port_map", lambda: opened(9999, 2).recv(4))

import asyncio
async def echo():
    r, w = await asyncio.open_connection("localhost", ECHO)
    w.write(b"over asyncio\\n")
    await w.drain()
    line = await r.readline()
    w.close()
    await w.wait_closed()
    return line
show("asyncio", lambda: asyncio.run(echo()))

async def served():
    got = []
    async def handle(r, w):
        got.append(await r.readline())
        w.close()
    server = await asyncio.start_server(handle, "0.0.0.0", LISTEN)
    r, w = await asyncio.open_connection("127.0.0.1", LISTEN)
    w.write(b"to the board\\n")
    await w.drain()
    while not got:
        await asyncio.sleep_ms(5)
    server.close()
    return got[0]
show("asyncio_server", lambda: asyncio.run(served()))
print("DONE")
"""
)


def silent(connection):
    connection.recv(1)


def late(connection):
    time.sleep(0.8)
    connection.sendall(b"L")


def trickle(connection):
    for _ in range(8):
        connection.sendall(b"t")
        time.sleep(0.15)
    connection.close()


def echo(connection):
    while data := connection.recv(4096):
        connection.sendall(data)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    with Server(silent) as a, Server(late) as b, Server(trickle) as c, Server(echo) as d:
        mapped = Server(lambda s: s.sendall(b"MAP!"))
        with mapped:
            numbers = (
                f"SILENT={a.port}\nLATE={b.port}\nTRICKLE={c.port}\nECHO={d.port}\n"
                f"REFUSED={free_port()}\nLISTEN={free_port()}\n"
            )
            board = SimulatedBoard(
                tmp_path_factory.mktemp("board"),
                numbers + SCRIPT,
                network={"hosts": {"zero": "0.0.0.0"}, "ports": {"9999": mapped.port}},
            ).run()
    return board.values()


def test_errno_has_newlib_numbers(values):
    assert values["errno"] == (116, 119, 113, 118, 128, 120, 112, 11)
    assert values["errno_name"] == "ETIMEDOUT"


def test_getaddrinfo_knows_localhost_and_literals(values):
    assert values["address"] == [(2, 1, 0, "localhost", ("127.0.0.1", 80))]
    assert values["literal"] == ("10.1.2.3", 80)


def test_dns_failure_is_minus_202_and_minus_2_for_zero(values):
    assert values["name_unknown"] == ("OSError", -202)
    assert values["name_zero"] == ("OSError", -2)


def test_connect_leaves_the_simulated_network_never(values):
    assert values["unreachable"] == ("OSError", 118)


def test_connect_refused_is_111(values):
    assert values["refused"] == ("OSError", 111)


def test_recv_unconnected_is_enotconn(values):
    assert values["unconnected"] == ("OSError", 128)


def test_recv_times_out_with_116(values):
    assert values["time_out_recv"] == ("OSError", 116)
    assert values["time_out_readinto"] == ("OSError", 116)
    assert values["late_time_out"] == ("OSError", 116)


def test_recv_non_blocking_is_eagain_and_streams_give_none(values):
    assert values["non_blocking_recv"] == ("OSError", 11)
    assert values["non_blocking_readinto"] is None
    assert values["non_blocking_read"] is None
    assert values["non_blocking_readline"] is None


def test_setblocking_true_loses_the_time_out(values):
    assert values["late_after_setblocking"] == b"L"


def test_trickling_peer_never_times_out(values):
    assert values["trickle"] == b"t" * 8


def test_end_of_stream_repeats(values):
    assert values["end"] == (b"", b"", b"")


def test_connect_non_blocking_is_einprogress_then_writable(values):
    assert values["connect_non_blocking"] == ("OSError", 119)
    assert values["connect_poll"] == [4]
    assert values["sent"] == 10
    assert values["poll_in"] == [1]
    assert (values["line"], values["rest"]) == (b"hello\n", 4)


def test_connect_non_blocking_to_a_closed_port_fails(values):
    assert values["connect_refused_later"] in (("OSError", 119), ("OSError", 111))


def test_poll_tells_new_closed_and_idle_sockets_apart(values):
    assert values["poll_new"] == [4 | 16]
    assert values["poll_closed"] == [32]
    assert values["poll_in_nothing"] == []
    assert values["poll_out"] == [4]
    assert values["closed_recv"] == ("OSError", 9)


def test_ports_are_translated(values):
    assert values["port_map"] == b"MAP!"
    assert values["nodelay"] is None


def test_asyncio_works_both_ways(values):
    assert values["asyncio"] == b"over asyncio\n"
    assert values["asyncio_server"] == b"to the board\n"


WLAN = """
import errno, network, socket, time
show("no_sta_name", lambda: socket.getaddrinfo("localhost", 80))
show("no_sta_connect", lambda: socket.socket().connect(("127.0.0.1", PORT)))
sta = network.WLAN(network.STA_IF)
show("inactive", lambda: (sta.active(), sta.isconnected(), sta.status(), sta.ifconfig()[0]))
show("connect_inactive", lambda: sta.connect("demo", "secret"))
sta.active(True)
def settled(*args):
    sta.connect(*args)
    while sta.status() == network.STAT_CONNECTING:
        time.sleep_ms(5)
    return sta.status()
show("wrong_ssid", lambda: settled("other", "secret"))
show("wrong_password", lambda: settled("demo", "guess"))
sta.connect("demo", "secret")
show("connecting", lambda: (sta.status(), sta.isconnected()))
show("joined", lambda: (settled("demo", "secret"), sta.isconnected(), sta.ifconfig()[0], sta.config("ssid")))
show("scan", lambda: sta.scan()[0][0])
show("mac", lambda: len(sta.config("mac")))
show("lan", lambda: network.LAN)
s = socket.socket()
s.settimeout(2)
s.connect(("127.0.0.1", PORT))
show("through", lambda: (s.send(b"1"), s.recv(1)))
print("AIR OFF")
while sta.isconnected():
    time.sleep_ms(5)
show("gone", lambda: sta.status())
s.settimeout(0.2)
show("stalled_send", lambda: s.send(b"2"))
show("stalled_recv", lambda: s.recv(1))
show("unreachable", lambda: socket.socket().connect(("127.0.0.1", PORT)))
print("AIR ON")
while not sta.isconnected():
    time.sleep_ms(5)
s.settimeout(2)
show("again", lambda: (s.send(b"3"), s.recv(1)))
sta.disconnect()
show("left", lambda: (sta.isconnected(), sta.status()))
sta.active(False)
show("off", lambda: (sta.isconnected(), sta.active()))
print("DONE")
"""


@pytest.fixture(scope="module")
def wlan(tmp_path_factory):
    with Server(echo) as server:
        script = f"PORT = {server.port}\n" + WLAN
        board = SimulatedBoard(tmp_path_factory.mktemp("board"), script)
        with board:
            board.until("AIR OFF")
            board.board.set_air(False)
            board.until("AIR ON")
            board.board.set_air(True)
            board.until("DONE")
    return board.values()


def test_wlan_off_has_no_network(wlan):
    assert wlan["no_sta_name"] == ("OSError", -202)
    assert wlan["no_sta_connect"] == ("OSError", 118)
    assert wlan["inactive"] == (False, False, 1000, "0.0.0.0")
    assert wlan["connect_inactive"] == ("OSError", "Wifi Not Started")


def test_wlan_joins_known_networks_only(wlan):
    assert wlan["wrong_ssid"] == 201
    assert wlan["wrong_password"] == 202
    assert wlan["connecting"] == (1001, False)
    assert wlan["joined"] == (1010, True, "192.168.4.2", "demo")
    assert wlan["scan"] == b"demo"
    assert wlan["mac"] == 6


def test_network_has_no_lan(wlan):
    assert wlan["lan"][0] == "AttributeError"


def test_wlan_without_air_stalls_live_sockets(wlan):
    assert wlan["through"] == (1, b"1")
    assert wlan["gone"] == 200
    assert wlan["stalled_recv"] == ("OSError", 116)
    assert wlan["unreachable"] == ("OSError", 118)
    assert wlan["again"] == (1, b"3")


def test_wlan_leaves_and_switches_off(wlan):
    assert wlan["left"] == (False, 1000)
    assert wlan["off"] == (False, False)


def test_ntptime_sets_the_clock_through_the_port_map(tmp_path):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    moment = 1_900_000_000  # Unix

    def serve():
        data, peer = server.recvfrom(100)
        assert data[0] == 0x1B
        server.sendto(bytes(40) + struct.pack("!II", moment + 2_208_988_800, 0), peer)

    threading.Thread(target=serve, daemon=True).start()
    script = (
        JOIN
        + """
import ntptime, time
show("before", lambda: time.gmtime()[0])
ntptime.host = "localhost"
show("set", lambda: ntptime.settime())
show("after", lambda: time.time() + 946684800)
print("DONE")
"""
    )
    network = {"ports": {"123": server.getsockname()[1]}}
    values = SimulatedBoard(tmp_path, script, network=network).run().values()
    server.close()
    assert values["before"] == 2000
    assert values["set"] is None
    assert values["after"] in (moment, moment + 1)


def test_ntptime_without_an_answer_times_out(tmp_path):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    script = (
        JOIN
        + """
import ntptime
ntptime.host = "localhost"
show("set", lambda: ntptime.settime())
print("DONE")
"""
    )
    network = {"ports": {"123": server.getsockname()[1]}}
    values = SimulatedBoard(tmp_path, script, network=network).run().values()
    server.close()
    assert values["set"] == ("OSError", 116)
