"""Servers that fall silent: which deadline of the board strikes, and that it recovers."""

from __future__ import annotations

import pytest

from host_tools.demo.rig import Rig

DEADLINE_S = 90
TLS_OVERHEAD_BYTES = 30_000
"""Handshake, headers and record framing of one download, generously; a tenth of what is frozen."""


@pytest.fixture(scope="module")
def releases(stock_releases):
    return stock_releases


def http_connections(rig, since):
    """Those to the HTTP server, but for the first `since`: of the clock, before an upgrade."""
    return rig.net.connections("http")[since:]


def lines_with(rig, text):
    return [line for line in rig.console() if text in line]


def succeeded(rig, job):
    task = rig.wait_task(job, timeout_s=DEADLINE_S)
    return (task["status"], rig.version()) == ("succeeded", "1.1.0")


@pytest.mark.parametrize("way", ["silent", "trickled"])
def test_mqtt_tls_handshake_without_end_is_given_up_and_tried_again(tmp_path, releases, way):
    with Rig(tmp_path, badnet=True) as rig:
        if way == "silent":
            rig.net.silent_accept("mqtt")
        else:
            rig.net.trickle_handshake("mqtt", byte_ms=100)
        rig.make_board(releases["1.0.0"])
        rig.board.power_on()
        rig.wait_console("link: TLS handshake or write timed out", DEADLINE_S)
        rig.wait_version("1.0.0", DEADLINE_S)
        first, second = rig.net.connections("mqtt")
        assert first.bytes_up > 100  # the ClientHello went out
        assert first.ended
        assert (first.bytes_down > 0) == (way == "trickled")
        assert second.fate == "open"
        assert len(lines_with(rig, "timed out")) == 1


def test_https_tls_handshake_without_end_is_given_up_and_tried_again(tmp_path, releases):
    with Rig(tmp_path, badnet=True) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        before = len(rig.net.connections("http"))
        rig.net.silent_accept("http")
        job = rig.push(releases["1.1.0"], "1.1.0")
        rig.wait_console("download at byte 0: TLS handshake or write timed out", DEADLINE_S)
        assert succeeded(rig, job)
        silent, tail, download, *_proof = http_connections(rig, before)
        assert (silent.fate, silent.bytes_down) == ("silent", 0)
        assert tail.bytes_down < TLS_OVERHEAD_BYTES
        assert download.bytes_down > releases["1.1.0"].stat().st_size
        assert len(lines_with(rig, "timed out")) == 1


def test_https_body_that_stops_is_given_up_and_continued_at_its_byte(tmp_path, releases):
    with Rig(tmp_path, badnet=True) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        before = len(rig.net.connections("http"))
        rig.net.freeze_after("http", 300_000, times=2)  # the tail ends before it is so long
        job = rig.push(releases["1.1.0"], "1.1.0")
        line = rig.wait_console("read timed out", DEADLINE_S)
        position = int(line.partition("download at byte ")[2].partition(":")[0])
        assert 300_000 - TLS_OVERHEAD_BYTES < position < 300_000
        assert succeeded(rig, job)
        tail, frozen, second, *_proof = http_connections(rig, before)
        assert tail.fate == "closed"
        assert (frozen.fate, frozen.bytes_down) == ("frozen", 300_000)
        rest_bytes = releases["1.1.0"].stat().st_size - position
        assert rest_bytes < second.bytes_down < rest_bytes + TLS_OVERHEAD_BYTES
        assert len(lines_with(rig, "timed out")) == 1


def test_mqtt_half_open_is_noticed_by_unanswered_pings(tmp_path, releases):
    with Rig(tmp_path, badnet=True) as rig:
        rig.start(releases["1.0.0"], keepalive_s=4, trial_app_s=0)
        rig.wait("the answer to inform", lambda: rig.messages("inform_reply"))
        assert rig.net.freeze("mqtt") == 1
        rig.wait_console("no answer to ping", DEADLINE_S)
        rig.wait("inform again", lambda: len(rig.messages("inform")) == 2, DEADLINE_S)
        assert rig.net.connections("mqtt")[0].ended is None  # nobody closed it: the server holds it
        assert succeeded(rig, rig.push(releases["1.1.0"], "1.1.0"))


def test_https_server_that_is_restarted_is_asked_again_until_it_is_there(tmp_path, releases):
    with Rig(tmp_path, badnet=True) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        rig.net.rate("http", 400_000)
        job = rig.push(releases["1.1.0"], "1.1.0")
        rig.wait_console("app: 1.1.0: downloading, 30 %")
        rig.net.refuse("http")
        rig.net.reset("http")
        rig.wait_console("refused")
        rig.net.restore("http")
        assert succeeded(rig, job)
        size = releases["1.1.0"].stat().st_size
        fetched = sum(c.bytes_down for c in rig.net.connections("http"))
        assert fetched < size * 1.1
