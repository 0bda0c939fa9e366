"""Make a release: VM image, record, app file system, the record again, and signatures, in one file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from host_tools.release import appfs, fullflash, record, signing, sources, trust
from host_tools.release.compile import native_arch
from host_tools.release.errors import ImageError, ReleaseError
from host_tools.release.image import AppImage, micropython_version, parse_image
from host_tools.release.record import ReleaseRecord

SLOT_BYTES = 0x1D0000
OLDEST_VM = (1, 23, 0)
OLDEST = ".".join(map(str, OLDEST_VM))
"""The oldest MicroPython whose `.mpy` version (6.3) and LittleFS driver releases are made for."""


@dataclass(frozen=True)
class ReleaseInfo:
    """A release just made: file, digests (EnOS calls them `sign`), record, parts in bytes."""

    path: Path
    size: int
    md5: str
    sha256: str
    record: ReleaseRecord
    chip: str
    vm_version: str
    files: tuple[tuple[str, int], ...]
    parts: tuple[tuple[str, int], ...]
    signed_by: tuple[str, ...] = ()
    """Digests of the keys."""
    trust: dict[str, Any] = field(default_factory=dict)
    """Content of its enos_trust.json."""
    trust_rows: tuple[tuple[str, str], ...] = ()
    """The same for a table."""
    warnings: tuple[str, ...] = ()


def make_release(
    vm: Path,
    app: Path | list[Path],
    version: str,
    sequence: int,
    out: Path,
    *,
    min_sequence: int = 0,
    product: str = "",
    build_time: int | None = None,
    slot_size: int = SLOT_BYTES,
    with_agent: bool = True,
    vm_version: str = "",
    keys: Sequence[RSAPrivateKey] = (),
) -> ReleaseInfo:
    """Write the slot file `out` from the app image `vm` and the folder(s) `app`, merged, signed by `keys`.

    `build_time` defaults to SOURCE_DATE_EPOCH, else now. `vm_version` helps where the image does
    not name its MicroPython. `out` is left as it was on errors.
    Raises: `ReleaseError` saying what to do.
    """
    if out.suffix != ".bin":
        raise ReleaseError(f"{out}: EnOS takes .bin files only: name it {out.stem}.bin")
    image, vm_bytes = load_vm(vm)
    found_version = check_vm_version(vm, vm_bytes, vm_version)
    apps = [app] if isinstance(app, Path) else app
    files = sources.collect(apps, native_arch(image.chip), with_agent)
    trusted = trust.of_app(files)
    filesystem = appfs.build(files)
    entry = ReleaseRecord(
        image_length=image.length,
        appfs_offset=record.padded(image.length) + record.SECTOR_BYTES,
        appfs_size_bytes=len(filesystem.data),
        appfs_block_size=appfs.BLOCK_BYTES,
        appfs_block_count=filesystem.block_count,
        stub_abi=record.STUB_ABI,
        chip_id=image.chip_id,
        sequence=sequence,
        min_sequence=min_sequence,
        build_time=_build_time() if build_time is None else build_time,
        image_sha256=image.sha256,
        appfs_sha256=hashlib.sha256(filesystem.data).digest(),
        version=version,
        product=product,
    )
    data = signing.sign(assemble(vm_bytes, entry, filesystem.data), keys)
    parts = _parts(image, filesystem, len(data), record.SECTOR_BYTES if keys else 0)
    _refuse_too_large(len(data), slot_size, parts)
    write_atomically(out, data)
    signers = signing.digests(keys)
    return ReleaseInfo(
        path=out,
        size=len(data),
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(data).hexdigest(),
        record=entry,
        chip=image.chip,
        vm_version=found_version,
        files=filesystem.files,
        parts=parts,
        signed_by=signers,
        trust=trusted,
        trust_rows=tuple(trust.rows(trusted, files)),
        warnings=tuple(signing.warnings_of(entry, trusted, signers)),
    )


def load_vm(vm: Path) -> tuple[AppImage, bytes]:
    """Read a VM image that can be released, alone or in what micropython.org offers for a board.

    What follows the image in the file is dropped.
    Raises: `ReleaseError` when it cannot be read, is not a whole image, or has no SHA-256.
    """
    data = fullflash.first_app(read_file(vm))
    try:
        image = parse_image(data)
    except ImageError as error:
        raise ImageError(f"{vm}: {error}") from None
    if not image.sha256:
        raise ImageError(
            f"{vm}: the image has no appended SHA-256, so nothing ties a record to it: "
            "build it without esptool's --dont-append-digest"
        )
    return image, data[: image.length]


def check_vm_version(vm: Path, data: bytes, given: str = "") -> str:
    """Return a VM's MicroPython version. Raises: `ReleaseError` below 1.23.0, or if unknown."""
    version = given or micropython_version(data)
    if not version:
        raise ReleaseError(
            f"{vm}: the image does not name its MicroPython: say it with --vm-version 1.26.1"
        )
    if is_old(version):
        raise ReleaseError(f"{vm}: MicroPython {version}; releases need {OLDEST} or newer")
    return version


def is_old(version: str) -> bool:
    """Whether a MicroPython version is below 1.23.0. Raises: `ReleaseError` when it is none."""
    numbers = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if numbers is None:
        raise ReleaseError(f"{version!r} is not a MicroPython version like 1.26.1")
    parsed = tuple(int(number or 0) for number in numbers.groups())
    # A preview of 1.23.0 is older than 1.23.0.
    return parsed < OLDEST_VM or (parsed == OLDEST_VM and "preview" in version)


def assemble(image: bytes, entry: ReleaseRecord, filesystem: bytes) -> bytes:
    """Return the slot file of its parts."""
    sector = record.pack(entry)
    padding = b"\xff" * (record.padded(len(image)) - len(image))
    return image + padding + sector + filesystem + sector


def read_file(path: Path) -> bytes:
    """Read a file. Raises: `ReleaseError` with the system's reason."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path}: {error.strerror or error}") from None


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` so that `path` never holds a part of it. Raises: `ReleaseError`."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".release-", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise ReleaseError(f"{path}: cannot be written: {error.strerror or error}") from None


def _parts(
    image: AppImage, filesystem: appfs.AppFs, total: int, signatures: int
) -> tuple[tuple[str, int], ...]:
    records = 2 * record.SECTOR_BYTES
    padding = total - image.length - len(filesystem.data) - records - signatures
    parts = [
        ("VM image", image.length),
        ("padding", padding),
        ("app files", len(filesystem.data)),
        ("records", records),
        ("signature", signatures),
    ]
    return tuple(parts if signatures else parts[:-1])


def _refuse_too_large(size: int, slot_size: int, parts: tuple[tuple[str, int], ...]) -> None:
    if size > slot_size:
        weights = ", ".join(f"{name} {weight:,}" for name, weight in parts)
        raise ReleaseError(
            f"the release is {size:,} bytes, {size - slot_size:,} more than a slot of "
            f"{slot_size:,}: {weights}"
        )


def _build_time() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given:
        return int(time.time())
    if not given.isdecimal():
        raise ReleaseError(f"SOURCE_DATE_EPOCH={given} is not a number of seconds")
    return int(given)
