"""Module `esp32`: Partition, NVS, heap figures (mpy:ports/esp32/esp32_partition.c, esp32_nvs.c)."""

import gc

import uctypes
from chip import errors, image, otadata, partitions
from chip.nor import SECTOR_BYTES
from shim_nvs import NVS
from vm_core import core
from vm_interrupt import begin_flash, end_flash, whole

ENOENT = 2


def esp_error(number):
    """What to raise; it ends a flash operation."""
    end_flash()
    return errors.esp_error(number)


HEAP_DATA = 4
HEAP_EXEC = 1


def idf_heap_info(capabilities):
    """[(total, free, largest block, lowest free)] in bytes per region."""
    core.heap.look()
    return core.idf.info()


def _ota_slots():
    return partitions.ota_slots(core.partitions)


def _otadata():
    return partitions.first(core.partitions, partitions.TYPE_DATA, partitions.SUBTYPE_OTADATA)


def _boot_entry():
    """`esp_ota_get_boot_partition`: None without an otadata partition."""
    data = _otadata()
    if not data:
        return None
    slots = _ota_slots()
    index = otadata.active(otadata.read(core.flash, data.address))
    if slots and index >= 0:
        return slots[otadata.slot_of(otadata.read(core.flash, data.address)[index], len(slots))]
    factory = partitions.first(core.partitions, partitions.TYPE_APP, partitions.SUBTYPE_FACTORY)
    return factory or (slots[0] if slots else None)


def _by_label(label):
    for kind in (partitions.TYPE_APP, partitions.TYPE_DATA):
        found = partitions.find(core.partitions, kind, partitions.SUBTYPE_ANY, label)
        if found:
            return found[0]
    return None


class Partition:
    """A range of the flash, also a block device."""

    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=SECTOR_BYTES, *rest):
        if rest:
            raise TypeError("function expected at most 2 arguments")
        if isinstance(id, partitions.Entry):
            self._part = id
        elif isinstance(id, int):
            if id not in (0, 1):
                raise ValueError
            self._part = core.running if id else _boot_entry()
        else:
            self._part = _by_label(id)
        if self._part is None:
            raise OSError(ENOENT)
        self._block = block_size & 0xFFFF
        self._cache = bytearray(SECTOR_BYTES) if self._block < SECTOR_BYTES else None

    def __repr__(self):
        p = self._part
        return "<Partition type=%d, subtype=%d, address=%d, size=%d, label=%s, encrypted=0>" % (
            p.type, p.subtype, p.address, p.size, p.label,
        )  # fmt: skip

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=SECTOR_BYTES):
        """Partitions that match, in table order."""
        found = partitions.find(core.partitions, type, subtype, label)
        return [Partition(entry, block_size) for entry in found]

    def info(self):
        """(type, subtype, address, size, label, encrypted)"""
        p = self._part
        return (p.type, p.subtype, p.address, p.size, p.label, False)

    def _checked(self, offset, length):
        if (
            gc.threshold() > 0
        ):  # else what was made since the last collection is garbage for the most part
            core.heap.look()
        offset &= 0xFFFFFFFF
        if offset > self._part.size:
            raise esp_error(errors.INVALID_ARG)
        if offset + length > self._part.size:
            raise esp_error(errors.INVALID_SIZE)
        return self._part.address + offset

    def _writable(self):
        if self._part.read_only:
            raise esp_error(errors.NOT_ALLOWED)

    def _erase(self, offset, length):
        self._writable()
        address = self._checked(offset, length)
        if length % SECTOR_BYTES:
            raise esp_error(errors.INVALID_SIZE)
        if offset % SECTOR_BYTES:
            raise esp_error(errors.INVALID_ARG)
        core.flash.erase(address, length)

    def _write(self, offset, data):
        self._writable()
        address = self._checked(offset, len(data))
        if len(data) and uctypes.addressof(data) == 0:
            raise esp_error(errors.INVALID_ARG)
        core.flash.program(address, data)

    def readblocks(self, block_num, buf, offset=0):
        """Fill `buf`: any length, any offset."""
        begin_flash()
        self._read(block_num * self._block + offset, buf)
        end_flash()

    def _read(self, offset, buf):
        address = self._checked(offset, len(buf))
        if len(buf) and uctypes.addressof(buf) == 0:
            raise esp_error(errors.INVALID_ARG)
        core.flash.read(address, buf)

    def writeblocks(self, block_num, buf, offset=None):
        """Without `offset`: erase the range, then program. With it: program only."""
        begin_flash()
        if offset is None:
            self._rewrite(block_num * self._block, buf)
        else:
            self._write(block_num * self._block + offset, buf)
        end_flash()

    def _rewrite(self, start, buf):
        if len(buf) and uctypes.addressof(buf) == 0:
            self._null_source(start, len(buf))
        if self._cache is None:
            self._erase(start, len(buf))
        else:
            self._erase_around(start, len(buf))
        self._write(start, buf)

    def _null_source(self, start, length):
        """IDF erases the range before it looks at the source; board.json says what this board does."""
        mode = core.board.get("null_source", "erase")
        if mode == "reset":
            core.panic("LoadProhibited")
        if mode == "refuse":
            raise ValueError("object with buffer protocol required")
        if mode == "erase":
            self._erase(start, length)
        raise esp_error(errors.INVALID_ARG)

    def _erase_around(self, start, length):
        """Blocks smaller than a sector: what stands beside the range is read and written back."""
        sector = start // SECTOR_BYTES * SECTOR_BYTES
        head = start % SECTOR_BYTES
        top = start + length
        cache = memoryview(self._cache)
        while sector < top:
            if head > 0 or top < sector + SECTOR_BYTES:
                core.flash.read(self._checked(sector, SECTOR_BYTES), self._cache)
            self._erase(sector, SECTOR_BYTES)
            if head > 0:
                self._write(sector, cache[:head])
            if top < sector + SECTOR_BYTES:
                self._write(top, cache[top - sector :])
            head = 0
            sector += SECTOR_BYTES

    def ioctl(self, op, arg):
        """Block device control: 4 block count, 5 block size, 6 erase one block."""
        begin_flash()
        result = self._control(op, arg)
        end_flash()
        return result

    def _control(self, op, arg):
        if op in (1, 2, 3):
            return 0
        if op == 4:
            return self._part.size // self._block
        if op == 5:
            return self._block
        if op == 6:
            if self._block != SECTOR_BYTES:
                return -22
            self._erase(arg * SECTOR_BYTES, SECTOR_BYTES)
            return 0
        return None

    def get_next_update(self):
        """The OTA slot after this partition, the first one if there is none."""
        slots = _ota_slots()
        if not slots:
            raise OSError(ENOENT)
        if self._part in slots:
            return Partition(slots[(slots.index(self._part) + 1) % len(slots)])
        return Partition(slots[0])

    def set_boot(self):
        """Verify the whole image, then select it in otadata."""
        with whole:
            self._select()

    def _select(self):
        p = self._part
        try:
            image.verify(self._read_image, p.size, core.work)
        except image.ImageError as error:
            print("E esp_image:", error)
            raise esp_error(errors.OTA_VALIDATE_FAILED)
        if p.type != partitions.TYPE_APP:
            raise esp_error(errors.INVALID_ARG)
        data = _otadata()
        if not data:
            raise esp_error(errors.NOT_FOUND)
        if p.subtype == partitions.SUBTYPE_FACTORY:
            core.flash.erase(data.address, data.size)
            return
        slot = p.subtype & 0x0F
        count = len(_ota_slots())
        if slot >= count:
            raise esp_error(errors.INVALID_ARG)
        otadata.select(core.flash, data.address, slot, count)

    def _read_image(self, offset, buffer):
        core.flash.read(self._part.address + offset, buffer)

    @classmethod
    def mark_app_valid_cancel_rollback(cls):
        """Mark the active otadata entry VALID, whatever slot runs."""
        with whole:
            data = _otadata()
            if not data:
                raise esp_error(errors.NOT_FOUND)
            if not _ota_slots() or not otadata.mark_valid(core.flash, data.address):
                raise esp_error(errors.FAIL)
