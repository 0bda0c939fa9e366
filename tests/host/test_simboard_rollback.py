"""Whole boots: selection, trial, rollback, as seen on stock firmware."""

import pytest
from simboard_fixtures import OTA_0, OTA_1, OTADATA, SimulatedBoard, image, otadata_sectors

from host_tools.simboard import make
from host_tools.simboard.chip.otadata import ABORTED, NEW, PENDING_VERIFY, VALID
from host_tools.simboard.chip.partitions import Entry

PROLOGUE = """
import machine, time
from esp32 import Partition
me = Partition(Partition.RUNNING).info()[4]
print("I am", me, "BOOT", Partition(Partition.BOOT).info()[4], "cause", machine.reset_cause())
"""


def board_with(folder, script, *entries, **options):
    slots = {OTA_1: image(mark=b"two")}
    if entries:
        slots[OTADATA] = otadata_sectors(*entries)
    return SimulatedBoard(folder, PROLOGUE + script, slots=slots, **options)


def test_empty_otadata_first_boot_writes_entry_0(tmp_path):
    board = board_with(tmp_path, "").run("I am")
    assert board.otadata() == [(1, VALID), None]


def test_new_slot_not_marked_goes_back_at_the_next_reset(tmp_path):
    script = """
if machine.reset_cause() == 1:
    Partition("ota_1").set_boot()
if me == "ota_1" or machine.reset_cause() == 1:
    machine.reset()
"""
    board = board_with(tmp_path, script)
    with board:
        board.until("I am", 3)
    assert board.boots() == [("ota_0", "PWRON"), ("ota_1", "HARD"), ("ota_0", "HARD")]
    assert board.otadata() == [(1, VALID), (2, ABORTED)]
    assert [event["slot"] for event in board.events("rollback")] == ["ota_1"]


def test_new_slot_marked_stays(tmp_path):
    script = """
if machine.reset_cause() == 1:
    Partition("ota_1").set_boot()
    machine.reset()
if Partition(Partition.RUNNING).info()[4] == "ota_1" and not machine.RTC().memory():
    Partition.mark_app_valid_cancel_rollback()
    machine.RTC().memory(b"marked")
    machine.reset()
"""
    board = board_with(tmp_path, script)
    with board:
        board.until("I am", 3)
    assert board.boots() == [("ota_0", "PWRON"), ("ota_1", "HARD"), ("ota_1", "HARD")]
    assert board.otadata() == [(1, VALID), (2, VALID)]


def test_new_slot_hanging_under_the_watchdog_is_rolled_back(tmp_path):
    script = """
if me == "ota_1":
    machine.WDT(timeout=300)
    while True:
        pass
"""
    board = board_with(tmp_path, script, (1, VALID), (2, NEW))
    with board:
        board.until("I am", 2)
    assert board.boots() == [("ota_1", "PWRON"), ("ota_0", "WDT")]
    assert board.otadata() == [(1, VALID), (2, ABORTED)]


def test_new_slot_with_an_exception_stays_pending_at_the_prompt(tmp_path):
    board = board_with(tmp_path, "1/0", (1, VALID), (2, NEW)).run("MicroPython")
    assert board.boots() == [("ota_1", "PWRON")]
    assert board.otadata() == [(1, VALID), (2, PENDING_VERIFY)]


def test_new_slot_power_cycled_is_rolled_back(tmp_path):
    board = board_with(tmp_path, "", (1, VALID), (2, NEW)).run("I am").run("I am")
    assert board.boots() == [("ota_1", "PWRON"), ("ota_0", "PWRON")]


def test_bit_damaged_after_set_boot_boots_the_old_slot_but_boot_names_the_bad_one(tmp_path):
    script = """
from binascii import crc32
if machine.reset_cause() == 1:
    Partition("ota_1").set_boot()
    Partition("ota_1").writeblocks(0, b"\\x00", 1000)
    machine.reset()
"""
    board = board_with(tmp_path, script)
    with board:
        board.until("I am", 2)
    assert "Checksum failed" in board.bootloader()
    assert "I am ota_0 BOOT ota_1 cause 2" in board.console
    assert board.otadata() == [(1, VALID), (2, PENDING_VERIFY)]


def test_two_slots_of_another_size_work(tmp_path):
    table = (
        *make.TABLES["ours"][:3],
        Entry(0, 0x10, 0x10000, 0x1B0000, "ota_0"),
        Entry(0, 0x11, 0x1C0000, 0x1B0000, "ota_1"),
    )
    script = """
if machine.reset_cause() == 1:
    Partition("ota_1").set_boot()
    machine.reset()
"""
    slots = {0x1C0000: image(1_500_000, mark=b"two")}
    board = SimulatedBoard(tmp_path, PROLOGUE + script, table=table, slots=slots)
    with board:
        board.until("I am", 2)
    assert board.boots() == [("ota_0", "PWRON"), ("ota_1", "HARD")]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 100, image(5000)[:3000], image(5000)[:-1] + b"\0", b"no image"],
    ids=["empty", "blank", "half", "damaged", "text"],
)
def test_set_boot_on_a_bad_image_raises_and_selects_nothing(tmp_path, content):
    script = """
show("set_boot", lambda: Partition("ota_1").set_boot())
print("DONE")
"""
    slots = {OTA_1: content, OTADATA: otadata_sectors((1, VALID), None)}
    board = SimulatedBoard(tmp_path, PROLOGUE + script, slots=slots).run()
    assert board.values()["set_boot"] == ("OSError", -5379, "ESP_ERR_OTA_VALIDATE_FAILED")
    assert board.otadata() == [(1, VALID), None]


def test_set_boot_on_a_data_partition_raises(tmp_path):
    board = board_with(
        tmp_path, 'show("set_boot", lambda: Partition("data").set_boot())\nprint("DONE")'
    ).run()
    assert board.values()["set_boot"] == ("OSError", -5379, "ESP_ERR_OTA_VALIDATE_FAILED")


def test_set_boot_twice_boots_the_bad_image_twice_then_slot_0(tmp_path):
    script = """
if machine.reset_cause() == 1:
    Partition("ota_1").set_boot()
    Partition("ota_1").set_boot()
if me == "ota_1" or machine.reset_cause() == 1:
    machine.reset()
"""
    board = board_with(tmp_path, script, (1, VALID), None)
    with board:
        board.until("I am", 4)
    assert [slot for slot, _ in board.boots()] == ["ota_0", "ota_1", "ota_1", "ota_0"]
    assert board.otadata() == [(2, ABORTED), (2, ABORTED)]


def test_mark_valid_on_a_fallback_boot_marks_the_broken_slot(tmp_path):
    script = """
Partition.mark_app_valid_cancel_rollback()
print("DONE")
"""
    board = board_with(tmp_path, script, (1, VALID), (2, NEW))
    board.write_flash(OTA_1 + 500, b"\0\0\0\0")
    board.run()
    assert "I am ota_0 BOOT ota_1 cause 1" in board.console
    assert board.otadata() == [(1, VALID), (2, VALID)]


def test_mark_valid_when_otadata_selects_nothing_raises_plus_one(tmp_path):
    script = """
show("mark", lambda: Partition.mark_app_valid_cancel_rollback())
print("DONE")
"""
    board = board_with(tmp_path, script, (1, ABORTED), (2, ABORTED)).run()
    assert board.values()["mark"] == ("OSError", 1)


def test_no_bootable_slot_starts_nothing_and_tries_again(tmp_path):
    board = SimulatedBoard(tmp_path)
    board.write_flash(OTA_0, b"\0")
    board.run(lambda event: "No bootable app" in event.get("text", ""))
    assert board.boots() == []


def test_broken_partition_table_starts_nothing(tmp_path):
    board = SimulatedBoard(tmp_path)
    board.run("MicroPython")
    board.log.clear()
    board.write_flash(0x8005, b"\0")
    board.run(lambda event: "MD5" in event.get("text", ""))
    assert board.boots() == []


def test_state_is_readable_from_python(tmp_path):
    script = """
import struct, binascii
p = Partition.find(Partition.TYPE_DATA, subtype=0)[0]
for sector in (0, 1):
    raw = bytearray(32)
    p.readblocks(sector, raw)
    seq, state, crc = struct.unpack("<I20xII", raw)
    show("entry%d" % sector, lambda: (seq, state, crc == binascii.crc32(raw[:4], 0xFFFFFFFF)))
print("DONE")
"""
    values = board_with(tmp_path, script, (1, VALID), (2, NEW)).run().values()
    assert values["entry0"] == (1, VALID, True)
    assert values["entry1"] == (2, PENDING_VERIFY, True)


def test_deep_sleep_after_set_boot_wakes_the_old_image(tmp_path):
    script = """
if machine.reset_cause() == 1:
    Partition("ota_1").set_boot()
    machine.deepsleep(20)
"""
    board = board_with(tmp_path, script, (1, VALID), None)
    with board:
        board.until("I am", 2)
    assert board.boots() == [("ota_0", "PWRON"), ("ota_0", "DEEPSLEEP")]
    assert board.otadata() == [(1, VALID), (2, NEW)]


def test_deep_sleep_of_a_pending_image_is_not_a_rollback(tmp_path):
    script = """
if machine.reset_cause() == 1:
    machine.deepsleep(20)
"""
    board = board_with(tmp_path, script, (1, VALID), (2, NEW))
    with board:
        board.until("I am", 2)
    assert board.boots() == [("ota_1", "PWRON"), ("ota_1", "DEEPSLEEP")]
    assert board.otadata() == [(1, VALID), (2, PENDING_VERIFY)]


def test_deep_sleep_wake_does_not_validate_the_image(tmp_path):
    script = """
if machine.reset_cause() == 1:
    machine.deepsleep(300)
"""
    board = board_with(tmp_path, script, (1, VALID), (2, VALID))
    with board:
        board.until(lambda event: event["event"] == "reset")
        board.write_flash(OTA_1 + 100, b"\0\0\0\0")
        board.until("I am")
    assert board.boots() == [("ota_1", "PWRON"), ("ota_1", "DEEPSLEEP")]


def test_power_cut_while_writing_keeps_the_old_slot_and_what_was_written(tmp_path):
    script = """
import esp32
nvs = esp32.NVS("test")
try:
    print("kept", nvs.get_i32("n"), open("kept").read())
except OSError:
    nvs.set_i32("n", 7)
    with open("kept", "w") as f:
        f.write("file")
    other = Partition("ota_1")
    for n in range(0x1D0):
        other.writeblocks(n, b"\\x5a" * 4096)
        print("sector", n)
"""
    old = b"\xa5" * 0x1D0000
    slots = {OTA_1: old, OTADATA: otadata_sectors((1, VALID), None)}
    board = SimulatedBoard(tmp_path, PROLOGUE + script, slots=slots)
    with board:
        board.until("sector 20")
    written = max(int(line.split()[1]) for line in board.console if line.startswith("sector"))
    sectors = [board.flash(OTA_1 + n * 4096, 4096)[:] for n in range(0x1D0)]
    assert set(sectors[: written + 1]) == {b"\x5a" * 4096}
    assert sectors[written + 1] in (b"\x5a" * 4096, b"\xff" * 4096, b"\xa5" * 4096)
    assert set(sectors[written + 3 :]) <= {b"\xa5" * 4096}
    board.log.clear()
    board.run("kept 7 file")
    assert board.boots() == [("ota_0", "PWRON")]
