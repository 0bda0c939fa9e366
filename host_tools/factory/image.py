"""A whole flash: bootloader, table, release, boot state, NVS and files, each at its place."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from host_tools.factory.bootloader import OFFSETS, Stock, for_flash
from host_tools.factory.errors import FactoryError
from host_tools.factory.files import SPARE_BLOCKS, file_system
from host_tools.factory.layout import Layout
from host_tools.factory.nvs import nvs_image
from host_tools.release import record
from host_tools.release.check import parse_release
from host_tools.release.errors import ReleaseError
from host_tools.release.image import micropython_version
from host_tools.release.make import OLDEST, is_old, make_release, read_file
from host_tools.release.record import ReleaseRecord
from host_tools.simboard.chip import otadata, partitions
from host_tools.simboard.chip.nor import SECTOR_BYTES


@dataclass(frozen=True)
class Release:
    """A slot file that fits a board, and what it says about itself."""

    data: bytes
    record: ReleaseRecord
    micropython: str


@dataclass(frozen=True)
class AppSource:
    """Folders of Python, merged, and what their release is to be called."""

    folders: list[Path]
    version: str
    sequence: int | None
    product: str = ""


def load_release(path: Path, stock: Stock, layout: Layout) -> Release:
    """Read a slot file for the chip of `stock`. Raises: FactoryError, ReleaseError."""
    data = read_file(path)
    try:
        image, entry = parse_release(data)
    except ReleaseError as error:
        raise FactoryError(
            f"{path}: {error}: give --release what 'enos-ota release make' made, or --app a folder"
        ) from None
    version = micropython_version(data[: image.length])
    if image.chip != stock.chip:
        raise FactoryError(
            f"{path} is for {image.chip}, the bootloader in {stock.path} for {stock.chip}"
        )
    if entry.stub_abi != record.STUB_ABI:
        raise FactoryError(
            f"{path} needs stubs of ABI {entry.stub_abi}; this tool has {record.STUB_ABI}: make it anew"
        )
    if version and is_old(version):
        raise FactoryError(f"{path}: MicroPython {version}; {OLDEST} or newer is needed")
    if len(data) > layout.slot_bytes:
        raise FactoryError(
            f"{path}: {len(data):,} bytes, {len(data) - layout.slot_bytes:,} more than a slot: "
            "a larger --flash-size or --slot-size, or a smaller application"
        )
    return Release(data, entry, version)


def make_first_release(stock: Stock, layout: Layout, app: AppSource) -> Release:
    """A release of the app image in `stock` and an application. Raises: FactoryError, ReleaseError."""
    if not app.version or app.sequence is None:
        raise FactoryError("a release of --app needs --version and --sequence")
    if not stock.micropython:
        raise FactoryError(
            f"{stock.path}: its app does not name its MicroPython: make a release of it with "
            "'enos-ota release make --vm-version', and give that as --release"
        )
    with tempfile.TemporaryDirectory() as folder:
        vm, out = Path(folder, "micropython.bin"), Path(folder, "release.bin")
        vm.write_bytes(stock.app)
        try:
            made = make_release(
                vm,
                app.folders,
                app.version,
                app.sequence,
                out,
                product=app.product,
                slot_size=layout.slot_bytes,
            )
        except ReleaseError as error:
            # Whoever gave one file is told of no other.
            raise FactoryError(str(error).replace(str(vm), f"{stock.path}: its app")) from None
        return Release(out.read_bytes(), made.record, made.vm_version)


def flash_base(stock: Stock, layout: Layout, release: Release) -> bytes:
    """The flash that boards have in common: all of it but NVS and the files on `vfs`.

    As long as the flash: what a board held before, in `data` above all, must not come back.
    """
    flash = bytearray(b"\xff" * layout.flash_bytes)
    slot, data = layout.find("ota_0"), layout.find("data")
    _put(flash, OFFSETS[stock.chip], for_flash(stock.bootloader, layout.flash_bytes))
    _put(flash, partitions.TABLE_ADDRESS, partitions.encode(layout.entries))
    _put(flash, layout.find("otadata").address, boot_state())
    _put(flash, slot.address, release.data)
    _put(flash, data.address, file_system(data.size, {}))
    return bytes(flash)


def boot_state() -> bytes:
    """otadata that selects ota_0, marked VALID.

    A blank one boots ota_0 too, after which the bootloader writes just this; but if the power fails in that
    write, it leaves an entry that it takes for damaged, never repairs, and that no image can be marked valid in.
    Nor may it say NEW: a factory image on trial would have nothing to return to.
    """
    crc = otadata.sequence_crc(1)
    first = struct.pack(otadata.ENTRY_FORMAT, 1, otadata.NO_LABEL, otadata.VALID, crc)
    return first.ljust(SECTOR_BYTES, b"\xff") + b"\xff" * SECTOR_BYTES


def board_flash(
    base: bytes, layout: Layout, files: Mapping[str, bytes], watchdog_s: int = 120
) -> bytes:
    """The flash of one board: `base` of `flash_base` with its own files and watchdog.

    Raises: FactoryError when the files do not fit.
    """
    flash = bytearray(base)
    nvs, vfs = layout.find("nvs"), layout.find("vfs")
    _put(flash, nvs.address, nvs_image(nvs.size, watchdog_s))
    _put(flash, vfs.address, file_system(vfs.size, files, SPARE_BLOCKS))
    return bytes(flash)


def _put(flash: bytearray, address: int, content: bytes) -> None:
    flash[address : address + len(content)] = content
