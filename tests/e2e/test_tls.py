"""There is no unverified path: what a board does with servers that it cannot trust, and they with it.

One board of each kind sees the server change, says why it does not connect, and comes back by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.cloud.apply import apply
from host_tools.demo.rig import DEVICE, Rig

REFUSALS = {
    "expired": "TLS refused: the certificate has expired (clock ",
    "future": "TLS refused: the certificate is not valid yet (clock ",
    "wrong_name": "TLS refused: the certificate names another host",
    "unknown_ca": "TLS refused: not signed by a trusted CA",
}


def lines_with(rig: Rig, text: str) -> int:
    return len([line for line in rig.console() if text in line])


def reconnect(rig: Rig) -> None:
    """End the board's sessions, so that it meets the server as it is now."""
    rig.board.power_off()
    rig.board.power_on()


@pytest.fixture(scope="module")
def rig(tmp_path_factory, releases):
    """A board that verifies by CA."""
    with Rig(tmp_path_factory.mktemp("ca")) as rig:
        rig.start(releases["1.0.0"])
        yield rig


@pytest.mark.parametrize("position", REFUSALS)
def test_tls_server_with_a_bad_certificate_is_refused_and_why_is_said(rig, position):
    informed = len(rig.messages("inform"))
    before = lines_with(rig, REFUSALS[position])
    rig.cloud.set_switch("server_certificate", position)
    try:
        reconnect(rig)
        rig.wait("two refusals", lambda: lines_with(rig, REFUSALS[position]) >= before + 2, 60)
        assert len(rig.messages("inform")) == informed
    finally:
        rig.cloud.set_switch("server_certificate", "good")
    rig.wait("the board", lambda: len(rig.messages("inform")) > informed, 60)


def test_tls_server_of_another_ca_is_refused_and_its_own_is_not(rig):
    text = REFUSALS["unknown_ca"]
    informed, before = len(rig.messages("inform")), lines_with(rig, text)
    rig.cloud.set_switch("server_ca", "second")
    try:
        reconnect(rig)
        rig.wait("a refusal", lambda: lines_with(rig, text) > before, 60)
    finally:
        rig.cloud.set_switch("server_ca", "first")
    rig.wait("the board", lambda: len(rig.messages("inform")) > informed, 60)


def test_tls_download_from_a_bad_server_is_step_minus_2(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"])
        rig.cloud.set_switch("server_certificate", "wrong_name")  # the MQTT session stays
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"), timeout_s=90)
        assert (task["progress"], task["device"]) == (-2, DEVICE), task
        assert task["desc"] == "1.1.0: TLS refused: the certificate names another host"


def test_tls_clock_of_the_year_2000_is_set_by_the_server_where_nothing_else_tells(
    tmp_path, workshop
):
    undated = workshop.release("1.0.0", 1, build_time=0, name="undated").path
    with Rig(tmp_path) as rig:
        rig.start(undated, ntp=None)
        assert "(clock 2000-01-01)" in rig.wait_console("not valid yet")
        rig.wait_console("clock set by the server, unverified")


def test_tls_server_that_lies_about_the_date_does_no_lasting_harm(tmp_path, workshop):
    undated = workshop.release("1.0.0", 1, build_time=0, name="undated").path
    with Rig(tmp_path, switches={"http_date": "future"}) as rig:
        rig.make_board(undated, ntp=None)
        rig.board.power_on()
        rig.wait_console("has expired")
        assert rig.version() is None
        rig.cloud.set_switch("http_date", "right")
        rig.wait_version("1.0.0", timeout_s=60)


def test_tls_clock_without_ntp_starts_at_the_build_time_and_is_confirmed(tmp_path, workshop):
    early = workshop.release("1.0.0", 1, build_time=1_795_000_000, name="early").path
    with Rig(tmp_path) as rig:
        # The stand-in's certificate is from now; its Date corrects a clock that is behind.
        rig.start(early, ntp=None)
        rig.wait_console("clock set by the last known time")
        rig.wait_console("clock set by the server")


def test_tls_board_without_ca_does_not_connect(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.make_board(releases["1.0.0"], ca=[])
        rig.board.power_on()
        assert "none is configured" in rig.wait_console("CA ")
        assert rig.messages() == []


@pytest.fixture(scope="module")
def mutual(tmp_path_factory, releases):
    """A stand-in that demands a certificate of each device, and one for the board."""
    folder = tmp_path_factory.mktemp("mutual")
    with Rig(folder, switches={"tls_client_certificate": "required"}) as rig:
        rig.settings()
        rig.cloud.add_device("another")
        yield rig


def issued(rig: Rig, device: str) -> dict[str, bytes]:
    """The device's certificate and key as files of the board."""
    made = apply(rig.cloud, device)
    return {"cert.der": made.certificate, "key.der": made.key}


def test_tls_board_without_a_certificate_is_refused_by_a_server_that_wants_one(mutual, releases):
    mutual.make_board(releases["1.0.0"])
    mutual.board.power_on()
    mutual.wait_console("the server refuses our certificate, or misses it")
    mutual.board.power_off()
    assert mutual.version() is None


def test_tls_board_with_the_certificate_of_another_device_is_refused(mutual, releases):
    files = issued(mutual, "another")
    mutual.make_board(releases["1.0.0"], extra_files=files, cert="/cert.der", key="/key.der")
    mutual.board.power_on()
    mutual.wait_console("login refused")
    mutual.board.power_off()
    assert mutual.version() is None


def test_tls_board_with_its_certificate_is_upgraded_over_mutual_tls(mutual, releases):
    files = issued(mutual, DEVICE)
    mutual.start(
        releases["1.0.0"], extra_files=files, cert="/cert.der", key="/key.der", trial_app_s=0
    )
    task = mutual.wait_task(mutual.push(releases["1.1.0"], "1.1.0"))
    assert (task["status"], mutual.version()) == ("succeeded", "1.1.0"), task
    mutual.board.power_off()


def test_tls_board_with_a_certificate_and_no_clock_finds_its_way_to_a_server_that_wants_one(
    mutual, workshop
):
    undated = workshop.release("1.2.0", 9, build_time=0, name="undated-mutual").path
    files = issued(mutual, DEVICE)
    mutual.start(undated, "1.2.0", extra_files=files, cert="/cert.der", key="/key.der", ntp=None)
    mutual.board.power_off()


def test_tls_pins_let_a_board_in_without_a_ca_and_a_clock(tmp_path, releases, workshop):
    undated = workshop.release("1.0.0", 1, build_time=0, name="undated").path
    with Rig(tmp_path) as rig:
        rig.start(undated, ca=[], ntp=None, pins=rig.endpoints["pins"], trial_app_s=0)
        assert lines_with(rig, "TLS refused") == 0
        # The server loses its key, and takes the spare one: its pin is known.
        rig.cloud.set_switch("server_certificate", "new_key")
        reconnect(rig)
        rig.wait("the board", lambda: len(rig.messages("inform")) == 2, 60)
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"))
        assert (task["status"], rig.version()) == ("succeeded", "1.1.0"), task


def test_tls_pins_of_another_server_let_nobody_in_whatever_the_ca_says(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.make_board(releases["1.0.0"], pins=["ab" * 32, "cd" * 32])
        rig.board.power_on()
        rig.wait_console("TLS refused: no pin matches", count=2)
        assert rig.messages() == []


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_download_over_anything_but_https_is_refused(tmp_path, releases, scheme):
    with Rig(tmp_path) as rig:
        address = rig.endpoints["file_service"].replace("https", scheme)
        rig.make_board(releases["1.0.0"], base_url=address)
        rig.board.power_on()
        if scheme == "http":
            rig.wait_console("base_url is without TLS")
            return
        rig.wait_version("1.0.0")
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0", url_shape="relative"))
        assert (task["progress"], task["desc"]) == (-2, "1.1.0: not an https address")


def test_plain_mqtt_needs_the_word_and_is_said(tmp_path, releases):
    with Rig(tmp_path) as rig:
        plain = rig.endpoints["mqtt"]
        rig.start(releases["1.0.0"], mqtt=plain, plain=["mqtt"])
        assert "mqtt" in rig.wait_console("without TLS, as configured")


def test_plain_http_serves_a_signed_release_where_the_word_allows_it(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], plain=["http"])
        assert Path(rig.endpoints["ca_der"]).exists()
        rig.wait_console("without TLS, as configured: ['http']")
