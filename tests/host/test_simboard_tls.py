"""TLS as the VM really does it: the clock counts, names count, and closed sessions panic."""

import time

import pytest
from simboard_fixtures import JOIN, Authority, Server, SimulatedBoard

SCRIPT = (
    JOIN
    + """
import machine, select, socket, ssl, tls

def context(ca=None):
    c = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    c.verify_mode = tls.CERT_REQUIRED
    if ca:
        with open(ca, "rb") as f:
            c.load_verify_locations(f.read())
    return c

def session(port, ca="good.der", name="localhost", timeout=5, **options):
    s = socket.socket()
    s.settimeout(timeout)
    s.connect(("127.0.0.1", port))
    return context(ca).wrap_socket(s, server_hostname=name, **options)

show("mode", lambda: context().verify_mode)
show("year_2000", lambda: session(ECHO))
machine.RTC().datetime(NOW)
show("year", lambda: time.gmtime()[0])
show("other_ca", lambda: session(ECHO, "other.der"))
show("no_ca", lambda: session(ECHO, None))
show("other_name", lambda: session(ECHO, name="example.com"))
show("no_name", lambda: session(ECHO, name=None))
import esp32
free = esp32.idf_heap_info(esp32.HEAP_DATA)[0][1]
s = session(ECHO)
show("heap_of_a_session", lambda: free - esp32.idf_heap_info(esp32.HEAP_DATA)[0][1])
show("cipher", lambda: s.cipher()[1])
show("write", lambda: s.write(b"one\\ntwo\\n"))
p = select.poll()
p.register(s, select.POLLIN)
show("poll", lambda: [e for _, e in p.poll(2000)])
show("line", lambda: s.readline())
show("poll_pending", lambda: [e for _, e in p.poll(0)])
show("read", lambda: s.read(4))
show("poll_idle", lambda: p.poll(0))
s.setblocking(False)
show("non_blocking", lambda: s.read(4))
s.close()
show("heap_returned", lambda: free - esp32.idf_heap_info(esp32.HEAP_DATA)[0][1])
show("closed_read", lambda: s.read(4))
show("closed_again", lambda: s.close())
show("closed_poll", lambda: [e for _, e in p.poll(0)])
s = session(MUTE, timeout=0.3)
show("read_time_out", lambda: s.read(4))
show("silent_handshake", lambda: session(SILENT, timeout=0.3))
show("handshake_error", lambda: session(RUDE))

def step(s, action):
    for _ in range(2000):
        n = action()
        if n is not None:
            return n
        time.sleep_ms(1)

raw = socket.socket()
raw.connect(("127.0.0.1", ECHO))
raw.setblocking(False)
s = context("good.der").wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
show("deferred_first", lambda: s.write(b"deferred"))
show("deferred", lambda: step(s, lambda: s.write(b"deferred")))
show("deferred_read", lambda: step(s, lambda: s.read(8)))
raw = socket.socket()
raw.connect(("127.0.0.1", ECHO))
raw.setblocking(False)
s = context("other.der").wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
show("deferred_refused", lambda: step(s, lambda: s.write(b"x")))
s.close()
import gc
gc.collect()  # closes the sessions that were dropped open: each holds 26 KB of the IDF heap

import asyncio
async def echo():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.verify_mode = ssl.CERT_REQUIRED
    with open("good.der", "rb") as f:
        c.load_verify_locations(cadata=f.read())
    r, w = await asyncio.open_connection("localhost", ECHO, ssl=c, server_hostname="localhost")
    w.write(b"over asyncio\\n")
    await w.drain()
    line = await r.readline()
    w.close()
    await w.wait_closed()
    return line
show("asyncio", lambda: asyncio.run(echo()))
def bulk():
    s = session(BULK)
    buf = bytearray(4096)
    total = 0
    while True:
        n = s.readinto(buf)
        if not n:
            return total
        total += n
show("bulk", bulk)
print("DONE")
"""
)


def echo(connection):
    while data := connection.recv(4096):
        connection.sendall(data)


def silent(connection):
    connection.recv(1)


def mute(connection):
    while connection.recv(4096):
        pass


def rude(connection):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 400 this is no TLS\r\n\r\n")


def bulk(connection):
    connection.sendall(bytes(1 << 20))
    connection.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    return Authority(folder), Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def values(tmp_path_factory, certificates):
    good, other = certificates
    with (
        Server(echo, good.context) as a,
        Server(silent) as b,
        Server(mute, good.context) as c,
        Server(rude) as d,
        Server(bulk, good.context) as e,
    ):
        t = time.gmtime()
        numbers = (
            f"ECHO={a.port}\nSILENT={b.port}\nMUTE={c.port}\nRUDE={d.port}\nBULK={e.port}\n"
            f"NOW={(*t[:3], 0, *t[3:6], 0)}\n"
        )
        files = {"good.der": good.der, "other.der": other.der}
        board = SimulatedBoard(
            tmp_path_factory.mktemp("board"), numbers + SCRIPT, files=files
        ).run()
    return board.values()


def test_certificate_is_not_valid_yet_in_the_year_2000(values):
    assert values["year_2000"][0] == "ValueError"
    assert "validity starts in the future" in values["year_2000"][1]


def test_certificate_of_another_ca_is_refused(values):
    assert values["other_ca"][0] == "ValueError"
    assert "not correctly signed by the trusted CA" in values["other_ca"][1]
    assert values["no_ca"] == ("OSError", -30336, "MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED")


def test_certificate_of_another_name_is_refused(values):
    assert values["other_name"][0] == "ValueError"
    assert "does not match" in values["other_name"][1]
    assert values["no_name"][0] == "ValueError"


def test_session_carries_data(values):
    assert values["cipher"] == "TLSv1.2"
    assert values["write"] == 8
    assert (values["line"], values["read"]) == (b"one\n", b"two\n")
    assert values["bulk"] == 1 << 20


def test_session_poll_looks_into_pending_bytes(values):
    assert values["poll"] == [1]
    assert values["poll_pending"] == [1]
    assert values["poll_idle"] == []


def test_session_non_blocking_gives_none(values):
    assert values["non_blocking"] is None


def test_session_errors_of_the_socket_come_negated(values):
    assert values["read_time_out"] == ("OSError", -116)


def test_handshake_against_silence_times_out(values):
    assert abs(values["silent_handshake"][1]) == 116


def test_handshake_against_another_protocol_fails(values):
    assert values["handshake_error"][0] == "OSError"


def test_session_closed_refuses_data_and_polls_as_invalid(values):
    assert values["closed_read"] == ("OSError", -28928)
    assert values["closed_again"] is None
    assert values["closed_poll"] == [32]


def test_session_takes_idf_heap_and_returns_it(values):
    assert values["heap_of_a_session"] == 26136
    assert values["heap_returned"] == 0


def test_handshake_deferred_goes_on_by_writes(values):
    assert values["deferred_first"] is None
    assert values["deferred"] == 8
    assert values["deferred_read"] == b"deferred"


def test_handshake_deferred_refuses_in_a_write(values):
    assert values["deferred_refused"][0] == "ValueError"


def test_asyncio_over_tls(values):
    assert values["asyncio"] == b"over asyncio\n"


def test_setblocking_on_a_closed_session_panics(tmp_path, certificates):
    good, _ = certificates
    t = time.gmtime()
    with Server(echo, good.context) as server:
        script = (
            JOIN
            + f"""
import machine, socket, tls
if machine.reset_cause() == 1:
    machine.RTC().datetime({(*t[:3], 0, *t[3:6], 0)})
    s = socket.socket()
    s.connect(("127.0.0.1", {server.port}))
    c = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    with open("good.der", "rb") as f:
        c.load_verify_locations(f.read())
    s = c.wrap_socket(s, server_hostname="localhost")
    s.close()
    try:
        s.setblocking(True)
    finally:
        print("went on")
print("DONE")
"""
        )
        board = SimulatedBoard(tmp_path, script, files={"good.der": good.der}).run()
    assert board.boots() == [("ota_0", "PWRON"), ("ota_0", "HARD")]
    assert "LoadProhibited" in board.events("reset")[0]["detail"]
    assert "went on" not in board.console
