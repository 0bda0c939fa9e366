"""One 32-byte entry of an NVS page.

u8 namespace index, u8 type, u8 span in entries, u8 chunk index, u32 CRC-32 over all but itself,
key[16] padded with zeros, 8 bytes of value.
"""

import struct
from binascii import crc32

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from .nor import Buffer

ENTRY_BYTES = 32
ENTRY_COUNT = 126
MAX_KEY_BYTES = 15
CHUNK_ANY = 0xFF
CHUNK_MAX_BYTES = ENTRY_BYTES * (ENTRY_COUNT - 1)

U8 = 0x01
I32 = 0x14
SZ = 0x21
BLOB = 0x41
BLOB_DATA = 0x42
BLOB_INDEX = 0x48
ANY = 0xFF
NAMESPACE_ANY = 0xFF
FIXED = (0x01, 0x11, 0x02, 0x12, 0x04, 0x14, 0x08, 0x18)
VARIABLE = (SZ, BLOB, BLOB_DATA)


def data_crc(data: "Buffer") -> int:
    """CRC-32 of a value as NVS starts it."""
    return crc32(data, 0xFFFFFFFF)


class Item:
    """One entry, taken apart; `raw` is what stands in flash."""

    def __init__(self, raw: bytearray) -> None:
        self.raw = raw
        self.namespace = raw[0]
        self.type = raw[1]
        self.span = raw[2]
        self.chunk = raw[3]
        self.crc = int.from_bytes(raw[4:8], "little")

    @property
    def key(self) -> bytes:
        """Key as bytes without its padding."""
        return bytes(self.raw[8:24]).split(b"\0")[0]

    @property
    def value(self) -> bytes:
        """The 8 bytes of value."""
        return bytes(self.raw[24:32])

    @property
    def size(self) -> int:
        """Bytes of data of a variable-length item."""
        return int.from_bytes(self.raw[24:26], "little")

    @property
    def data_crc(self) -> int:
        """CRC-32 of the data of a variable-length item."""
        return int.from_bytes(self.raw[28:32], "little")

    @property
    def blob_index(self) -> tuple[int, int, int]:
        """(size in bytes, number of chunks, first chunk index) of a blob's index item."""
        return int.from_bytes(self.raw[24:28], "little"), self.raw[28], self.raw[29]

    def consistent(self, index: int) -> bool:
        """Whether CRC, type and span make sense for entry number `index` of a page."""
        if self.crc != _crc(self.raw):
            return False
        if self.type in FIXED:
            return self.span == 1
        if self.type == BLOB_INDEX:
            return self.span == 1 and self.chunk == CHUNK_ANY
        if self.type not in VARIABLE or (self.type == BLOB_DATA and self.chunk == CHUNK_ANY):
            return False
        return index + self.span <= ENTRY_COUNT and self.span == 1 + entries_for(self.size)


def _crc(raw: bytearray) -> int:
    view = memoryview(raw)
    return crc32(view[24:32], crc32(view[8:24], crc32(view[:4], 0xFFFFFFFF)))


def entries_for(size_bytes: int) -> int:
    """Entries that hold `size_bytes` of data."""
    return (size_bytes + ENTRY_BYTES - 1) // ENTRY_BYTES


def pack(
    namespace: int, type: int, span: int, chunk: int, key: bytes, value: "Buffer"
) -> bytearray:
    """Bytes of an entry; `value` is padded with 0xFF to 8 bytes."""
    raw = bytearray(b"\xff" * ENTRY_BYTES)
    struct.pack_into("<BBBB", raw, 0, namespace, type, span, chunk)
    raw[8:24] = key + bytes(16 - len(key))
    raw[24 : 24 + len(value)] = value
    struct.pack_into("<I", raw, 4, _crc(raw))
    return raw
