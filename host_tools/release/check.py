"""Check a slot file byte by byte: image, padding, both records, app file system."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from host_tools.release import appfs, record, sources
from host_tools.release.errors import AppError, RecordError, ReleaseError
from host_tools.release.image import AppImage, parse_image
from host_tools.release.record import SECTOR_BYTES, ReleaseRecord


@dataclass(frozen=True)
class Checked:
    """A slot file taken apart; it is sound when `problems` is empty."""

    image: AppImage
    record: ReleaseRecord | None
    files: tuple[tuple[str, int], ...]
    problems: tuple[str, ...]


def parse_release(data: bytes) -> tuple[AppImage, ReleaseRecord]:
    """Return image and record of a sound release. Raises: `ReleaseError` with the first problem."""
    checked = check_release(data)
    if checked.record is None or checked.problems:
        raise ReleaseError(checked.problems[0])
    return checked.image, checked.record


def check_release(data: bytes) -> Checked:
    """Take a slot file apart and list what is wrong behind its image.

    Raises: `ImageError` when already the image is not whole.
    """
    image = parse_image(data)
    problems: list[str] = []
    at = record.padded(image.length)
    if data[image.length : at].strip(b"\xff"):
        problems.append("the padding behind the image is not 0xFF")
    first = _read_record(data[at : at + SECTOR_BYTES], "first", problems)
    second = _read_record(data[-SECTOR_BYTES:], "second", problems)
    entry = first or second
    if entry is None:
        return Checked(image, None, (), tuple(problems))
    if first and second and first != second:
        problems.append("the two copies of the release record differ")
    _check_image_fields(entry, image, problems)
    if len(data) != entry.copy_offset + SECTOR_BYTES:
        problems.append(
            f"the file is {len(data):,} bytes; its record says {entry.copy_offset + SECTOR_BYTES:,}"
        )
    files = _check_appfs(data, entry, problems) if entry.appfs_offset else ()
    return Checked(image, entry, files, tuple(problems))


def _read_record(sector: bytes, which: str, problems: list[str]) -> ReleaseRecord | None:
    try:
        entry = record.unpack(sector)
    except RecordError as error:
        problems.append(f"{which} record: {error}")
        return None
    if sector[record.length_of(sector) :].strip(b"\xff"):
        problems.append(f"{which} record: its sector is not filled with 0xFF")
    return entry


def _check_image_fields(entry: ReleaseRecord, image: AppImage, problems: list[str]) -> None:
    if not image.sha256:
        problems.append("the image has no appended SHA-256")
    if (entry.image_length, entry.image_sha256) != (image.length, image.sha256):
        problems.append("the record belongs to another image")
    if entry.chip_id != image.chip_id:
        problems.append(f"the record is for chip id {entry.chip_id}, the image for {image.chip}")


def _check_appfs(
    data: bytes, entry: ReleaseRecord, problems: list[str]
) -> tuple[tuple[str, int], ...]:
    if entry.appfs_offset != entry.offset + SECTOR_BYTES:
        problems.append(
            f"the app file system is at 0x{entry.appfs_offset:X}, not behind the record"
        )
    content = data[entry.appfs_offset : entry.appfs_offset + entry.appfs_size_bytes]
    blocks_bytes = entry.appfs_block_size * entry.appfs_block_count
    if entry.appfs_block_size != appfs.BLOCK_BYTES or blocks_bytes > len(content):
        problems.append(
            f"the app file system has {entry.appfs_block_count} blocks of {entry.appfs_block_size}"
        )
        return ()
    if hashlib.sha256(content).digest() != entry.appfs_sha256:
        problems.append("the app file system's SHA-256 is wrong")
        return ()
    try:
        found = appfs.read(content, entry.appfs_block_count)
    except AppError as error:
        problems.append(str(error))
        return ()
    if sources.MAIN + ".mpy" not in found:
        problems.append(f"the app file system has no {sources.MAIN}.mpy")
    return tuple((path, len(found[path])) for path in sorted(found))
