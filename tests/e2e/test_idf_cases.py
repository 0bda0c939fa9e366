"""The cases of ESP-IDF's test of its advanced OTA example, on this agent.

Each test is named after the one of `examples/system/ota/advanced_https_ota/pytest_advanced_ota.py`.
Those that do not apply:

========================================  =============================================================
ota_resumption with flash encryption      MicroPython supports no encrypted slots; the agent refuses them
                                          (test_slot.py)
nimble_gatts, bluedroid_gatts             nothing here uses BLE; what another user of the memory does to
                                          an upgrade is in test_memory.py
anti_rollback                             MicroPython's builds burn no security version; releases are
                                          ordered by `sequence` and `min_sequence` of their record
                                          (test_attacker.py)
openssl_aligned_bin                       every release fills its last buffer: ota_chunked_server; one that
                                          does not is in test_release_life.py
========================================  =============================================================
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from life_fixtures import AGAIN, BLOCK_BYTES, boots, starts, upgrading
from test_faults import is_touched, upgraded

from host_tools.demo.rig import Rig
from host_tools.release.synth import synth_vm

ESP32_S3 = 9


@pytest.fixture(scope="module")
def releases(stock_releases):
    return stock_releases


def succeeded(task, rig):
    return (task["status"], task["progress"], rig.version()) == ("succeeded", 100, "1.1.0")


def test_idf_example_upgrades_three_times(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        for version in ("1.1.0", "1.3.0", "1.4.0"):
            assert rig.wait_task(rig.push(releases[version], version))["status"] == "succeeded"
        assert boots(rig) == ["ota_0", "ota_1"] * 2


def test_idf_ota_resumption_goes_on_where_it_was(tmp_path, releases):
    with upgrading(tmp_path, releases["1.0.0"], releases["1.1.0"]) as board:
        board.kill_at(40)
        board.rig.board.power_on()
        assert succeeded(board.end(), board.rig)
        assert starts(board.rig)[1] >= 8 * BLOCK_BYTES


def test_idf_ota_resumption_where_the_server_ignores_range(tmp_path, releases):
    switches = {**AGAIN, "broker_range": "no"}
    with upgrading(tmp_path, releases["1.0.0"], releases["1.1.0"], switches) as board:
        board.kill_at(40)
        board.rig.board.power_on()
        assert succeeded(board.end(), board.rig)
        assert starts(board.rig)[1] == 0
        board.rig.wait_console("resumed at byte")


def refused(
    folder: Path, old: Path, change: Callable[[bytes], bytes], new: Path, **settings: Any
) -> tuple[int, str, bool]:
    """(step, desc, whether the other slot was touched) of an upgrade to a damaged file."""
    bad = folder / "bad.bin"
    bad.write_bytes(change(new.read_bytes()))
    with upgraded(folder / "rig", old, bad, [], **settings) as (rig, task):
        assert task["status"] == "failed"
        assert set(boots(rig)) == {"ota_0"}
        return task["progress"], task["desc"], is_touched(rig)


def test_idf_truncated_bin_is_refused(tmp_path, releases):
    paths = releases["1.0.0"], lambda good: good[:64_000], releases["1.1.0"]
    step, desc, _ = refused(tmp_path, *paths, keys=[])  # or its tail tells
    assert step == -3
    assert "image" in desc


def test_idf_truncated_header_is_refused_before_any_erase(tmp_path, releases):
    paths = releases["1.0.0"], lambda good: good[:180], releases["1.1.0"]
    assert refused(tmp_path, *paths) == (-3, "1.1.0: not an app image", False)


def test_idf_random_is_refused_before_any_erase(tmp_path, releases):
    noise = b"\0" + random.Random(1).randbytes(32_000)
    paths = releases["1.0.0"], lambda good: noise, releases["1.1.0"]
    assert refused(tmp_path, *paths, keys=[]) == (-3, "1.1.0: not an app image", False)


def test_idf_invalid_chip_id_is_refused_before_any_erase(tmp_path, releases):
    def other_chip(good: bytes) -> bytes:
        return good[:12] + struct.pack("<H", ESP32_S3) + good[14:]

    step, desc, touched = refused(tmp_path, releases["1.0.0"], other_chip, releases["1.1.0"])
    assert (step, touched) == (-1, False)
    assert "image for ESP32-S3, not ESP32" in desc


def test_idf_chunked_server(tmp_path, releases):
    faults = [("http_chunked", {"times": 0})]
    with upgraded(tmp_path, releases["1.0.0"], releases["1.1.0"], faults) as (rig, task):
        assert succeeded(task, rig), task


def test_idf_redirect_url(tmp_path, releases):
    faults = [("http_redirect", {"times": 0})]
    with upgraded(tmp_path, releases["1.0.0"], releases["1.1.0"], faults) as (rig, task):
        assert succeeded(task, rig), task


PARTS = [("http_short", {"at": at}) for at in (15, 30, 45, 60, 75, 90)]
"""The server sends a part of the file to each request, and closes."""


def test_idf_partial_request_brings_the_file_in_parts(tmp_path, releases):
    with upgraded(tmp_path, releases["1.0.0"], releases["1.1.0"], PARTS) as (rig, task):
        assert succeeded(task, rig), task
        asked = starts(rig)
        assert len(asked) > len(PARTS)
        assert asked[: len(PARTS)] == sorted(asked[: len(PARTS)])


def test_idf_partial_request_and_ota_resumption(tmp_path, releases):
    with upgrading(tmp_path, releases["1.0.0"], releases["1.1.0"]) as board:
        for name, options in PARTS[3:]:
            board.rig.cloud.set_fault(name, **options)
        board.kill_at(40)
        board.rig.board.power_on()
        assert succeeded(board.end(), board.rig)
        asked = starts(board.rig)
        assert asked[0] < 8 * BLOCK_BYTES <= asked[1] < asked[2]


def with_revisions(vm: bytes, least: int, most: int) -> bytes:
    """The image for chips of these revisions only (major * 100 + minor)."""
    body = vm[:15] + struct.pack("<HH", least, most) + vm[19:-32]
    # The checksum byte covers segments only.
    return body + hashlib.sha256(body).digest()


def test_idf_min_chip_revision_is_refused_before_any_erase(tmp_path, releases, workshop):
    new = tmp_path / "vm.bin"
    new.write_bytes(with_revisions(synth_vm(), 400, 0xFFFF))
    path = workshop.release("1.1.0", 2, vm=new, name="min-revision").path
    with upgraded(tmp_path / "rig", releases["1.0.0"], path, []) as (rig, task):
        assert (task["status"], task["progress"]) == ("failed", -1), task
        assert "image for chip revisions 400 to 65535" in task["desc"]
        assert not is_touched(rig)


@pytest.mark.parametrize("known_least", [0, 300])
def test_idf_max_chip_revision_is_refused(tmp_path, workshop, known_least):
    vms = []
    for name, least, most in (("old", known_least, 0xFFFF), ("new", 0, 199)):
        vms.append(tmp_path / f"{name}.bin")
        vms[-1].write_bytes(with_revisions(synth_vm(), least, most))
    name = f"max-revision-{known_least}"
    old = workshop.release("1.0.0", 1, vm=vms[0], name="old-" + name).path
    new = workshop.release("1.1.0", 2, vm=vms[1], name="new-" + name).path
    with upgraded(tmp_path / "rig", old, new, []) as (rig, task):
        assert task["status"] == "failed"
        # Python cannot ask the chip for its revision: the running image tells, or the switch.
        assert task["progress"] == (-1 if known_least else -4), task
        assert is_touched(rig) == (known_least == 0)
        assert set(boots(rig)) == {"ota_0"}
