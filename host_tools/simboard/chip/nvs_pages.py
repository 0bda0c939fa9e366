"""The pages of an NVS partition together (`nvs_pagemanager.cpp`, 5.5.2).

Pages fill one after another; one stays free. When the second last is needed, the page with most
erased entries is copied into it and freed.
"""

from . import errors, nvs_repair
from .nor import SECTOR_BYTES, Nor
from .nvs_item import ANY, CHUNK_ANY, ENTRY_COUNT, NAMESPACE_ANY, Item
from .nvs_page import ACTIVE, CORRUPT, FREEING, FULL, Page


class Pages:
    """All pages: `pages` in the order they were begun, `free` the rest."""

    def __init__(self, nor: Nor, address: int, size_bytes: int) -> None:
        self.all_pages = [
            Page(nor, address + i * SECTOR_BYTES) for i in range(size_bytes // SECTOR_BYTES)
        ]
        for page in self.all_pages:
            nvs_repair.load(page)
        self.pages = sorted((p for p in self.all_pages if p.listed), key=lambda p: p.sequence)
        self.free = [page for page in self.all_pages if not page.listed]
        self.next_sequence = self.pages[-1].sequence + 1 if self.pages else 0
        if self.pages:
            self._drop_older_duplicate()
            self._finish_freeing()
            if not self.free:
                raise errors.esp_error(errors.NVS_NO_FREE_PAGES)
        else:
            self._activate()

    def items(self, namespace: int, type: int) -> list[tuple[Page, int, Item]]:
        """Every (page, index, item) of a type."""
        found: list[tuple[Page, int, Item]] = []
        for page in self.pages:
            match = page.find(namespace, type, None)
            while match:
                index, item = match
                found.append((page, index, item))
                match = page.find(namespace, type, None, start=index + item.span)
        return found

    def _drop_older_duplicate(self) -> None:
        """Of the last item written, erase an older copy on another page."""
        last = None
        match = self.pages[-1].find(NAMESPACE_ANY, ANY, None)
        while match:
            index, last = match
            match = self.pages[-1].find(NAMESPACE_ANY, ANY, None, start=index + last.span)
        if last is None:
            return
        for page in self.pages[:-1]:
            old = page.find(last.namespace, last.type, last.key, last.chunk)
            if page.state != FREEING and old:
                page.erase_entry(old[0])
                return

    def _finish_freeing(self) -> None:
        """Repeat the move of a page that power interrupted."""
        for page in self.pages:
            if page.state != FREEING:
                continue
            newest = self.pages[-1]
            if newest.state == ACTIVE:
                newest.erase()
                self.pages.remove(newest)
                self.free.append(newest)
            self._activate()
            self._move(page, self.pages[-1])
            return

    def _activate(self) -> None:
        if not self.free:
            raise errors.esp_error(errors.NVS_NOT_ENOUGH_SPACE)
        page = self.free.pop(0)
        if page.state == CORRUPT:
            page.erase()
        page.sequence = self.next_sequence
        self.next_sequence += 1
        self.pages.append(page)

    def _request_page(self) -> None:
        """Begin a new page; if only the spare one is left, free the page with most to gain."""
        if len(self.free) >= 2:
            self._activate()
            return
        victim = min(self.pages, key=lambda page: page.used)
        if victim.used == ENTRY_COUNT:
            raise errors.esp_error(errors.NVS_NOT_ENOUGH_SPACE)
        self._activate()
        victim.change_state(FREEING)
        self._move(victim, self.pages[-1])

    def _move(self, source: Page, target: Page) -> None:
        source.copy_items(target)
        source.erase()
        self.pages.remove(source)
        self.free.append(source)

    def next_page(self) -> None:
        """Close the page that was written last and begin another."""
        if self.pages[-1].state != FULL:
            self.pages[-1].change_state(FULL)
        self._request_page()

    def find(
        self,
        namespace: int,
        type: int,
        key: bytes,
        chunk: int = CHUNK_ANY,
        version: "int | None" = None,
    ) -> "tuple[Page, int, Item] | None":
        """(page, index, item) of the first match, or None."""
        for page in self.pages:
            match = page.find(namespace, type, key, chunk, 0, version)
            if match:
                return (page,) + match
        return None
