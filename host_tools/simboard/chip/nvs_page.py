"""One page of NVS: 4 KiB, a header, a bitmap of entry states, 126 entries (`nvs_page.cpp`, 5.5.2).

Header: u32 state, u32 sequence, u8 version, 0xFF, u32 CRC at 28; bitmap of two bits per entry at
32; entries from 64. Every state is reached by clearing bits.
"""

import struct

from .nor import SECTOR_BYTES, Nor
from .nvs_item import (
    ANY,
    BLOB,
    BLOB_DATA,
    BLOB_INDEX,
    CHUNK_ANY,
    CHUNK_MAX_BYTES,
    ENTRY_BYTES,
    ENTRY_COUNT,
    NAMESPACE_ANY,
    VARIABLE,
    Item,
    data_crc,
    entries_for,
    pack,
)

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from .nor import Buffer

UNINITIALIZED = 0xFFFFFFFF
ACTIVE = 0xFFFFFFFE
FULL = 0xFFFFFFFC
FREEING = 0xFFFFFFF8
CORRUPT = 0xFFFFFFF0
VERSION_2 = 0xFE

EMPTY = 3
WRITTEN = 2
ERASED = 0
ILLEGAL = 1


class PageFullError(Exception):
    """The item does not fit behind the last entry of the page."""


class Page:
    """One page at `base`, an address in the flash `nor`."""

    def __init__(self, nor: Nor, base: int) -> None:
        self.nor = nor
        self.base = base
        self.sequence = 0
        self.reset(UNINITIALIZED)

    def reset(self, state: int) -> None:
        """Forget what is known of the page but its sequence."""
        self.state = state
        self.used = 0
        self.next_free = ENTRY_COUNT if state in (FULL, FREEING) else 0
        self.table = bytearray(b"\xff" * 32)

    @property
    def listed(self) -> bool:
        """Whether the page holds, or held, data: ACTIVE, FULL or FREEING."""
        return self.state in (ACTIVE, FULL, FREEING)

    # ---- reading

    def address(self, index: int) -> int:
        """Flash address of an entry."""
        return self.base + 64 + index * ENTRY_BYTES

    def entry_state(self, index: int) -> int:
        """State of one entry: EMPTY, WRITTEN, ERASED or ILLEGAL."""
        return (self.table[index >> 2] >> ((index & 3) * 2)) & 3

    def item(self, index: int) -> Item:
        """The `Item` of one entry."""
        raw = bytearray(ENTRY_BYTES)
        self.nor.read(self.address(index), raw)
        return Item(raw)

    def find(
        self,
        namespace: int,
        type: int,
        key: "bytes | None",
        chunk: int = CHUNK_ANY,
        start: int = 0,
        version: "int | None" = None,
    ) -> "tuple[int, Item] | None":
        """(index, item) of the first match at or after entry `start`, or None.

        `NAMESPACE_ANY`, `ANY`, key None and version None match all; `chunk` only for BLOB_DATA.
        """
        if not self.listed:
            return None
        index = start
        while index < self.next_free:
            if self.entry_state(index) != WRITTEN:
                index += 1
                continue
            item = self.item(index)
            if not item.consistent(index):
                self.erase_entry(index)
                index += 1
                continue
            if _matches(item, namespace, type, key, chunk, version):
                return index, item
            index += item.span if item.type in VARIABLE else 1
        return None

    def data(self, index: int, item: Item) -> "bytearray | None":
        """Data of a variable-length item, or None (and the item erased) if its CRC is wrong."""
        buffer = bytearray(item.size)
        self.nor.read(self.address(index + 1), buffer)
        if data_crc(buffer) == item.data_crc:
            return buffer
        self.erase_entry(index)
        return None

    def tailroom(self) -> int:
        """Bytes of blob data that still fit, the entry of the item itself taken off."""
        if self.state == UNINITIALIZED:
            return CHUNK_MAX_BYTES
        if self.state == FULL:
            return 0
        return max(0, ENTRY_COUNT - self.next_free - 1) * ENTRY_BYTES

    # ---- writing

    def write(
        self, namespace: int, type: int, key: bytes, data: "Buffer", chunk: int = CHUNK_ANY
    ) -> None:
        """Append an item: entries first, then their state. Raises `PageFullError`."""
        if self.state == UNINITIALIZED:
            self._initialize()
        variable = type in VARIABLE
        span = 1 + entries_for(len(data)) if variable else 1
        if self.state == FULL or self.next_free + span > ENTRY_COUNT:
            raise PageFullError
        value = struct.pack("<HHI", len(data), 0xFFFF, data_crc(data)) if variable else data
        self._write_entry(pack(namespace, type, span, chunk, key, value))
        if variable:
            whole = len(data) // ENTRY_BYTES
            if whole:
                self._write_entries(memoryview(data)[: whole * ENTRY_BYTES], whole)
            rest = bytes(memoryview(data)[whole * ENTRY_BYTES :])
            if rest:
                self._write_entry(rest + b"\xff" * (ENTRY_BYTES - len(rest)))

    def _initialize(self) -> None:
        header = bytearray(b"\xff" * 32)
        struct.pack_into("<IIB", header, 0, ACTIVE, self.sequence, VERSION_2)
        struct.pack_into("<I", header, 28, data_crc(header[4:28]))
        self.nor.program(self.base, header)
        self.reset(ACTIVE)

    def _write_entry(self, raw: "Buffer") -> None:
        self._write_entries(raw, 1)

    def _write_entries(self, raw: "Buffer", count: int) -> None:
        self.nor.program(self.address(self.next_free), raw)
        self.set_states(self.next_free, self.next_free + count, WRITTEN)
        self.used += count
        self.next_free += count

    def set_states(self, begin: int, end: int, state: int) -> None:
        """Change entry states from the last to the first, one bitmap word per program."""
        index = end - 1
        while index >= begin:
            shift = (index & 3) * 2
            self.table[index >> 2] = self.table[index >> 2] & ~(3 << shift) | state << shift
            if index == begin or index % 16 == 0:
                word = index // 16 * 4
                self.nor.program(self.base + 32 + word, self.table[word : word + 4])
            index -= 1

    def erase_entry(self, index: int) -> None:
        """Mark the item that begins at `index` erased, with its data."""
        span = 1
        if self.entry_state(index) == WRITTEN:
            item = self.item(index)
            if item.consistent(index):
                span = item.span
            for i in range(index, index + span):
                self.used -= self.entry_state(i) == WRITTEN
        self.set_states(index, index + span, ERASED)
        self.next_free = max(self.next_free, index + span)

    def change_state(self, state: int) -> None:
        """Program a further page state: FULL or FREEING."""
        self.nor.program(self.base, struct.pack("<I", state))
        self.state = state

    def copy_items(self, other: "Page") -> None:
        """Append every live item to the page `other`."""
        if self.used and other.state == UNINITIALIZED:
            other._initialize()
        index = 0
        while index < ENTRY_COUNT:
            if self.entry_state(index) != WRITTEN:
                index += 1
                continue
            end = index + self.item(index).span
            while index < end:
                other._write_entry(self.item(index).raw)
                index += 1

    def erase(self) -> None:
        """Erase the sector; the page is free again."""
        self.nor.erase(self.base, SECTOR_BYTES)
        self.reset(UNINITIALIZED)


def _matches(
    item: Item, namespace: int, type: int, key: "bytes | None", chunk: int, version: "int | None"
) -> bool:
    if namespace not in (NAMESPACE_ANY, item.namespace) or key not in (None, item.key):
        return False
    if type == BLOB_DATA and chunk not in (CHUNK_ANY, item.chunk):
        return False
    if type == BLOB_INDEX and version is not None and item.type == BLOB_INDEX:
        return item.blob_index[2] == version
    if type == ANY:
        # Chunks of a blob are reached through its index only.
        return key is None or item.type != BLOB_DATA
    return item.type == type or (type == BLOB and item.type == BLOB)
