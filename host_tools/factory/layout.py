"""Where things are in a board's flash: our partition table, for 4 MiB and larger.

What stock firmware has too (nvs, otadata, phy_init) stays where it is; all else grows with the flash.
"""

from __future__ import annotations

from dataclasses import dataclass

from host_tools.factory.errors import FactoryError
from host_tools.simboard.chip import partitions
from host_tools.simboard.chip.partitions import Entry

MIB = 1 << 20
FLASH_SIZES = {"4MB": 4 * MIB, "8MB": 8 * MIB, "16MB": 16 * MIB}
"""By the names that esptool uses. Beyond 16 MB the caches of these chips need 4-byte addresses."""
APP_ALIGN_BYTES = 0x10000
"""Flash is mapped into the address space by pages of 64 KiB: an app partition begins with one."""
FIRST_SLOT = 0x10000
SMALLEST_SLOT_BYTES = 0x100000
"""Less holds no stock MicroPython."""

_UNIT_BYTES = 4 * MIB
_SLOT_BYTES = 0x1D0000
_VFS_BYTES = 0x30000
"""Stubs, settings and CAs take 9 sectors of 4 KiB, the copy of the agent 18, and a newer one 18 beside it."""


@dataclass(frozen=True)
class Layout:
    """The partitions of a flash of `flash_bytes`, by address, without a gap from 0x9000 to its end."""

    flash_bytes: int
    entries: tuple[Entry, ...]

    def find(self, label: str) -> Entry:
        """The partition with this label."""
        return next(entry for entry in self.entries if entry.label == label)

    @property
    def slot_bytes(self) -> int:
        """Size of an OTA slot: the largest release."""
        return self.find("ota_0").size


def flash_bytes(name: str) -> int:
    """Size of the flash that esptool calls `name`. Raises: FactoryError for one we have no table for."""
    if name in FLASH_SIZES:
        return FLASH_SIZES[name]
    if name in ("1MB", "2MB"):
        raise FactoryError(
            f"{name} of flash do not hold two slots of MicroPython: over-the-air upgrades need 4MB"
        )
    raise FactoryError(f"flash size {name}: choose one of {', '.join(FLASH_SIZES)}")


def layout(flash_size_bytes: int, slot_bytes: int | None = None) -> Layout:
    """Our partitions for a flash of 4 MiB times a whole number, in proportion to its size.

    A smaller `slot_bytes` leaves more for `data`. Raises: FactoryError when it is not a multiple of
    64 KiB, too small for MicroPython or too large for the flash.
    """
    scale = flash_size_bytes // _UNIT_BYTES
    vfs_bytes = _VFS_BYTES * scale
    slot = _SLOT_BYTES * scale if slot_bytes is None else slot_bytes
    # Something is left for `data` also with the largest.
    largest = (flash_size_bytes - FIRST_SLOT - vfs_bytes) // 2 // APP_ALIGN_BYTES * APP_ALIGN_BYTES
    largest -= APP_ALIGN_BYTES
    if slot % APP_ALIGN_BYTES or not SMALLEST_SLOT_BYTES <= slot <= largest:
        raise FactoryError(
            f"a slot of 0x{slot:X} bytes: it must be a multiple of 0x{APP_ALIGN_BYTES:X} "
            f"from 0x{SMALLEST_SLOT_BYTES:X} to 0x{largest:X}"
        )
    vfs = FIRST_SLOT + 2 * slot
    data = vfs + vfs_bytes
    app, kept, files = partitions.TYPE_APP, partitions.TYPE_DATA, partitions.SUBTYPE_FAT
    return Layout(
        flash_size_bytes,
        (
            Entry(kept, partitions.SUBTYPE_NVS, 0x9000, 0x4000, "nvs"),
            Entry(kept, partitions.SUBTYPE_OTADATA, 0xD000, 0x2000, "otadata"),
            Entry(kept, 1, 0xF000, 0x1000, "phy_init"),
            Entry(app, partitions.SUBTYPE_OTA_0, FIRST_SLOT, slot, "ota_0"),
            Entry(app, partitions.SUBTYPE_OTA_0 + 1, FIRST_SLOT + slot, slot, "ota_1"),
            Entry(kept, files, vfs, vfs_bytes, "vfs"),
            Entry(kept, files, data, flash_size_bytes - data, "data"),
        ),
    )
