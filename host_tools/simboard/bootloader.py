"""The second-stage bootloader: which slot boots (`bootloader_utility.c`, IDF 5.5.2, rollback on)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from host_tools.simboard.chip import image, otadata, partitions
from host_tools.simboard.chip.nor import Nor

WORK_BYTES = 1 << 16
FACTORY = -1
"""Index of the factory app, before slot 0, in the order of fallbacks."""


@dataclass
class Boot:
    """What the bootloader decided."""

    slot: str | None
    """Label of the partition that starts, None if nothing is bootable."""
    aborted: list[str]
    """Slots whose trial ended with this reset."""
    refused: list[tuple[str, str]]
    """(slot, reason) of images that failed their check."""


def boot(nor: Nor, log: Callable[[str], None]) -> Boot:
    """One normal boot: settle otadata, then load the first image that passes its check.

    `log(text)` gets the lines the bootloader prints. Raises `partitions.TableError`.
    """
    table = partitions.load(nor)
    slots = partitions.ota_slots(table)
    factory = partitions.first(table, partitions.TYPE_APP, partitions.SUBTYPE_FACTORY)
    data = partitions.first(table, partitions.TYPE_DATA, partitions.SUBTYPE_OTADATA)
    result = Boot(None, [], [])
    start, initial = FACTORY, False
    if data is not None:
        _abort_pending(nor, data.address, slots, result)
        start, initial = _select(nor, data.address, len(slots), factory is not None, log)
    apps = {FACTORY: factory} if factory else {}
    apps.update(enumerate(slots))
    for index in [*range(start, FACTORY - 1, -1), *range(start + 1, len(slots))]:
        if index not in apps:
            continue
        app = apps[index]
        try:
            image.verify(_reader(nor, app.address), app.size, bytearray(WORK_BYTES))
        except image.ImageError as error:
            log(f"E esp_image: {error}")
            log(
                f"E boot: {'Factory app partition' if index < 0 else f'OTA app partition slot {index}'}"
                " is not bootable"
            )
            result.refused.append((app.label, str(error)))
            continue
        if initial and index > FACTORY and data is not None:
            sequence = index + 1
            entry = otadata.Entry(sequence, otadata.VALID, otadata.sequence_crc(sequence))
            otadata.write(nor, data.address, 0, entry)
            log(f"I boot: Set actual ota_seq={sequence} in otadata[0]")
        result.slot = app.label
        return result
    log("E boot: No bootable app partitions in the partition table")
    return result


def _reader(nor: Nor, address: int) -> Callable[[int, bytearray | memoryview], None]:
    return lambda offset, buffer: nor.read(address + offset, buffer)


def _abort_pending(nor: Nor, address: int, slots: list[partitions.Entry], result: Boot) -> None:
    """Whatever is still on trial at a reset has failed; the CRC is not looked at."""
    for index, entry in enumerate(otadata.read(nor, address)):
        if entry.state == otadata.PENDING_VERIFY:
            entry.state = otadata.ABORTED
            otadata.write(nor, address, index, entry)
            if slots:
                result.aborted.append(slots[otadata.slot_of(entry, len(slots))].label)


def _select(
    nor: Nor, address: int, slot_count: int, has_factory: bool, log: Callable[[str], None]
) -> tuple[int, bool]:
    """(index of the app to try first, whether otadata is to be initialised afterwards)."""
    entries = otadata.read(nor, address)
    if slot_count == 0 or (entries[0].invalid and entries[1].invalid):
        if has_factory:
            log("I boot: Defaulting to factory image")
            return FACTORY, False
        log("I boot: No factory image, trying OTA 0")
        return 0, entries[0].initial and entries[1].initial
    active = otadata.active(entries)
    if active < 0:
        # Both broken: factory if there is one, else all slots from 0, nothing corrected.
        log("E boot: ota data partition invalid, will try all partitions")
        return FACTORY, False
    entry = entries[active]
    if entry.state == otadata.NEW:
        entry.state = otadata.PENDING_VERIFY
        otadata.write(nor, address, active, entry)
    return otadata.slot_of(entry, slot_count), False
