"""Whole slot files, as `enos-ota release` makes them: image, record, app file system, record, signature."""

import hashlib

import images
from contents import SECTOR, Content
from signed import BLOCK_BYTES, block, sign

APP = bytes(range(251))
_APP_SECTORS = 2
_IMAGE, _FIRST, _SECOND = 0, 1, 2 + _APP_SECTORS  # sectors; the signature's is the last
_signatures = {}
_BLOCK = bytearray(BLOCK_BYTES)  # one at a time: a heap in pieces has no room for another


class Release(Content):
    """A slot file of five sectors, and one more of a signature by key a.

    Attributes that a test may change: image; records, the first and the second; block, of the signature.
    """

    def __init__(self, version="2.0", signed=True, **fields) -> None:
        kind = {name: fields.pop(name) for name in ("elf",) if name in fields}
        self.image = bytearray(images.image(**kind))
        record = images.record_bytes(self.image, version, **fields)
        self.records = [bytearray(record), bytearray(record)]
        self.block = b""
        self.size = (_SECOND + 1) * SECTOR
        if signed:
            self.sign()
            self.size += SECTOR

    def sign(self) -> None:
        """Sign what the file is now."""
        state = hashlib.sha256()
        self.feed(state, (_SECOND + 1) * SECTOR)
        digest = state.digest()
        if digest not in _signatures:  # it takes a while
            _signatures[digest] = sign(digest)
        self.block = block(digest, _signatures[digest], into=_BLOCK)

    def byte(self, at):
        number, at = at // SECTOR, at % SECTOR
        if number == _IMAGE:
            data = self.image
        elif number == _FIRST:
            data = self.records[0]
        elif number == _SECOND:
            data = self.records[1]
        elif number > _SECOND:
            data = self.block
        else:
            return APP[at % 251]
        return data[at] if at < len(data) else 0xFF


class Plain(Content):
    """An image without a record, filled up to a sector and signed."""

    def __init__(self) -> None:
        self.image = images.image()
        self.block = b""
        self.size = 2 * SECTOR
        state = hashlib.sha256()
        self.feed(state, SECTOR)
        digest = state.digest()
        self.block = block(digest, sign(digest), into=_BLOCK)

    def byte(self, at):
        data = self.image if at < SECTOR else self.block
        at %= SECTOR
        return data[at] if at < len(data) else 0xFF
