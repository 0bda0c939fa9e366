"""The second-stage bootloader: which slot boots (`bootloader_utility.c`, IDF 5.5.2, rollback on)."""

from . import image, otadata, partitions
from .nor import Nor

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable

WORK_BYTES = 1 << 16
FACTORY = -1
"""Index of the factory app, before slot 0, in the order of fallbacks."""


class Boot:
    """What the bootloader decided.

    slot: label of the partition that starts, None if nothing is bootable. aborted: slots whose trial ended
    with this reset. refused: (slot, reason) of images that failed their check.
    """

    def __init__(self) -> None:
        self.slot: str | None = None
        self.aborted: list[str] = []
        self.refused: list[tuple[str, str]] = []


def boot(nor: Nor, log: "Callable[[str], None]") -> Boot:
    """One normal boot: settle otadata, then load the first image that passes its check.

    `log(text)` gets the lines the bootloader prints. Raises `partitions.TableError`.
    """
    table = partitions.load(nor)
    slots = partitions.ota_slots(table)
    factory = partitions.first(table, partitions.TYPE_APP, partitions.SUBTYPE_FACTORY)
    data = partitions.first(table, partitions.TYPE_DATA, partitions.SUBTYPE_OTADATA)
    result = Boot()
    start, initial = FACTORY, False
    if data is not None:
        _abort_pending(nor, data.address, slots, result)
        start, initial = _select(nor, data.address, len(slots), factory is not None, log)
    for index in list(range(start, FACTORY - 1, -1)) + list(range(start + 1, len(slots))):
        app = factory if index == FACTORY else slots[index]
        if app is None or not _is_bootable(nor, index, app, result, log):
            continue
        if initial and index > FACTORY and data is not None:
            sequence = index + 1
            entry = otadata.Entry(sequence, otadata.VALID, otadata.sequence_crc(sequence))
            otadata.write(nor, data.address, 0, entry)
            log("I boot: Set actual ota_seq=%d in otadata[0]" % sequence)
        result.slot = app.label
        return result
    log("E boot: No bootable app partitions in the partition table")
    return result


def _is_bootable(
    nor: Nor, index: int, app: partitions.Entry, result: Boot, log: "Callable[[str], None]"
) -> bool:
    def read(offset: int, buffer: "bytearray | memoryview") -> None:
        nor.read(app.address + offset, buffer)

    try:
        image.verify(read, app.size, bytearray(WORK_BYTES))
        return True
    except image.ImageError as error:
        log("E esp_image: %s" % error)
        name = "Factory app partition" if index < 0 else "OTA app partition slot %d" % index
        log("E boot: %s is not bootable" % name)
        result.refused.append((app.label, str(error)))
        return False


def _abort_pending(nor: Nor, address: int, slots: list[partitions.Entry], result: Boot) -> None:
    """Whatever is still on trial at a reset has failed; the CRC is not looked at."""
    entries = otadata.read(nor, address)
    for index in (0, 1):
        entry = entries[index]
        if entry.state == otadata.PENDING_VERIFY:
            entry.state = otadata.ABORTED
            otadata.write(nor, address, index, entry)
            if slots:
                result.aborted.append(slots[otadata.slot_of(entry, len(slots))].label)


def _select(
    nor: Nor, address: int, slot_count: int, has_factory: bool, log: "Callable[[str], None]"
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
