"""What the tests of the way back share: two slots with whole releases, as `enos-ota release` makes them."""

import binascii
import hashlib
import struct

import esp32
import images
import machine
from enos_ota import journal, rescue
from helpers import Case

NEW, PENDING, VALID, INVALID, ABORTED = range(5)
FS = b"app file system " * 160  # 2560 bytes: pieces of the reader, and a part of one
FS_OFFSET = 8192


def put(label, version, elf=images.ELF, fs=FS, **fields) -> None:
    """Put a release with an app file system into a slot."""
    image = images.image(elf=elf)
    record = bytearray(images.record_bytes(image, version, **fields))
    struct.pack_into("<II", record, 16, FS_OFFSET, len(fs))
    record[80:112] = hashlib.sha256(fs).digest()
    struct.pack_into("<I", record, 8, binascii.crc32(memoryview(record)[12:]))
    images.put(label, image)
    images.put(label, record, 4096)
    images.put(label, fs, FS_OFFSET)


class TwoReleases(Case):
    """ota_0 runs 2.0, to which ota_1 with 1.0 was upgraded: the otadata and the journal of that."""

    def setUp(self) -> None:
        super().setUp()
        for module in (journal, rescue):
            self.patch(module, "log", lambda level, text: None)
        self.power_up()

    def power_up(self, *entries, **record) -> None:
        """Another board; its otadata entries and the journal's record, where they differ."""
        machine.State.cause = machine.HARD_RESET
        chip = self.chip = esp32.power_up()
        for sector, entry in enumerate(entries or ((3, VALID), (2, VALID))):
            if entry:
                chip.entry(sector, *entry)
        put("ota_0", "2.0", elf=b"N" * 32)
        put("ota_1", "1.0")
        kept = {"state": journal.IDLE, "slot": 0, "sign": "ab" * 32, "size": 12_288}
        kept.update(record)
        journal.save(**kept)
