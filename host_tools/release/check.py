"""Check a slot file byte by byte: image, padding, both records, app file system, signatures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from host_tools.release import appfs, record, signature, sources, trust
from host_tools.release.errors import AppError, RecordError, ReleaseError, TrustError
from host_tools.release.image import AppImage, parse_image
from host_tools.release.record import SECTOR_BYTES, ReleaseRecord
from host_tools.release.signature import Block
from host_tools.release.trust import Trust


@dataclass(frozen=True)
class Checked:
    """A file taken apart; it is sound when `problems` is empty."""

    image: AppImage
    record: ReleaseRecord | None
    is_plain: bool = False
    """Whether it is a VM image alone: sound without a record."""
    files: dict[str, bytes] = field(default_factory=dict)
    """What is in the app file system."""
    trust: Trust = field(default_factory=dict)
    signatures: tuple[Block, ...] = ()
    problems: tuple[str, ...] = ()


def parse_release(data: bytes) -> tuple[AppImage, ReleaseRecord]:
    """Return image and record of a sound release. Raises: `ReleaseError` with the first problem."""
    checked = check_release(data)
    if checked.problems:
        raise ReleaseError(checked.problems[0])
    if checked.record is None:
        raise ReleaseError("there is no release record")
    return checked.image, checked.record


def check_release(data: bytes) -> Checked:
    """Take a release, or a VM image alone, apart and list what is wrong behind its image.

    Raises: `ImageError` when already the image is not whole.
    """
    image = parse_image(data)
    content, sector = _split(data, image)
    signatures: tuple[Block, ...] = ()
    wrong_signatures: list[str] = []
    if sector:
        signatures, wrong_signatures = signature.read_sector(sector, content)
    if not content[image.length :].strip(b"\xff"):
        return Checked(image, None, True, signatures=signatures, problems=tuple(wrong_signatures))
    problems: list[str] = []
    entry = _check_records(content, image, problems)
    files = _check_appfs(content, entry, problems) if entry and entry.appfs_offset else {}
    found = _check_trust(files, problems)
    problems += wrong_signatures
    return Checked(image, entry, False, files, found, signatures, tuple(problems))


def _split(data: bytes, image: AppImage) -> tuple[bytes, bytes]:
    """Content and signature sector, the latter even where a damaged one does not look like one any more."""
    at = record.padded(image.length)
    try:
        end = record.unpack(data[at : at + SECTOR_BYTES]).copy_offset + SECTOR_BYTES
    except RecordError:
        return signature.split(data)
    if len(data) == end + SECTOR_BYTES and data[end : end + 4] != record.MAGIC:
        return data[:end], data[end:]
    return signature.split(data)


def _check_records(content: bytes, image: AppImage, problems: list[str]) -> ReleaseRecord | None:
    at = record.padded(image.length)
    if content[image.length : at].strip(b"\xff"):
        problems.append("the padding behind the image is not 0xFF")
    first = _read_record(content[at : at + SECTOR_BYTES], "first", problems)
    second = _read_record(content[-SECTOR_BYTES:], "second", problems)
    entry = first or second
    if entry is None:
        return None
    if first and second and first != second:
        problems.append("the two copies of the release record differ")
    _check_image_fields(entry, image, problems)
    if len(content) != entry.copy_offset + SECTOR_BYTES:
        problems.append(
            f"the file is {len(content):,} bytes; its record says {entry.copy_offset + SECTOR_BYTES:,}"
        )
    return entry


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


def _check_appfs(data: bytes, entry: ReleaseRecord, problems: list[str]) -> dict[str, bytes]:
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
        return {}
    if hashlib.sha256(content).digest() != entry.appfs_sha256:
        problems.append("the app file system's SHA-256 is wrong")
        return {}
    try:
        found = appfs.read(content, entry.appfs_block_count)
    except AppError as error:
        problems.append(str(error))
        return {}
    if sources.MAIN + ".mpy" not in found:
        problems.append(f"the app file system has no {sources.MAIN}.mpy")
    return dict(sorted(found.items()))


def _check_trust(files: dict[str, bytes], problems: list[str]) -> Trust:
    # An expired CA is no damage of a release: it was none when that was made.
    if trust.NAME not in files:
        return {}
    try:
        found = trust.parse(files[trust.NAME])
    except TrustError as error:
        problems.append(str(error))
        return {}
    wrong = trust.check(found, files)
    problems += [f"{trust.NAME}: {problem}" for problem in wrong]
    return {} if wrong else found
