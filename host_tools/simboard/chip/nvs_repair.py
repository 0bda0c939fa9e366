"""What a boot does to NVS pages before they are used: read them, undo what a power cut tore."""

import struct

from . import errors
from .nor import SECTOR_BYTES
from .nvs_item import ENTRY_COUNT, Item, data_crc
from .nvs_page import (
    ACTIVE,
    CORRUPT,
    EMPTY,
    ERASED,
    FREEING,
    FULL,
    ILLEGAL,
    UNINITIALIZED,
    VERSION_2,
    WRITTEN,
    Page,
)


def load(page: Page) -> None:
    """Read header and bitmap, and repair what a power cut left. Raises for an old version."""
    header = bytearray(32)
    page.nor.read(page.base, header)
    state, sequence, version = struct.unpack_from("<IIB", header, 0)
    if state == UNINITIALIZED:
        content = bytearray(SECTOR_BYTES)
        page.nor.read(page.base, content)
        page.reset(UNINITIALIZED if content == b"\xff" * SECTOR_BYTES else CORRUPT)
        return
    crc_wrong = struct.unpack_from("<I", header, 28)[0] != data_crc(header[4:28])
    if crc_wrong or state not in (ACTIVE, FULL, FREEING):
        page.reset(CORRUPT)
        return
    if version < VERSION_2:
        raise errors.esp_error(errors.NVS_NEW_VERSION_FOUND)
    page.reset(state)
    page.sequence = sequence
    page.nor.read(page.base + 32, page.table)
    page.used = sum(1 for i in range(ENTRY_COUNT) if page.entry_state(i) == WRITTEN)
    if state == ACTIVE:
        _find_free(page)
        _repair_active(page)
    else:
        _repair_full(page)


def _find_free(page: Page) -> None:
    free = 0
    while free < ENTRY_COUNT and page.entry_state(free) != EMPTY:
        free += 1
    page.next_free = free
    word = bytearray(4)
    while page.next_free < ENTRY_COUNT:
        page.nor.read(page.address(page.next_free), word)
        if word == b"\xff\xff\xff\xff":
            break
        page.set_states(page.next_free, page.next_free + 1, ERASED)
        page.next_free += 1


def _repair_active(page: Page) -> None:
    """Erase torn items, and the older one of two with the same name."""
    seen: dict[tuple[int, bytes, int], int] = {}
    index = 0
    while index < page.next_free:
        state = page.entry_state(index)
        if state == ILLEGAL:
            page.erase_entry(index)
        if state in (ERASED, ILLEGAL):
            index += 1
            continue
        item = page.item(index)
        if not item.consistent(index) or not _whole(page, item, index):
            page.erase_entry(index)
            index += 1
            continue
        name = (item.namespace, item.key, item.chunk)
        if name in seen:
            page.erase_entry(seen[name])
        seen[name] = index
        index += item.span


def _repair_full(page: Page) -> None:
    index = 0
    while index < ENTRY_COUNT:
        if page.entry_state(index) != WRITTEN:
            index += 1
            continue
        item = page.item(index)
        if not item.consistent(index):
            page.erase_entry(index)
            index += 1
            continue
        if not _whole(page, item, index):
            page.erase_entry(index)
        index += item.span


def _whole(page: Page, item: Item, index: int) -> bool:
    return all(page.entry_state(i) == WRITTEN for i in range(index, index + item.span))
