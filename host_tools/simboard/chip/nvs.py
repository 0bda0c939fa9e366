"""NVS: keys and values in a partition of pages (`nvs_storage.cpp`, 5.5.2).

A new value is written before the old one is erased,
so a full store refuses updates too.
"""

import struct

from . import errors
from .nor import Nor
from .nvs_item import (
    ANY,
    BLOB_DATA,
    BLOB_INDEX,
    CHUNK_ANY,
    CHUNK_MAX_BYTES,
    ENTRY_BYTES,
    I32,
    MAX_KEY_BYTES,
    NAMESPACE_ANY,
    U8,
    Item,
)
from .nvs_page import PageFullError
from .nvs_pages import Pages

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from .nor import Buffer

VERSION_0 = 0x00
VERSION_1 = 0x80
"""First chunk index of a blob: the two versions of a blob use disjoint chunk numbers."""


def mount(nor: Nor, address: int, size_bytes: int) -> "Storage":
    """Open NVS as the port does at boot: no free page or a foreign version erases all of it."""
    try:
        return Storage(nor, address, size_bytes)
    except OSError as error:
        if error.errno not in (-errors.NVS_NO_FREE_PAGES, -errors.NVS_NEW_VERSION_FOUND):
            raise
    nor.erase(address, size_bytes)
    return Storage(nor, address, size_bytes)


class Storage(Pages):
    """An NVS partition. Errors are `OSError` as device code sees them."""

    def __init__(self, nor: Nor, address: int, size_bytes: int) -> None:
        super().__init__(nor, address, size_bytes)
        self.namespaces = {item.key: item.value[0] for _, _, item in self.items(0, U8)}
        self._drop_broken_blobs()

    def _drop_broken_blobs(self) -> None:
        """Erase blob indexes without all of their data, then data without an index."""
        chunks = self.items(NAMESPACE_ANY, BLOB_DATA)
        whole: list[tuple[int, bytes, int]] = []
        for page, index, item in self.items(NAMESPACE_ANY, BLOB_INDEX):
            size, count, first = item.blob_index
            mine = [
                c
                for _, _, c in chunks
                if (c.namespace, c.key, c.chunk & 0x80) == (item.namespace, item.key, first)
            ]
            if sum(c.size for c in mine) == size and len(mine) == count:
                whole.append((item.namespace, item.key, first))
            else:
                page.erase_entry(index)
        for page, index, item in chunks:
            if (item.namespace, item.key, item.chunk & 0x80) not in whole:
                page.erase_entry(index)

    # ---- what device code calls

    def namespace(self, name: str) -> int:
        """Index of a namespace, created if need be."""
        key = name.encode()
        if key not in self.namespaces:
            index = 1
            while index in self.namespaces.values():
                index += 1
            self._write(0, U8, key, bytes([index]))
            self.namespaces[key] = index
        return self.namespaces[key]

    def get_i32(self, namespace: int, name: str) -> int:
        """Value of an integer."""
        match = self.find(namespace, I32, name.encode())
        if not match:
            raise errors.esp_error(errors.NVS_NOT_FOUND)
        value = int.from_bytes(match[2].value[:4], "little")
        return value - ((value & 0x80000000) << 1)

    def set_i32(self, namespace: int, name: str, value: int) -> None:
        """Store an integer; the same value again writes nothing."""
        key, data = name.encode(), struct.pack("<i", value)
        old = self.find(namespace, I32, key)
        if old and old[2].value[:4] == data:
            return
        had = old or self.find(namespace, ANY, key)
        self._write(namespace, I32, key, data)
        if had:
            self._erase_old(namespace, had[2])

    def get_blob(self, namespace: int, name: str) -> bytearray:
        """Bytes of a blob."""
        match = self.find(namespace, BLOB_INDEX, name.encode())
        data = match and self._blob_data(match[2])
        if data is None:
            raise errors.esp_error(errors.NVS_NOT_FOUND)
        return data

    def set_blob(self, namespace: int, name: str, data: "Buffer") -> None:
        """Store a blob; the same bytes again write nothing."""
        key = name.encode()
        old = self.find(namespace, BLOB_INDEX, key)
        if old and self._blob_data(old[2]) == data:
            return
        had = old or self.find(namespace, ANY, key)
        first = VERSION_1 if old and old[2].blob_index[2] == VERSION_0 else VERSION_0
        self._write_blob(namespace, key, data, first)
        if had:
            self._erase_old(namespace, had[2])

    def erase_key(self, namespace: int, name: str) -> None:
        """Erase a value of any type."""
        match = self.find(namespace, ANY, name.encode())
        if not match:
            raise errors.esp_error(errors.NVS_NOT_FOUND)
        self._erase_old(namespace, match[2])

    # ---- values

    def _write(self, namespace: int, type: int, key: bytes, data: bytes) -> None:
        if not 0 < len(key) <= MAX_KEY_BYTES:
            raise errors.esp_error(errors.NVS_KEY_TOO_LONG if key else errors.INVALID_ARG)
        try:
            self.pages[-1].write(namespace, type, key, data)
        except PageFullError:
            self.next_page()
            try:
                self.pages[-1].write(namespace, type, key, data)
            except PageFullError:
                raise errors.esp_error(errors.NVS_NOT_ENOUGH_SPACE)  # noqa: B904

    def _erase_old(self, namespace: int, item: Item) -> None:
        """Erase the first item of this type and key: the older one, whatever page it is on now."""
        first = item.blob_index[2] if item.type == BLOB_INDEX else None
        old = self.find(namespace, item.type, item.key, CHUNK_ANY, first)
        if old:
            old[0].erase_entry(old[1])
        if first is None:
            return
        for chunk in range(first, first + item.blob_index[1]):
            match = self.find(namespace, BLOB_DATA, item.key, chunk)
            if match:
                match[0].erase_entry(match[1])

    def _blob_data(self, index_item: Item) -> "bytearray | None":
        size, count, first = index_item.blob_index
        data = bytearray()
        for chunk in range(first, first + count):
            match = self.find(index_item.namespace, BLOB_DATA, index_item.key, chunk)
            piece = match and match[0].data(match[1], match[2])
            if piece is None:
                return None
            data += piece
        return data if len(data) == size else None

    def _write_blob(self, namespace: int, key: bytes, data: "Buffer", first: int) -> None:
        if not 0 < len(key) <= MAX_KEY_BYTES:
            raise errors.esp_error(errors.NVS_KEY_TOO_LONG if key else errors.INVALID_ARG)
        if len(data) > (len(self.all_pages) - 1) * CHUNK_MAX_BYTES:
            raise errors.esp_error(errors.NVS_VALUE_TOO_LONG)
        written = 0
        try:
            written = self._write_chunks(namespace, key, memoryview(data), first)
        except OSError:
            for chunk in range(first, first + 0x7F):
                match = self.find(namespace, BLOB_DATA, key, chunk)
                if not match:
                    break
                match[0].erase_entry(match[1])
            raise
        index = struct.pack("<IBBH", len(data), written, first, 0xFFFF)
        self.pages[-1].write(namespace, BLOB_INDEX, key, index)

    def _write_chunks(self, namespace: int, key: bytes, data: memoryview, first: int) -> int:
        """Write the data in as many chunks as pages need; return their number."""
        done = count = 0
        while True:
            page = self.pages[-1]
            room = page.tailroom()
            small = room < len(data) or (room == 0 and len(data) == 0)
            if count == 0 and small and room < CHUNK_MAX_BYTES // 10:
                self.next_page()
                if self.pages[-1].tailroom() == room:
                    raise errors.esp_error(errors.NVS_NOT_ENOUGH_SPACE)
                continue
            if not room:
                raise errors.esp_error(errors.NVS_NOT_ENOUGH_SPACE)
            size = min(len(data) - done, room)
            page.write(namespace, BLOB_DATA, key, data[done : done + size], first + count)
            count += 1
            done += size
            if done < len(data) or room - size < ENTRY_BYTES:
                self.next_page()
            if done == len(data):
                return count
