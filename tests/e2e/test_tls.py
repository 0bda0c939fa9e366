"""There is no unverified path: what a board does with a certificate it cannot trust."""

from __future__ import annotations

import pytest

from host_tools.cloud import certs
from host_tools.demo.rig import DEVICE, Rig


def never_informed(rig):
    assert rig.version() is None
    assert rig.messages() == []


def test_tls_certificate_of_another_ca_is_refused(tmp_path, releases):
    (tmp_path / "other").mkdir()
    certs.ensure(tmp_path / "other", "localhost")
    other = (tmp_path / "other" / "ca.der").read_bytes()
    with Rig(tmp_path) as rig:
        rig.make_board(releases["1.0.0"], ca_der=other)
        rig.board.power_on()
        line = rig.wait_console("TLS refused")
        assert "not correctly signed by the trusted CA" in line
        rig.wait_console("TLS refused", count=2)
        never_informed(rig)


def test_tls_certificate_for_another_name_is_refused(tmp_path, releases):
    with Rig(tmp_path, hostname="elsewhere.test") as rig:
        port = rig.endpoints["mqtts"].rpartition(":")[2]
        rig.make_board(releases["1.0.0"], mqtt=f"mqtts://localhost:{port}")
        rig.board.power_on()
        assert "does not match with the expected CN" in rig.wait_console("TLS refused")
        never_informed(rig)


def test_tls_certificate_not_yet_valid_is_refused_and_the_log_names_the_clock(tmp_path, workshop):
    undated = workshop.release("1.0.0", 1, build_time=0, name="undated")
    with Rig(tmp_path) as rig:
        rig.make_board(undated.path, ntp=None)
        rig.board.power_on()
        line = rig.wait_console("TLS refused")
        assert "clock 2000" in line
        assert "validity starts in the future" in line
        never_informed(rig)


def test_tls_clock_without_ntp_starts_at_the_build_time_of_the_release(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], ntp=None)
        rig.wait_console("clock set to the build time")


def test_tls_board_without_ca_does_not_connect(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.make_board(releases["1.0.0"], ca=[])
        rig.board.power_on()
        assert "none is configured" in rig.wait_console("CA ")
        never_informed(rig)


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_download_over_anything_but_https_is_refused(tmp_path, releases, scheme):
    with Rig(tmp_path) as rig:
        address = rig.endpoints["http_broker"].replace("https", scheme)
        rig.start(releases["1.0.0"], http_broker=address)
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"))
        assert task["progress"] == -2
        assert task["desc"] == "1.1.0: not an https address"


def test_download_from_a_server_with_another_name_is_refused_with_step_minus_2(tmp_path, releases):
    with Rig(tmp_path / "a") as rig, Rig(tmp_path / "b", hostname="elsewhere.test") as other:
        port = other.endpoints["http_broker"].rpartition(":")[2]
        rig.start(releases["1.0.0"], http_broker=f"https://localhost:{port}")
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"), timeout_s=90)
        assert task["progress"] == -2
        assert "TLS refused" in task["desc"]
        assert task["device"] == DEVICE
        assert rig.version() == "1.0.0"
