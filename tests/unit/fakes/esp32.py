"""`esp32` for unit tests: a chip with a 4 MiB flash and two slots.

Flash, otadata and the image check of `set_boot` are the simulator's own model (host_tools/simboard/chip);
NVS is a dict with the same errors, since the model's pages would take a sixth of the test's heap.
Slots begin as zeros, not blank: what is programmed without an erase does not read back.
"""

import os
import random

import uctypes

from chip import errors, otadata
from chip.nor import SECTOR_BYTES, Nor

HEAP_DATA = 4
FLASH_BYTES = 4 << 20
OTADATA = 0xD000
_KEY_CHARACTERS = 15

TWO_SLOTS = (
    (1, 2, 0x9000, 0x4000, "nvs"),
    (1, 0, OTADATA, 0x2000, "otadata"),
    (0, 0x10, 0x10000, 0x1D0000, "ota_0"),
    (0, 0x11, 0x1E0000, 0x1D0000, "ota_1"),
)


class Aborted(BaseException):
    """The chip panics: it does not raise. Nothing in the device may catch it."""


class Chip:
    """One board. `on(operation, label, offset, size)` sees every flash operation before it takes place.

    Operations: read, program, erase, fast (the erase of a null source), set_boot, valid. `on` may raise,
    or return True for an operation that does nothing. `on_nvs(namespace, key, value)` sees every entry before
    it is written (None: erased), and may raise.
    """

    def __init__(self) -> None:
        self.nor = Nor(None, FLASH_BYTES)
        self.power_up(TWO_SLOTS)

    def power_up(self, table) -> None:
        """Become a new board."""
        path = "/tmp/enos-unit-%08x%08x" % (random.getrandbits(32), random.getrandbits(32))
        if self.nor.file is not None:
            self.nor.file.close()
        file = self.nor.file = open(path, "w+b")  # noqa: SIM115 - as long as the board
        os.remove(path)
        file.seek(FLASH_BYTES - 1)
        file.write(b"\x00")
        self.table = table
        self.running = "ota_0"
        self.largest_block = 80_000
        self.nvs = {}
        self.nvs_full = False
        self.on = self.on_nvs = None
        self.nor.erase(OTADATA, 2 * SECTOR_BYTES)

    def seen(self, operation, label, offset, size):
        """Whether the operation is to do nothing."""
        return self.on is not None and self.on(operation, label, offset, size)

    def entry(self, sector, sequence, state, crc=None):
        """Write an otadata entry, with a right CRC unless one is given."""
        if crc is None:
            crc = otadata.sequence_crc(sequence)
        otadata.write(self.nor, OTADATA, sector, otadata.Entry(sequence, state, crc))

    def states(self):
        """(sequence, state) of both otadata entries, None for an empty one."""
        entries = otadata.read(self.nor, OTADATA)
        return [None if e.sequence == otadata.EMPTY else (e.sequence, e.state) for e in entries]

    def slots(self):
        """The OTA slots of the table."""
        return [row for row in self.table if row[0] == 0 and 0x10 <= row[1] < 0x20]


chip = Chip()


def power_up(table=TWO_SLOTS):
    """A new board; its ota_0 runs, its otadata is empty."""
    chip.power_up(table)
    return chip


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, which) -> None:
        if which == self.BOOT:
            entries = otadata.read(chip.nor, OTADATA)
            active = otadata.active(entries)
            slots = chip.slots()
            self.row = (
                slots[0] if active < 0 else slots[otadata.slot_of(entries[active], len(slots))]
            )
            return
        label = chip.running if which == self.RUNNING else which
        rows = [row for row in chip.table if row[4] == label]
        if not rows:
            raise OSError(2)
        self.row = rows[0]

    @staticmethod
    def find(type=0, subtype=0xFF, label=None):
        return [
            Partition(row[4])
            for row in chip.table
            if row[0] == type and subtype in (0xFF, row[1]) and label in (None, row[4])
        ]

    def info(self):
        return self.row + (False,)

    def readblocks(self, block, buf, offset=0) -> None:
        start = self._checked(block * SECTOR_BYTES + offset, len(buf))
        if not chip.seen("read", self.row[4], start, len(buf)):
            chip.nor.read(self.row[2] + start, buf)

    def writeblocks(self, block, buf, offset=None) -> None:
        start = self._checked(block * SECTOR_BYTES + (offset or 0), len(buf))
        null = uctypes.addressof(buf) == 0
        if offset is None:
            if len(buf) % SECTOR_BYTES:
                raise errors.esp_error(errors.INVALID_SIZE)
            self._erase("fast" if null else "erase", start, len(buf))
        if null:
            raise errors.esp_error(errors.INVALID_ARG)
        self._guard()
        if not chip.seen("program", self.row[4], start, len(buf)):
            chip.nor.program(self.row[2] + start, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return self.row[3] // SECTOR_BYTES
        if op == 5:
            return SECTOR_BYTES
        if op == 6:
            self._erase("erase", self._checked(arg * SECTOR_BYTES, SECTOR_BYTES), SECTOR_BYTES)
        return 0 if op in (1, 2, 3, 6) else None

    def get_next_update(self):
        slots = chip.slots()
        if not slots:
            raise OSError(2)
        labels = [row[4] for row in slots]
        at = labels.index(self.row[4]) + 1 if self.row[4] in labels else 0
        return Partition(labels[at % len(labels)])

    def set_boot(self) -> None:
        from chip import image

        if chip.seen("set_boot", self.row[4], 0, self.row[3]):
            return
        buf = bytearray(1024)
        try:
            image.verify(
                lambda offset, buf: chip.nor.read(self.row[2] + offset, buf), self.row[3], buf
            )
        except image.ImageError:
            raise errors.esp_error(errors.OTA_VALIDATE_FAILED) from None
        otadata.select(chip.nor, OTADATA, self.row[1] - 0x10, len(chip.slots()))

    @classmethod
    def mark_app_valid_cancel_rollback(cls) -> None:
        if chip.seen("valid", chip.running, 0, 0):
            return
        if not otadata.mark_valid(chip.nor, OTADATA):
            raise errors.esp_error(errors.FAIL)

    def _checked(self, start, size):
        if start > self.row[3]:
            raise errors.esp_error(errors.INVALID_ARG)
        if start + size > self.row[3]:
            raise errors.esp_error(errors.INVALID_SIZE)
        return start

    def _guard(self) -> None:
        if self.row[4] == chip.running:
            raise Aborted("change of the running slot")

    def _erase(self, operation, start, size) -> None:
        self._guard()
        if not chip.seen(operation, self.row[4], start, size):
            chip.nor.erase(self.row[2] + start, size)


class NVS:
    def __init__(self, namespace) -> None:
        self._space = _checked_key(namespace)

    def get_i32(self, key):
        return self._get(key, int)

    def set_i32(self, key, value) -> None:
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("not an i32")
        self._set(key, value)

    def get_blob(self, key, buf):
        value = self._get(key, bytes)
        if len(value) > len(buf):
            raise errors.esp_error(errors.NVS_INVALID_LENGTH)
        buf[: len(value)] = value
        return len(value)

    def set_blob(self, key, value) -> None:
        self._set(key, bytes(value))

    def erase_key(self, key) -> None:
        if (self._space, key) not in chip.nvs:
            raise errors.esp_error(errors.NVS_NOT_FOUND)
        if chip.on_nvs:
            chip.on_nvs(self._space, key, None)
        del chip.nvs[(self._space, key)]

    def commit(self) -> None:
        pass

    def _get(self, key, kind):
        value = chip.nvs.get((self._space, _checked_key(key)))
        if not isinstance(value, kind):
            raise errors.esp_error(errors.NVS_NOT_FOUND)
        return value

    def _set(self, key, value) -> None:
        place = (self._space, _checked_key(key))
        if chip.nvs.get(place) == value:
            return
        if chip.nvs_full:
            raise errors.esp_error(errors.NVS_NOT_ENOUGH_SPACE)
        if chip.on_nvs:
            chip.on_nvs(self._space, key, value)
        chip.nvs[place] = value


def _checked_key(key):
    if len(key) > _KEY_CHARACTERS:
        raise errors.esp_error(errors.NVS_KEY_TOO_LONG)
    return key


def idf_heap_info(capabilities):
    return [(120_000, 40_000, 30_000, 20_000), (200_000, 110_000, chip.largest_block, 60_000)]
