"""Flash and TLS with the chip's own durations, where a board asks for them."""

import time

import pytest
from simboard_fixtures import JOIN, Authority, Server, SimulatedBoard, image

from host_tools.simboard.chip.nor import duration_us

FLASH = """
import time, uctypes
from esp32 import Partition
other = Partition("ota_1")
data = Partition("data")
buf = bytearray(4096)
def took(action, *arguments):
    start = time.ticks_us()
    try:
        action(*arguments)
    except OSError:
        pass
    return time.ticks_diff(time.ticks_us(), start)
show("sector", lambda: took(data.ioctl, 6, 0))
show("program", lambda: took(data.writeblocks, 0, buf, 0))
show("block", lambda: took(other.writeblocks, 16, uctypes.bytearray_at(0, 65536)))
show("write", lambda: took(data.writeblocks, 1, buf))
show("read", lambda: took(data.readblocks, 0, bytearray(16384)))
show("set_boot", lambda: took(other.set_boot))
print("DONE")
"""
SLOT_BYTES = 1_000_000
LEAST_US = {
    "sector": 45_000,
    "program": 16 * 600,
    "block": 150_000,
    "write": 45_000 + 16 * 600,
    "read": 16384 / 6.6,
    "set_boot": SLOT_BYTES / 6.6,
}


@pytest.mark.parametrize(
    ("kind", "address", "length", "expected_us"),
    [
        ("erase", 0, 4096, 45_000),
        ("erase", 0, 65536, 150_000),
        ("program", 0, 1, 600),
        ("program", 0, 4096, 16 * 600),
        ("program", 255, 2, 2 * 600),
        ("program", 256, 256, 600),
        ("read", 0, 6_600_000, 1_000_000),
    ],
)
def test_duration_is_the_datasheets(kind, address, length, expected_us):
    assert duration_us(kind, address, length) == expected_us


@pytest.fixture(scope="module")
def datasheet(tmp_path_factory):
    return SimulatedBoard(
        tmp_path_factory.mktemp("slow"),
        FLASH,
        slots={0x1E0000: image(SLOT_BYTES)},
        timing="datasheet",
    ).run()


@pytest.mark.parametrize("operation", LEAST_US)
def test_flash_takes_at_least_the_chips_time(datasheet, operation):
    assert datasheet.values()[operation] >= LEAST_US[operation]


def test_timing_unknown_is_refused(tmp_path):
    from host_tools.simboard.board_files import BoardError

    with pytest.raises(BoardError, match="timing must be one of"):
        SimulatedBoard(tmp_path, timing="slow").board.power_on()


TLS = (
    JOIN
    + """
import machine, socket, tls
machine.RTC().datetime(NOW)
c = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
with open("ca.der", "rb") as f:
    c.load_verify_locations(f.read())
def session(**options):
    s = socket.socket()
    s.connect(("127.0.0.1", PORT))
    if options:
        s.setblocking(False)
    return c.wrap_socket(s, server_hostname="localhost", **options)
calls = []
def timed(action):
    start = time.ticks_ms()
    result = action()
    calls.append(time.ticks_diff(time.ticks_ms(), start))
    return result
s = session(do_handshake_on_connect=False)
while timed(lambda: s.write(b"x")) is None:
    time.sleep_ms(5)
show("handshake", lambda: [ms >= 600 for ms in calls].count(True))
calls.clear()
timed(lambda: s.write(b"x"))
show("later", lambda: calls[0] >= 600)
s.close()
calls.clear()
timed(session)
show("blocking", lambda: calls[0] >= 600)
print("DONE")
"""
)


def test_handshake_takes_its_time_in_one_call(tmp_path, tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("ca"))
    with Server(lambda connection: connection.recv(10), authority.context) as server:
        t = time.gmtime()
        head = f"PORT={server.port}\nNOW={(*t[:3], 0, *t[3:6], 0)}\n"
        board = SimulatedBoard(
            tmp_path,
            head + TLS,
            files={"ca.der": authority.der},
            timing="datasheet",
        ).run()
    assert board.values() == {"handshake": 1, "later": False, "blocking": True}
