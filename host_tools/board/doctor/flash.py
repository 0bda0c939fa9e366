"""Partition table, slots, otadata, bootloader and flash size."""

from __future__ import annotations

import struct

from host_tools.board.doctor.finding import BLOCKER, OK, WARNING, Facts, Finding
from host_tools.board.doctor.vm import chip_of
from host_tools.release import record, rescue
from host_tools.release.compile import native_arch

NEW, PENDING, ABORTED = 0, 1, 4
NVS_FULL = -0x1105
STATES = {
    0: "NEW", 1: "PENDING_VERIFY", 2: "VALID", 3: "INVALID", 4: "ABORTED", 0xFFFFFFFF: "UNDEFINED",
}  # fmt: skip
FIRST_OTA, LAST_OTA = 0x10, 0x1F
MIGRATE = "'enos-ota factory --migrate PORT' writes a table with two slots: the one USB visit"
APP_BYTES = 16 * 1024
"""What a small application takes in a slot, beside the agent."""
MARKS_ITSELF = "Nano ESP32"
"""Arduino's board: board_startup() in its board_init.c."""
_DESCRIPTION = struct.Struct("<B7x32s24s")
"""`esp_bootloader_desc_t`: magic byte 80, IDF version, date (ESP-IDF, esp_bootloader_desc.h)."""


def bootloader_address(chip: str) -> int:
    """Where the chip's ROM looks for the bootloader."""
    if chip in ("esp32", "esp32s2"):
        return 0x1000
    return 0x2000 if chip in ("esp32p4", "esp32c5") else 0


def checks(facts: Facts) -> list[Finding]:
    """Findings about the flash, in the order they are shown."""
    slots = [_slots(facts), *_room(facts), *_states(facts)]
    return [*slots, _bootloader(facts), _flash_size(facts), _nvs(facts)]


def slots_of(facts: Facts) -> list[Facts]:
    """The OTA slots in the table."""
    return [p for p in facts["partitions"]["apps"] if FIRST_OTA <= p["subtype"] <= LAST_OTA]


def running(facts: Facts) -> Facts:
    """The app partition that runs."""
    label = facts["partitions"]["running"]
    return next(p for p in facts["partitions"]["apps"] if p["label"] == label)


def _slots(facts: Facts) -> Finding:
    slots = slots_of(facts)
    shown = ", ".join(f"{p['label']} {p['size']:#x} at {p['address']:#x}" for p in slots)
    if len(slots) < 2:
        what = "only one OTA slot" if slots else "no OTA slots: a table with one application"
        return Finding("partition table", BLOCKER, what, MIGRATE)
    if not facts["partitions"]["otadata"]:
        return Finding("partition table", BLOCKER, f"{shown}, but no otadata", MIGRATE)
    if any(p["encrypted"] for p in slots):
        text = "encrypted slots: MicroPython cannot write them"
        return Finding("partition table", BLOCKER, text, "use boards without flash encryption")
    if running(facts) not in slots:
        text = f"{shown}; the running image is in '{facts['partitions']['running']}'"
        return Finding(
            "partition table", WARNING, text, "the first upgrade moves it to a slot, for good"
        )
    return Finding("partition table", OK, shown)


def _room(facts: Facts) -> list[Finding]:
    slots = slots_of(facts)
    if len(slots) < 2:
        return []
    smallest = min(p["size"] for p in slots)
    image = running(facts)["image_bytes"]
    chip = chip_of(facts) or "esp32"
    agent = len(rescue.rescue_image(native_arch(chip)))
    needed = record.padded(image) + 2 * record.SECTOR_BYTES + agent + APP_BYTES
    text = f"the smallest has {smallest:,} bytes, the running image {image:,}"
    if image > smallest:
        return [Finding("slot size", BLOCKER, f"{text}: too small for it", MIGRATE)]
    if needed > smallest:
        advice = "only the firmware itself can be upgraded, not your files; " + MIGRATE
        return [Finding("slot size", WARNING, f"{text}: no room for an application", advice)]
    return [Finding("slot size", OK, f"{text}: {smallest - needed + APP_BYTES:,} left for yours")]


def _states(facts: Facts) -> list[Finding]:
    parts = facts["partitions"]
    entries = parts["otadata"]
    if not entries:
        return []
    text = "; ".join(
        f"entry {number}: " + (f"seq {seq} {STATES.get(state, hex(state))}" if good else "empty")
        for number, (seq, state, good) in enumerate(entries)
    )
    text += f"; runs {parts['running']}"
    if facts["on_trial"]:
        advice = "wait until the trial is over; a reset now rolls it back"
        return [Finding("otadata", BLOCKER, f"{text}, on trial", advice)]
    if parts["boot"] != parts["running"]:
        advice = "the agent selects the running slot again at its next start"
        text = f"{text}, though {parts['boot']} is selected"
        return [Finding("otadata", WARNING, text, advice)]
    return [Finding("otadata", OK, text)]


def _bootloader(facts: Facts) -> Finding:
    """Rollback is the bootloader's doing; what it wrote to otadata tells, or who built it."""
    name = "rollback"
    test = "to test it, push a release whose app.py raises: it must come back"
    if MARKS_ITSELF in facts["vm"]["machine"]:
        text = "this firmware marks every image valid before Python runs: nothing ever rolls back"
        return Finding(name, BLOCKER, text, "write MicroPython's ESP32_GENERIC_S3: " + MIGRATE)
    entries = [(seq, state) for seq, state, good in facts["partitions"]["otadata"] if good]
    if any(state in (PENDING, ABORTED) for _, state in entries):
        return Finding(name, OK, "the bootloader marked an image as on trial: it can")
    selected = facts["partitions"]["boot"] == facts["partitions"]["running"]
    if selected and max(entries, default=(0, None))[1] == NEW:
        # Just selected, perhaps by the agent, which marks it next.
        again = "reset the board once and look again: if it stays NEW, this bootloader does not roll back"
        return Finding(name, WARNING, "the running image is still NEW", f"{again}; {MIGRATE}")
    idf = bootloader_idf(facts)
    if idf and idf == running(facts).get("idf"):
        text = f"bootloader of IDF {idf}, like the firmware: MicroPython builds it with rollback"
        return Finding(name, OK, text)
    built = f"bootloader of IDF {idf}" if idf else "bootloader without a description"
    return Finding(name, WARNING, f"{built}: cannot tell whether it rolls back", test)


def bootloader_idf(facts: Facts) -> str:
    """The IDF version that the bootloader names; "" where it names none (before IDF 5.1)."""
    flash = facts.get("flash")
    if not flash:
        return ""
    magic, idf, _date = _DESCRIPTION.unpack_from(bytes.fromhex(flash["bootloader"]), 32)
    return idf.split(b"\0")[0].decode("ascii", "replace") if magic == 80 else ""


def _flash_size(facts: Facts) -> Finding:
    parts = facts["partitions"]
    ends = [p["address"] + p["size"] for p in parts["apps"]]
    end = max(ends + [data[2] + data[3] for data in parts["data"]])
    flash = facts.get("flash")
    if not flash:
        return Finding("flash size", WARNING, f"unknown; the table needs {end:#x}", "")
    text = f"{flash['size']:#x} found, the table ends at {end:#x}"
    if end > flash["size"]:
        advice = "the table is for a larger flash: 'enos-ota factory' with the right --flash-size"
        return Finding("flash size", BLOCKER, text, advice)
    return Finding("flash size", OK, text)


def _nvs(facts: Facts) -> Finding:
    error = facts["nvs"]
    if not error:
        return Finding("NVS", OK, "a value of 64 bytes can be kept")
    if error[0] == NVS_FULL:
        advice = (
            "the agent keeps its journal there: have the application erase keys (esp32.NVS(…).erase_key); "
            "'enos-ota factory --migrate PORT' begins with an empty one"
        )
        return Finding("NVS", BLOCKER, "full: a value of 64 bytes cannot be kept", advice)
    return Finding("NVS", BLOCKER, f"cannot be written: {error[1]}", MIGRATE)
