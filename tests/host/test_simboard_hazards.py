"""The hazards of sockets and TLS, as a board meets them: real TLS, sockets that forget their time-outs.

The board's `Session` and `Transport` are the unmodified ones, on a clock that runs five times as fast.
"""

import contextlib
import time

import pytest
from hazard_fixtures import (
    ByHand,
    cut,
    deaf,
    ended,
    healthy,
    large,
    no_connack,
    no_suback,
    reset,
    silent,
    trickled,
    wait,
)
from simboard_fixtures import JOIN, Authority, Server, SimulatedBoard

from host_tools import paths
from host_tools.release.compile import compile_source

MODULES = (
    *("__init__", "board", "dial", "errors", "log", "messages", "opening", "refusal", "session"),
    *("transport", "url"),
)

SCRIPT = (
    JOIN
    + """
import asyncio, gc, machine, sys, tls
from enos_ota import opening, session, transport
from enos_ota.errors import OtaError
machine.RTC().datetime(NOW)

class Fast:
    ticks_diff, ticks_add, gmtime = time.ticks_diff, time.ticks_add, time.gmtime
    sleep_ms = time.sleep_ms
    base = time.ticks_ms()

    @classmethod
    def ticks_ms(cls):
        return time.ticks_add(cls.base, 5 * time.ticks_diff(time.ticks_ms(), cls.base))

opening.time = session.time = transport.time = Fast

class Config:
    product_key, device_key = "pk", "dk"
    mqtt = ""
    keepalive_s = 60
    spread_s = 1

context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
context.verify_mode = tls.CERT_REQUIRED
with open("ca.der", "rb") as file:
    context.load_verify_locations(file.read())

taken = []

def meet(port, act, scheme="mqtts"):
    # Class and text of what ends the session, messages delivered, how often `act` was called.
    del taken[:]
    gc.collect()
    Config.mqtt = "%s://localhost:%d" % (scheme, port)
    made = session.Session(Config, ("c", "u", "p"), taken.append)
    count = 0
    try:
        asyncio.run(made.open(context))
        while True:
            act(made)
            count += 1
    except OtaError as error:
        name = type(error).__name__, str(error)
    for _ in range(2):  # the chip panics if a closed TLS socket is touched
        made.close()
        made.sock.setblocking(True)
        try:
            made.poll()
        except OtaError:
            pass
    return name + (len(taken), count)

def poll(made):
    made.poll()
    time.sleep_ms(5)

def flood(made):
    made.reply("progress", FLOOD)

FLOOD = bytes(2000)

async def handshake(port):
    link = transport.Transport()
    await link.open("localhost", port, context, 8000)
    try:
        await link.send(b"x", 8000)
    finally:
        link.close()

show("healthy", lambda: meet(HEALTHY, poll))
show("cut", lambda: meet(CUT, poll))
show("cut_plain", lambda: meet(CUT_PLAIN, poll, "mqtt"))
show("trickled", lambda: meet(TRICKLED, poll))
show("ended", lambda: meet(ENDED, poll))
Config.keepalive_s = 10
show("half", lambda: meet(HALF, poll))
Config.keepalive_s = 60
show("deaf", lambda: meet(DEAF, flood))
show("deaf_plain", lambda: meet(DEAF_PLAIN, flood, "mqtt"))
show("no_connack", lambda: meet(NO_CONNACK, poll))
show("no_suback", lambda: meet(NO_SUBACK, poll))
show("silent", lambda: meet(SILENT, poll))
show("reset", lambda: meet(RESET, poll))
show("handshake", lambda: asyncio.run(handshake(HANDSHAKE)))
show("other_ca", lambda: asyncio.run(handshake(OTHER)))
show("large", lambda: meet(LARGE, poll))
show("dns", lambda: asyncio.run(transport.Transport().open("nowhere.example", 1, None, 1000)))
print("DONE")
"""
)


def device_files():
    files = {}
    for name in MODULES:
        source = paths.DEVICE / "enos_ota" / f"{name}.py"
        files[f"lib/enos_ota/{name}.mpy"] = compile_source(source.read_bytes(), f"{name}.py")
    return files


@pytest.fixture(scope="module")
def by_hand():
    return {}


@pytest.fixture(scope="module")
def board(tmp_path_factory, by_hand):
    folder = tmp_path_factory.mktemp("ca")
    good, other = Authority(folder), Authority(tmp_path_factory.mktemp("other"))
    half, handshake = ByHand(good.context), ByHand(good.context)
    by_hand["handshake"] = handshake
    servers = {
        "HEALTHY": (healthy, good.context),
        "CUT": (cut, good.context),
        "CUT_PLAIN": (cut, None),
        "TRICKLED": (trickled, good.context),
        "ENDED": (ended, good.context),
        "HALF": (half.half_a_record, None),
        "DEAF": (deaf, good.context),
        "DEAF_PLAIN": (deaf, None),
        "NO_CONNACK": (no_connack, good.context),
        "NO_SUBACK": (no_suback, good.context),
        "SILENT": (silent, None),
        "RESET": (reset, good.context),
        "HANDSHAKE": (handshake.trickled_handshake, None),
        "OTHER": (wait, other.context),
        "LARGE": (large, good.context),
    }
    t = time.gmtime()
    numbers = f"NOW={(*t[:3], 0, *t[3:6], 0)}\n"
    with contextlib.ExitStack() as stack:
        for name, (serve, context) in servers.items():
            port = stack.enter_context(Server(serve, context)).port
            numbers += f"{name}={port}\n"
        board = SimulatedBoard(
            tmp_path_factory.mktemp("board"),
            numbers + SCRIPT,
            files={"ca.der": good.der, **device_files()},
        )
        with board:
            for _ in servers:  # each has the time that a fixture has for a whole script
                board.until("= ")
            board.until("DONE")
    return board


@pytest.fixture(scope="module")
def values(board):
    return board.values()


def test_session_over_real_tls_takes_three_messages_and_acknowledges_them(values):
    assert values["healthy"][:3] == ("LinkError", "closed by the server", 3)


def test_hazard_lost_timeout_and_publish_cut_in_the_middle_end_by_the_packets_deadline(values):
    assert values["cut"][:3] == ("LinkError", "read timed out", 0)
    assert values["cut_plain"][:3] == ("LinkError", "read timed out", 0)


def test_hazard_message_trickled_ends_by_one_deadline(values):
    assert values["trickled"][:3] == ("LinkError", "read timed out", 0)


def test_hazard_end_in_a_packet_delivers_nothing(values):
    assert values["ended"][:3] == ("LinkError", "closed by the server", 0)


def test_hazard_half_a_tls_record_is_found_by_the_keepalive(values):
    assert values["half"][:3] == ("LinkError", "no answer to ping", 0)


def test_hazard_peer_that_does_not_read_ends_by_the_write_deadline(values):
    for name in ("deaf", "deaf_plain"):
        assert values[name][:3] == ("LinkError", "write timed out", 0)
        assert values[name][3] > 5  # it did write, until nobody took it


def test_hazard_handshake_trickled_is_bounded_though_bytes_keep_coming(values, by_hand):
    assert values["handshake"] == ("LinkError", "TLS handshake or write timed out")
    assert by_hand["handshake"].pieces >= 3


def test_hazard_silence_at_each_step_is_bounded(values):
    assert values["silent"][:3] == ("LinkError", "TLS handshake or write timed out", 0)
    assert values["no_connack"][:3] == ("LinkError", "no answer to CONNECT", 0)
    assert values["no_suback"][:3] == ("LinkError", "no answer to SUBSCRIBE", 0)


def test_hazard_reset_is_a_link_error_though_tls_negates_its_number(values):
    assert values["reset"][:3] == ("LinkError", "connection: -104", 0)


def test_hazard_other_ca_is_a_refusal_in_one_line(values):
    assert values["other_ca"] == ("DownloadError", "TLS refused: not signed by a trusted CA")


def test_hazard_large_payload_is_dropped_and_the_next_message_delivered(values, board):
    assert values["large"][:3] == ("LinkError", "closed by the server", 1)
    assert any("upgrade: message of 12072 bytes dropped" in line for line in board.console)


def test_hazard_dns_failure_is_a_link_error(values):
    assert values["dns"][0] == "LinkError"
    assert "nowhere.example" in values["dns"][1]


def test_hazard_closed_tls_socket_is_never_touched_again(board):
    assert board.boots() == [("ota_0", "PWRON")]  # `setblocking` on one panics


def test_hazard_threads_only_the_application_has_any_beside_those_that_wait_at_boot():
    users = {p.name for p in (paths.DEVICE / "enos_ota").glob("*.py") if "_thread" in p.read_text()}
    assert users == {"room.py", "starting.py"}
