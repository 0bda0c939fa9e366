"""One 32-byte entry of an NVS page.

u8 namespace index, u8 type, u8 span in entries, u8 chunk index, u32 CRC-32 over all but itself,
key[16] padded with zeros, 8 bytes of value.
"""

import struct
from binascii import crc32

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


def data_crc(data):  # type: ignore[no-untyped-def]
    """CRC-32 of a value as NVS starts it."""
    return crc32(data, 0xFFFFFFFF)


class Item:
    """One entry, taken apart; `raw` is what stands in flash."""

    def __init__(self, raw):  # type: ignore[no-untyped-def]
        self.raw = raw
        self.namespace, self.type, self.span, self.chunk, self.crc = struct.unpack_from(
            "<BBBBI", raw, 0
        )

    @property
    def key(self):  # type: ignore[no-untyped-def]
        """Key as bytes without its padding."""
        return bytes(self.raw[8:24]).split(b"\0")[0]

    @property
    def value(self):  # type: ignore[no-untyped-def]
        """The 8 bytes of value."""
        return bytes(self.raw[24:32])

    @property
    def size(self):  # type: ignore[no-untyped-def]
        """Bytes of data of a variable-length item."""
        return struct.unpack_from("<H", self.raw, 24)[0]

    @property
    def data_crc(self):  # type: ignore[no-untyped-def]
        """CRC-32 of the data of a variable-length item."""
        return struct.unpack_from("<I", self.raw, 28)[0]

    @property
    def blob_index(self):  # type: ignore[no-untyped-def]
        """(size in bytes, number of chunks, first chunk index) of a blob's index item."""
        return struct.unpack_from("<IBB", self.raw, 24)

    def consistent(self, index):  # type: ignore[no-untyped-def]
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


def _crc(raw):  # type: ignore[no-untyped-def]
    view = memoryview(raw)
    return crc32(view[24:32], crc32(view[8:24], crc32(view[:4], 0xFFFFFFFF)))


def entries_for(size_bytes):  # type: ignore[no-untyped-def]
    """Entries that hold `size_bytes` of data."""
    return (size_bytes + ENTRY_BYTES - 1) // ENTRY_BYTES


def pack(namespace, type, span, chunk, key, value):  # type: ignore[no-untyped-def]
    """Bytes of an entry; `value` is padded with 0xFF to 8 bytes."""
    raw = bytearray(b"\xff" * ENTRY_BYTES)
    struct.pack_into("<BBBB", raw, 0, namespace, type, span, chunk)
    raw[8:24] = key + bytes(16 - len(key))
    raw[24 : 24 + len(value)] = value
    struct.pack_into("<I", raw, 4, _crc(raw))
    return raw
