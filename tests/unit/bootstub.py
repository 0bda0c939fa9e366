"""What the tests of /boot.py share: a board, a release with files of its own, and a boot of it."""

import os
import struct
import sys

import vfs

import esp32
import images
import machine
from helpers import Case

NEW, PENDING, VALID, INVALID, ABORTED = range(5)
NVS = "enos_boot"
FS_OFFSET = 8192
FS_BLOCK = 512
FS_BLOCKS = 4


class Blocks:
    """A writable block device in a slot, past all rules of the flash: to make what a release holds."""

    def __init__(self, label) -> None:
        self.label = label

    def readblocks(self, block, buf, offset=0) -> None:
        buf[:] = images.get(self.label, FS_OFFSET + block * FS_BLOCK + offset, len(buf))

    def writeblocks(self, block, buf, offset=0) -> None:
        images.put(self.label, buf, FS_OFFSET + block * FS_BLOCK + (offset or 0))

    def ioctl(self, op, arg):
        return {4: FS_BLOCKS, 5: FS_BLOCK}.get(op, 0)


class OnBoard(Case):
    """A board on which /boot.py runs as often as a test lets it."""

    def setUp(self) -> None:
        super().setUp()
        self.path = sys.path[:]
        (self.folder,) = [f + "/boot" for f in self.path if is_there(f + "/boot/boot.mpy")]
        self.power_up((1, VALID))

    def tearDown(self) -> None:
        self.unmount()
        sys.path[:] = self.path
        super().tearDown()

    def unmount(self) -> None:
        for name in ("/app", "/rescue"):
            try:
                vfs.umount(name)
            except OSError:
                pass

    def power_up(self, *entries, running="ota_0", **ints) -> None:
        """Another board with these otadata entries, and these integers in NVS."""
        self.unmount()
        self.chip = esp32.power_up()
        self.chip.running = running
        for sector, entry in enumerate(entries):
            if entry:
                self.chip.entry(sector, *entry)
        for key, value in ints.items():
            self.chip.nvs[(NVS, key)] = value
        machine.State.cause = machine.HARD_RESET
        images.put(running, images.image())

    def put_files(self, **wrong) -> None:
        """A release with a file of its own in the running slot; `wrong` in its record."""
        image = images.image()
        record = bytearray(images.record_bytes(image, **wrong))
        struct.pack_into("<IIII", record, 16, FS_OFFSET, 0, FS_BLOCK, FS_BLOCKS)
        images.put(self.chip.running, record, 4096)
        blocks = Blocks(self.chip.running)
        vfs.VfsLfs2.mkfs(blocks)
        vfs.mount(vfs.VfsLfs2(blocks), "/app")
        write("/app/mine.txt", self.chip.running)
        vfs.umount("/app")

    def damage_files(self) -> None:
        images.put(self.chip.running, bytes(2 * FS_BLOCK), FS_OFFSET)

    def boot(self, cause=None):
        """Run /boot.py; the module, which shares its globals with /main.py."""
        self.unmount()
        machine.State.watchdog_ms = None
        if cause is not None:
            machine.State.cause = cause
        sys.path[:] = [self.folder]
        sys.modules.pop("boot", None)
        import boot

        return boot

    def fails(self):
        return self.chip.nvs.get((NVS, "fails"))


def read(name):
    with open(name) as file:
        return file.read()


def write(name, text) -> None:
    with open(name, "w") as file:
        file.write(text)


def is_there(name):
    try:
        os.stat(name)
        return True
    except OSError:
        return False
