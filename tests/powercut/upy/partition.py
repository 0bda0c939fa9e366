"""`esp32.Partition` of the board: what the erase of a null source does may be chosen, and reading is quick."""

import uctypes

import esp32
import machine
from machine import Reset

NULL_SOURCE = ("erases", "ignores", "refuses", "resets")
"""The last three: nothing happens, and no error; an error before it erases; the boot ends."""


class Partition(esp32.Partition):
    """Half of a sweep's time is the read-back of what was written: it goes to the flash by the shortest way."""

    rig = None
    file = None
    ignores = False

    def readblocks(self, block, buf, offset=0) -> None:
        if not self.rig.is_on:
            raise Reset
        start = block * 4096 + offset
        if start + len(buf) > self.row[3]:
            super().readblocks(block, buf, offset)  # which is an error
        self.file.seek(self.row[2] + start)
        self.file.readinto(buf)

    def writeblocks(self, block, buf, *offset) -> None:
        if not (self.ignores and uctypes.addressof(buf) == 0):
            super().writeblocks(block, buf, *offset)


def install(rig, null_source) -> None:
    """Give it to the board."""
    assert null_source in NULL_SOURCE, null_source
    Partition.rig = rig
    Partition.file = rig.state.flash.file
    Partition.ignores = null_source == "ignores"
    esp32.Partition = Partition

    def on(operation, label, offset, size):
        if operation == "fast" and null_source == "resets":
            rig.resets += 1
            rig.end_boot(machine.HARD_RESET)
        return operation == "fast" and null_source == "refuses"

    esp32.chip.on = on
