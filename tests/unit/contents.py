"""Files that a board may be told to fetch, made on the fly: the heap of a test has no room for them."""

import binascii
import hashlib
import struct

import images

SECTOR = 4096


class Content:
    """A file as a server sees it, made on the fly: `byte(at)` of `size`."""

    def digest(self, method="sha256"):
        state = hashlib.md5() if method == "md5" else hashlib.sha256()
        self.feed(state, self.size)
        return binascii.hexlify(state.digest()).decode()

    def feed(self, state, size) -> None:
        piece = bytearray(64)
        for start in range(0, size, 64):
            count = min(64, size - start)
            for i in range(count):
                piece[i] = self.byte(start + i)
            state.update(memoryview(piece)[:count])


class File(Content):
    """A release of 8 KiB: image, padding, record."""

    def __init__(self, version="2.0", with_record=True, **kind) -> None:
        self.image = bytearray(images.image(**kind))
        self.record = images.record_bytes(self.image, version) if with_record else b""
        self.size = 2 * SECTOR if with_record else len(self.image)

    def byte(self, at):
        if at < len(self.image):
            return self.image[at]
        at -= SECTOR
        return self.record[at] if 0 <= at < len(self.record) else 0xFF


class Other(Content):
    """No release at all, but these bytes."""

    def __init__(self, data, size) -> None:
        self.data = data
        self.size = size

    def byte(self, at):
        return self.data[at] if at < len(self.data) else 0x20


class LongFile(Content):
    """An image alone, as long as its segments say. `wrong`: what the header of the n-th says instead."""

    def __init__(self, sizes, wrong=()) -> None:
        self.head = images.image(sizes=(512,) + (4,) * (len(sizes) - 1))[:24]
        self.places = []
        at = 24
        for number, size in enumerate(sizes):
            told = dict(wrong).get(number, size)
            self.places.append((at, struct.pack("<II", 0x3FFB0000, told)))
            at += 8 + size
        self.end = at
        self.size = (at | 15) + 1
        # All data is the same word, so that only the headers' checksum is to be made: of none.
        state = hashlib.sha256()
        self.feed(state, self.size)
        self.hash = state.digest()
        self.size += 32

    def byte(self, at):
        if at < 24:
            return self.head[at]
        if at < self.end:
            for place, header in self.places:
                if place <= at < place + 8:
                    return header[at - place]
            return b"\x32\x54\xcd\xab"[at % 4]
        at -= self.end | 15
        return 0 if at < 0 else 0xEF if at == 0 else self.hash[at - 1]
