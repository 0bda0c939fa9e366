"""The app file system: folders of Python become a read-only LittleFS that a VM mounts at `/app`.

LittleFS disk version 2.1, which is what every VM from 1.23 on writes itself (its driver is littlefs
2.8 or newer) and mounts; 2.0 would mount too, through the driver's path for older versions.
MicroPython reads a file kept inside its directory entry through a cache of 4 x readsize = 128 bytes,
so none may be longer: littlefs's own limit, an eighth of a block, agrees for blocks of 1024 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from littlefs import LFSConfig, LittleFS, LittleFSError, UserContext, lfs

from host_tools.release.errors import AppError

BLOCK_BYTES = 1024
SECTOR_BYTES = 4096
DISK_VERSION = 0x00020001
READ_BYTES = 32
CACHE_BYTES = 4 * READ_BYTES
LARGEST_BYTES = 4 << 20

_NO_SPACE = -28


@dataclass(frozen=True)
class AppFs:
    """A finished file system: its bytes (whole sectors), blocks, and files with their sizes."""

    data: bytes
    block_count: int
    used_blocks: int
    files: tuple[tuple[str, int], ...]


def build(files: Mapping[str, bytes], block_bytes: int = BLOCK_BYTES) -> AppFs:
    """Return the smallest file system that holds `files` (path -> content), the same every time.

    Smaller blocks waste less behind each file, and are slower to read.
    Raises: `AppError` when there is nothing to hold, or it exceeds 4 MiB.
    """
    if not files:
        raise AppError("the app file system would be empty")
    largest_blocks = LARGEST_BYTES // block_bytes
    blocks = _fewest_blocks(files, block_bytes)
    while blocks > largest_blocks or (context := _write(files, blocks, block_bytes)) is None:
        blocks += SECTOR_BYTES // block_bytes
        if blocks > largest_blocks:
            content = sum(map(len, files.values()))
            raise AppError(f"the files are too large: {content:,} bytes")
    used = _used_blocks(context, blocks, block_bytes)
    for block in set(range(blocks)) - used:
        context.buffer[block * block_bytes : (block + 1) * block_bytes] = bytes(block_bytes)
    result = bytes(context.buffer)
    if read(result, blocks, block_bytes) != dict(files):
        raise AppError("internal error: the file system does not read back as written")
    sizes = tuple((path, len(files[path])) for path in sorted(files))
    return AppFs(result, blocks, len(used), sizes)


def read(data: bytes, block_count: int, block_bytes: int = BLOCK_BYTES) -> dict[str, bytes]:
    """Return path -> content of the file system in `data`, mounted as a board mounts it.

    Raises: `AppError` when it cannot be mounted or read.
    """
    try:
        context = UserContext(buffer=bytearray(data))
        return dict(_contents(_mounted(context, block_count, block_bytes)))
    except (LittleFSError, UnicodeDecodeError) as error:
        raise AppError(f"the app file system cannot be read ({error})") from None


def _write(files: Mapping[str, bytes], blocks: int, block_bytes: int) -> _Context | None:
    context = _Context(buffsize=blocks * block_bytes)
    filesystem = LittleFS(context, mount=False, **_geometry(blocks, block_bytes))
    try:
        filesystem.format()
        filesystem.mount()
        for folder in _folders(files):
            filesystem.mkdir(folder)
        for path in sorted(files):
            _write_file(filesystem.fs, path, files[path])
        filesystem.unmount()
    except LittleFSError as error:
        if error.code == _NO_SPACE:
            return None
        raise AppError(f"the app file system cannot be written ({error})") from None
    return context


def _fewest_blocks(files: Mapping[str, bytes], block_bytes: int) -> int:
    # Whole sectors; a pair of blocks per folder; small files lie in their folder's blocks.
    data = sum(-(-len(content) // block_bytes) for content in files.values() if len(content) > 128)
    blocks = data + 2 * (1 + len(_folders(files)))
    per_sector = SECTOR_BYTES // block_bytes
    return -(-blocks // per_sector) * per_sector


def _write_file(filesystem: lfs.LFSFilesystem, path: str, content: bytes) -> None:
    # Not the library's file objects: after a failed close they close again when they are collected,
    # which frees the same memory twice.
    handle = lfs.file_open(filesystem, path, "wb")
    try:
        lfs.file_write(filesystem, handle, content)
    finally:
        lfs.file_close(filesystem, handle)


def _read_file(filesystem: lfs.LFSFilesystem, path: str) -> bytes:
    handle = lfs.file_open(filesystem, path, "rb")
    try:
        return lfs.file_read(filesystem, handle, lfs.file_size(filesystem, handle))
    finally:
        lfs.file_close(filesystem, handle)


def _geometry(blocks: int, block_bytes: int) -> dict[str, Any]:
    return {
        "block_size": block_bytes,
        "block_count": blocks,
        "read_size": READ_BYTES,
        "prog_size": READ_BYTES,
        "cache_size": CACHE_BYTES,
        "lookahead_size": -(-blocks // 64) * 8,
        "disk_version": DISK_VERSION,
    }


def _folders(files: Mapping[str, bytes]) -> list[str]:
    parents = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    return sorted(parents - {"."})


class _Context(UserContext):
    """Memory as block device that notes which blocks were read."""

    def __init__(self, buffsize: int) -> None:
        super().__init__(buffsize)
        self.blocks_read: set[int] = set()

    def read(self, cfg: LFSConfig, block: int, off: int, size: int) -> bytearray:
        self.blocks_read.add(block)
        return super().read(cfg, block, off, size)


def _used_blocks(context: _Context, blocks: int, block_bytes: int) -> set[int]:
    # What a reader of everything never touches is free, whatever was written there on the way.
    context.blocks_read = set()
    for _entry in _contents(_mounted(context, blocks, block_bytes)):
        pass
    return context.blocks_read


def _mounted(context: UserContext, blocks: int, block_bytes: int) -> LittleFS:
    filesystem = LittleFS(context, mount=False, **_geometry(blocks, block_bytes))
    filesystem.mount()
    return filesystem


def _contents(filesystem: LittleFS) -> Iterator[tuple[str, bytes]]:
    for folder, _folders, names in filesystem.walk("/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            yield path.lstrip("/"), _read_file(filesystem.fs, path)
