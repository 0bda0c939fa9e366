"""The release record: what a slot file says about itself, in one 4096-byte sector.

Little-endian. Offset, size, field:

    0    4  magic "EnRR"            36   4  sequence
    4    2  format = 1              40   4  min_sequence
    6    2  record length = 240     44   4  build_time, Unix seconds
    8    4  CRC-32 of 12 .. length  48  32  image_sha256 (the 32 bytes that end the image)
    12   4  image_length            80  32  appfs_sha256 (zeros without app file system)
    16   4  appfs_offset, 0 = none  112 64  version, UTF-8, NUL padded, 1..63 bytes
    20   4  appfs_size_bytes        176 64  product, UTF-8, NUL padded, 0..63 bytes
    24   4  appfs_block_size
    28   4  appfs_block_count
    32   2  stub_abi
    34   2  chip_id

A reader takes longer records and ignores what it does not know; the rest of the sector is 0xFF.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from host_tools.release.errors import RecordError

MAGIC = b"EnRR"
FORMAT = 1
LENGTH_BYTES = 240
SECTOR_BYTES = 4096
STUB_ABI = 1
TEXT_BYTES = 64

_HEAD = struct.Struct("<4sHHI")
_BODY = struct.Struct(f"<5IHH3I32s32s{TEXT_BYTES}s{TEXT_BYTES}s")
assert _HEAD.size + _BODY.size == LENGTH_BYTES


@dataclass(frozen=True)
class ReleaseRecord:
    """The fields of a release record; constructing one checks them. Raises: `RecordError`."""

    image_length: int
    appfs_offset: int
    appfs_size_bytes: int
    appfs_block_size: int
    appfs_block_count: int
    stub_abi: int
    chip_id: int
    sequence: int
    min_sequence: int
    build_time: int
    image_sha256: bytes
    appfs_sha256: bytes
    version: str
    product: str

    def __post_init__(self) -> None:
        for name in _U32:
            _check_range(name, getattr(self, name), 0xFFFFFFFF)
        for name in ("stub_abi", "chip_id"):
            _check_range(name, getattr(self, name), 0xFFFF)
        for name in ("image_sha256", "appfs_sha256"):
            if len(getattr(self, name)) != 32:
                raise RecordError(f"{name} must be 32 bytes")
        if self.min_sequence > self.sequence:
            raise RecordError(
                f"min sequence {self.min_sequence} is above the sequence {self.sequence}: "
                "a release is never older than what it allows"
            )
        check_text("version", self.version)
        check_text("product", self.product, may_be_empty=True)

    def as_json(self) -> dict[str, Any]:
        """The fields for `--json`, digests as hex."""
        return {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in asdict(self).items()
        }

    @property
    def offset(self) -> int:
        """Where the first copy stands, from the slot start: behind the image, at 4 KiB."""
        return padded(self.image_length)

    @property
    def copy_offset(self) -> int:
        """Where the second copy stands: behind the app file system."""
        return self.offset + SECTOR_BYTES + padded(self.appfs_size_bytes)


_U32 = (
    "image_length",
    "appfs_offset",
    "appfs_size_bytes",
    "appfs_block_size",
    "appfs_block_count",
    "sequence",
    "min_sequence",
    "build_time",
)


def pack(record: ReleaseRecord) -> bytes:
    """Return the whole sector that holds `record`."""
    body = _BODY.pack(
        record.image_length,
        record.appfs_offset,
        record.appfs_size_bytes,
        record.appfs_block_size,
        record.appfs_block_count,
        record.stub_abi,
        record.chip_id,
        record.sequence,
        record.min_sequence,
        record.build_time,
        record.image_sha256,
        record.appfs_sha256,
        record.version.encode(),
        record.product.encode(),
    )
    head = _HEAD.pack(MAGIC, FORMAT, LENGTH_BYTES, zlib.crc32(body))
    return (head + body).ljust(SECTOR_BYTES, b"\xff")


def unpack(sector: bytes) -> ReleaseRecord:
    """Return the record at the start of `sector`.

    Raises: `RecordError` when magic, format, length, CRC or a field is wrong.
    """
    if len(sector) < LENGTH_BYTES or sector[:4] != MAGIC:
        raise RecordError("there is no release record")
    _magic, form, length, crc = _HEAD.unpack_from(sector)
    if form != FORMAT:
        raise RecordError(f"the release record has format {form}; this tool knows {FORMAT}")
    if not LENGTH_BYTES <= length <= len(sector):
        raise RecordError(f"the release record says it is {length} bytes long")
    if zlib.crc32(sector[_HEAD.size : length]) != crc:
        raise RecordError("the release record is damaged (CRC)")
    fields = list(_BODY.unpack_from(sector, _HEAD.size))
    fields[-2:] = _text("version", fields[-2]), _text("product", fields[-1])
    return ReleaseRecord(*fields)


def length_of(sector: bytes) -> int:
    """Length in bytes that the record in `sector` gives itself; later formats are longer."""
    return int(_HEAD.unpack_from(sector)[2])


def check_text(name: str, text: str, may_be_empty: bool = False) -> None:
    """Refuse a text the record cannot hold.

    Raises: `RecordError` when it is empty, has unprintable characters or spaces at its ends, or
    is longer than 63 bytes of UTF-8.
    """
    if not text and not may_be_empty:
        raise RecordError(f"the {name} is empty: 1 to {TEXT_BYTES - 1} bytes are needed")
    if not text.isprintable() or text != text.strip():
        raise RecordError(f"the {name} {text!r} has unprintable characters or spaces at its ends")
    size = len(text.encode())
    if size >= TEXT_BYTES:
        raise RecordError(f"the {name} is {size} bytes of UTF-8, {TEXT_BYTES - 1} are allowed")


def padded(size_bytes: int) -> int:
    """Round up to whole 4096-byte sectors."""
    return -(-size_bytes // SECTOR_BYTES) * SECTOR_BYTES


def _check_range(name: str, value: int, highest: int) -> None:
    if not 0 <= value <= highest:
        raise RecordError(f"{name.replace('_', ' ')} {value} is not in 0..{highest}")


def _text(name: str, raw: bytes) -> str:
    text, _nul, rest = raw.partition(b"\0")
    if len(text) == len(raw) or rest.strip(b"\0"):
        raise RecordError(f"the release record's {name} is not NUL padded")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise RecordError(f"the release record's {name} is not UTF-8") from None
