"""Every fault of the stand-in against the real device code: what the operator sees, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fault_table import TAIL_BYTES, note
from host_tools.demo.rig import DEVICE, Json, Rig
from host_tools.simboard.board_files import BoardFiles

OTHER_SLOT = 0x1E0000
PATTERN = b"the former release " * 200
Faults = list[tuple[str, dict[str, Any]]]

# A board asks for the last 8 KiB of a file first, and then for the file: `skip` counts from there, while a fault
# `at` so many percent meets whoever asks for that byte.
IN_TAIL = 99.9
RETRIED: dict[str, Faults] = {
    "HTTP dropped at 10 %": [("http_drop", {"at": 10})],
    "HTTP dropped at 50 %": [("http_drop", {"at": 50})],
    "HTTP dropped at 90 %": [("http_drop", {"at": 90})],
    "HTTP dropped at 10, 50 and 90 %": [("http_drop", {"at": at}) for at in (10, 50, 90)],
    "short answer at 40 %": [("http_short", {"at": 40})],
    "session expired": [("http_drop", {"at": 30}), ("http_expire", {"skip": 2})],
    "session expired after the tail": [("http_expire", {"skip": 1})],
    "chunked": [("http_chunked", {"times": 0})],
    "chunked, dropped at 50 %": [("http_chunked", {"times": 0}), ("http_drop", {"at": 50})],
    "HTTP 503, twice": [("http_status", {"value": 503, "times": 2, "skip": 1})],
    "tail dropped, then short": [("http_drop", {"at": IN_TAIL}), ("http_short", {"at": IN_TAIL})],
    "tail HTTP 503": [("http_status", {"value": 503})],
    "tail HTTP 416": [("http_416", {})],
    "tail answered by 200": [("http_no_range", {})],
    "other ETag after the tail": [("http_etag", {"skip": 1})],
    "redirect, same host": [("http_redirect", {"times": 0})],
    "log-in HTTP 500": [("http_login_status", {"value": 500})],
    "fileSize as text": [("cmd_size_text", {})],
    "fileSize absent": [("cmd_size_absent", {})],
    "signMethod SHA256": [("cmd_method", {"value": "SHA256"})],
    "upgrade published twice": [("cmd_duplicate", {})],
    "inform answered 500": [("reply_code", {"value": "inform:500", "times": 0})],
    "progress answered 500": [("reply_code", {"value": "progress:500", "times": 0})],
    "replies are not JSON": [("reply_garbage", {"times": 3})],
    "reply ids are numbers": [("reply_id_number", {"times": 0})],
    "MQTT dropped": [("mqtt_drop", {"times": 2})],
    "MQTT packet cut, closed": [("mqtt_half_close", {})],
    "MQTT packet trickled": [("mqtt_trickle", {"value": 300})],
}
# The server knows no ranges, or the file is another one: then bytes must come twice.
REFETCHED: dict[str, Faults] = {
    "200 to a Range, dropped at 50 %": [
        ("http_drop", {"at": 50}),
        ("http_no_range", {"skip": 2}),
    ],
    "416 after a drop at 50 %": [("http_drop", {"at": 50}), ("http_416", {"skip": 2, "times": 2})],
    "other ETag after a drop at 50 %": [("http_drop", {"at": 50}), ("http_etag", {"skip": 2})],
}
# name -> faults, step, a part of the desc. None of them touches the other slot.
REFUSED: dict[str, tuple[Faults, int, str]] = {
    "HTML": ([("http_html", {})], -3, "but an HTML page"),
    "JSON": ([("http_json", {"skip": 1})], -3, "but JSON"),
    "total in Content-Range is wrong": ([("http_total", {"times": 0})], -3, "the file has"),
    "oversize": ([("http_oversize", {"value": 4096, "times": 0})], -3, "the file has"),
    "fileSize is wrong": ([("cmd_size", {"value": 1})], -3, "the file has"),
    "unknown signMethod": ([("cmd_method", {"value": "crc32"})], -3, "signMethod crc32"),
    "HTTP 404": ([("http_status", {"value": 404, "times": 0})], -2, "HTTP 404"),
    "HTTP 416": ([("http_416", {"times": 0})], -2, "HTTP 416"),
    "redirected for ever": ([("http_redirect_loop", {"times": 0})], -2, "redirected too often"),
    "redirect to another host": (
        [("http_redirect_host", {"value": "https://elsewhere.test"})],
        -2,
        "the host is not configured: see hosts, signature",
    ),
    "unknown kind of URL": ([("cmd_url", {"value": "ftp://h/f.bin"})], -2, "unknown kind"),
    "another host": ([("cmd_url", {"value": "https://elsewhere.test/f"})], -2, "see hosts"),
    "plain HTTP": ([("cmd_url", {"value": "http://localhost:9/f"})], -2, "not an https address"),
    "no version": ([("cmd_missing", {"value": "version"})], -1, "usable version"),
    "no sign": ([("cmd_missing", {"value": "sign"})], -1, "usable sign"),
    "no fileUrl": ([("cmd_missing", {"value": "fileUrl"})], -1, "usable fileUrl"),
}


@contextmanager
def upgraded(
    folder: Path, old: Path, new: Path, faults: Faults, **settings: Any
) -> Iterator[tuple[Rig, Json]]:
    """Play one upgrade with the faults armed, over another slot that holds a pattern."""
    with Rig(folder) as rig:
        start(rig, old, **settings)
        for name, options in faults:
            rig.cloud.set_fault(name, **options)
        yield rig, rig.wait_task(rig.push(new, "1.1.0"), timeout_s=150)


def start(rig: Rig, old: Path, **settings: Any) -> None:
    """Switch on a board whose other slot holds a pattern."""
    rig.make_board(old, **{"trial_app_s": 0, **settings})
    with BoardFiles(rig.folder / "board").open_flash() as flash:
        flash.seek(OTHER_SLOT)
        flash.write(PATTERN)
    rig.board.power_on()
    rig.wait_version("1.0.0")


def is_touched(rig: Rig) -> bool:
    """Whether the slot that does not run was erased or written."""
    with BoardFiles(rig.folder / "board").open_flash() as flash:
        flash.seek(OTHER_SLOT)
        return flash.read(len(PATTERN)) != PATTERN


@pytest.mark.parametrize("fault", RETRIED)
def test_fault_is_survived_and_no_byte_is_fetched_twice(tmp_path, releases, fault):
    paths = releases["1.0.0"], releases["1.1.0"]
    with upgraded(tmp_path, *paths, RETRIED[fault]) as (rig, task):
        row = note(fault, task, rig)
        assert (task["status"], task["progress"]) == ("succeeded", 100), row
        assert rig.version() == "1.1.0"
        assert row.twice_bytes == 0


@pytest.mark.parametrize("fault", REFETCHED)
def test_fault_that_changes_the_file_is_survived(tmp_path, releases, fault):
    paths = releases["1.0.0"], releases["1.1.0"]
    with upgraded(tmp_path, *paths, REFETCHED[fault]) as (rig, task):
        row = note(fault, task, rig)
        assert (task["status"], task["progress"]) == ("succeeded", 100), row
        assert 0 < row.twice_bytes <= releases["1.1.0"].stat().st_size


@pytest.fixture(scope="module")
def refusing(tmp_path_factory, releases) -> Iterator[Rig]:
    """One board that has to refuse them all; then it takes the release."""
    with Rig(tmp_path_factory.mktemp("refusing")) as rig:
        start(rig, releases["1.0.0"], hosts=["localhost:9"])
        rig.cloud.add_firmware(releases["1.1.0"], "1.1.0")
        yield rig
        assert commanded(rig)["status"] == "succeeded"
        assert rig.version() == "1.1.0"


def commanded(rig: Rig) -> Json:
    """How the upgrade ends when it is commanded now."""
    return rig.wait_task(int(rig.cloud.create_job(["1.1.0"], [DEVICE])["id"]), timeout_s=150)


@pytest.mark.parametrize("fault", REFUSED)
def test_fault_is_refused_before_any_erase(refusing, fault):
    faults, step, text = REFUSED[fault]
    since = len(refusing.cloud_events)
    for name, options in faults:
        refusing.cloud.set_fault(name, **options)
    task = commanded(refusing)
    refusing.cloud.clear_faults()
    row = note(fault, task, refusing, since)
    assert (task["status"], task["progress"]) == ("failed", step), row
    assert text in task["desc"]
    assert not is_touched(refusing)


ENDLESS: dict[str, Faults] = {
    "body ends at 40 %, always": [("http_drop", {"at": 40, "times": 0})],
    "HTTP 500, always": [("http_status", {"value": 500, "times": 0})],
}


@pytest.mark.parametrize("fault", ENDLESS)
def test_fault_without_end_is_given_up_after_five_fruitless_connections(tmp_path, releases, fault):
    paths = releases["1.0.0"], releases["1.1.0"]
    with upgraded(tmp_path, *paths, ENDLESS[fault]) as (rig, task):
        row = note(fault, task, rig)
        assert (task["status"], task["progress"]) == ("failed", -2), row
        assert row.twice_bytes == 0
        assert len([line for line in rig.console() if "download at byte" in line]) >= 4


def full_flash(good: bytes) -> bytes:
    return b"\xff" * 0x1000 + good


def bootloader_first(good: bytes) -> bytes:
    # MicroPython's combined firmware.bin for ESP32: an image too, but without an app descriptor.
    return good[:32] + bytes(0x7000 - 32) + b"\xff" * 0x8000 + good


def other_chip(good: bytes) -> bytes:
    return good[:12] + b"\x09\x00" + good[14:]


def too_large(good: bytes) -> bytes:
    return good[:-TAIL_BYTES] + bytes(0x1D0000 + 4096 - len(good)) + good[-TAIL_BYTES:]


def no_segment(good: bytes) -> bytes:
    return good[:1] + b"\x00" + good[2:]


BAD_FILES = {
    "full-flash image": (full_flash, -3, "but a full-flash image"),
    "full-flash image of 4 MiB": (
        lambda good: full_flash(good).ljust(1 << 22, b"\xff"),
        -3,
        "not signed",
    ),
    "combined image, bootloader first": (bootloader_first, -3, "bootloader"),
    "image for another chip": (other_chip, -1, "image for ESP32-S3, not ESP32"),
    "larger than the slot": (too_large, -1, "do not fit a slot"),
    "image without segments": (no_segment, -3, "0 segments"),
    "ten bytes": (lambda good: good[:10], -3, "not an app image"),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_file_that_is_no_release_for_this_board_is_refused_before_any_erase(
    tmp_path, releases, fault
):
    change, step, text = BAD_FILES[fault]
    bad = tmp_path / "bad.bin"
    bad.write_bytes(change(releases["1.1.0"].read_bytes()))
    with upgraded(tmp_path / "rig", releases["1.0.0"], bad, []) as (rig, task):
        row = note(fault, task, rig)
        assert (task["status"], task["progress"]) == ("failed", step), row
        assert text in task["desc"]
        assert not is_touched(rig)


DAMAGED: dict[str, tuple[Faults, str]] = {
    "wrong digest": ([("cmd_sign", {})], "sha256 is not the commanded one"),
    "other content, same ETag, after a drop": (
        [("http_drop", {"at": 50}), ("http_content", {"skip": 2})],
        "",
    ),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_content_that_is_not_the_commanded_one_leaves_the_old_slot_selected(
    tmp_path, releases, fault
):
    faults, text = DAMAGED[fault]
    paths = releases["1.0.0"], releases["1.1.0"]
    with upgraded(tmp_path, *paths, faults) as (rig, task):
        row = note(fault, task, rig)
        assert (task["status"], task["progress"]) == ("failed", -3), row
        assert text in task["desc"]
        assert "switch to the new slot" not in "\n".join(rig.console())
        rig.board.power_off()
        rig.board.power_on()
        boots = [e["slot"] for e in rig.events if e.get("event") == "boot"]
        rig.wait("the old slot", lambda: len(rig.messages("inform")) >= 2)
        assert set(boots) == {"ota_0"}


# name -> faults, what the board says of them. It does nothing but wait, for half a minute and longer.
SILENT: dict[str, tuple[Faults, str]] = {
    "silent after the request": ([("http_silent", {"times": 2})], "read timed out"),
    "silent in the tail": ([("http_stall", {"at": IN_TAIL})], "read timed out"),
    "silent in the body": ([("http_stall", {"at": 30})], "read timed out"),
    "body trickled": ([("http_trickle", {"at": 30})], "read timed out"),
    "head trickled": ([("http_head_trickle", {"value": 500})], "read timed out"),
    "silent in the log-in": ([("http_login_silent", {})], "read timed out"),
    "redirected to a server that is not there": (
        [("http_redirect_host", {"value": "https://localhost:9"})],
        "refused",
    ),
    "progress never answered": (
        [("reply_none", {"value": "progress", "times": 0})],
        "no reply to progress",
    ),
    "MQTT packet cut, silence": ([("mqtt_half", {})], "link: "),
}


def test_silence_is_left_at_the_deadline_and_broken_by_another_try(tmp_path, releases):
    def play(number: int, fault: str) -> str:
        """What is wrong, "" for nothing."""
        faults, said = SILENT[fault]
        paths = tmp_path / str(number), releases["1.0.0"], releases["1.1.0"]
        with upgraded(*paths, faults, hosts=["localhost:9"]) as (rig, task):
            row = note(fault, task, rig)
            if (task["status"], task["progress"], row.twice_bytes) != ("succeeded", 100, 0):
                return str(row)
            lines = rig.console()
            return "" if any(said in line for line in lines) else f"{fault}: {lines}"

    with ThreadPoolExecutor(len(SILENT)) as boards:
        assert [text for text in boards.map(play, range(len(SILENT)), SILENT) if text] == []


@pytest.mark.parametrize("fault", ["mqtt_no_connack", "mqtt_no_suback"])
def test_silent_broker_is_left_at_the_deadline_and_asked_again(tmp_path, releases, fault):
    with Rig(tmp_path) as rig:
        rig.make_board(releases["1.0.0"])
        rig.cloud.set_fault(fault)
        rig.board.power_on()
        packet = {"mqtt_no_connack": "CONNECT", "mqtt_no_suback": "SUBSCRIBE"}[fault]
        rig.wait_console("no answer to " + packet, timeout_s=60)
        rig.wait_version("1.0.0", timeout_s=60)
