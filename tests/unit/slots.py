"""What the tests of writing a slot share: a file of any length, and a board that says what its flash does."""

import esp32
import images
from enos_ota import slot
from enos_ota.slot import SlotWriter
from esp32 import Partition
from helpers import Case

SECTOR = 4096
BLOCK = 65536
FLAG = ("enos_ota", "erase")
BUF = bytearray(SECTOR)
PATTERN = memoryview(bytes(range(1, 252)) * 18)


def pattern(offset, size):
    """`size` bytes, at most 4 KiB, of a file whose sectors all differ and hold no 0xFF."""
    offset %= 251
    return PATTERN[offset : offset + size]


def write(writer, size, chunk=SECTOR) -> None:
    """Put the first `size` bytes of the pattern, in pieces of `chunk`."""
    done = 0
    while done < size:
        left = min(chunk, size - done)
        while left:
            space = writer.space()
            count = min(left, len(space))
            space[:count] = pattern(done, count)
            writer.taken(count)
            done += count
            left -= count
    writer.finish()


def holds(label, size):
    """Whether the slot holds the first `size` bytes of the pattern, the very first left blank."""
    if images.get(label, 0, 1) != b"\xff" or not images.same(
        label, 1, pattern(1, SECTOR - 1)[: size - 1]
    ):
        return False
    starts = range(SECTOR, size, SECTOR)
    return all(images.same(label, at, pattern(at, min(SECTOR, size - at))) for at in starts)


class OnChip(Case):
    table = esp32.TWO_SLOTS
    fast = b"+"  # what NVS says of the fast erase

    def setUp(self) -> None:
        super().setUp()
        self.patch(slot, "log", lambda level, text: None)
        self.chip = esp32.power_up(self.table)
        images.put("ota_0", images.image())
        if self.fast:
            self.chip.nvs[FLAG] = images.ELF + self.fast
        self.seen = []
        self.fault = lambda operation, offset: None
        self.chip.on = self.saw

    def saw(self, operation, label, offset, size):
        if operation != "read":
            self.seen.append((operation, offset // SECTOR))
        return self.fault(operation, offset)

    def writer(self, *state):
        return SlotWriter(Partition("ota_1"), BUF, *state)

    def count(self, operation):
        return len([1 for seen, _ in self.seen if seen == operation])
