"""/boot.py with any otadata, NVS, image, record and file system: nothing may leave it, or /main.py never runs."""

import binascii
import struct
import sys

import vfs

import images
import machine
import past
import rig
from dice import mutate
from rig import meter

DECLARED = ()
SHARE = 0.5
_FS_OFFSET = 8192
_BLOCK = 512
_BLOCKS = 4
_WATCHDOG_MS = 60_000
_PATH = sys.path[:]
_FOLDER = rig.stubs_folder()


class _Ram:
    """A file system in memory."""

    def __init__(self) -> None:
        self.data = bytearray(_BLOCK * _BLOCKS)

    def readblocks(self, block, buf, offset=0) -> None:
        at = block * _BLOCK + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0) -> None:
        at = block * _BLOCK + (offset or 0)
        self.data[at : at + len(buf)] = buf

    def ioctl(self, op, arg):
        return {4: _BLOCKS, 5: _BLOCK}.get(op, 0)


def _files() -> bytes:
    ram = _Ram()
    vfs.VfsLfs2.mkfs(ram)
    vfs.mount(vfs.VfsLfs2(ram), "/app")
    with open("/app/mine.txt", "w") as file:
        file.write("mine")
    vfs.umount("/app")
    return bytes(ram.data)


_FILES = _files()


def make(dice):
    """A past, and the file system in the running slot."""
    parts = past.make(dice)
    running = parts[0][0]
    # Else nothing is mounted: the record gives its place.
    record = bytearray(parts[-1 if running else -3])
    if len(record) >= 32:
        offset = dice.often(_FS_OFFSET, 0, 0x1D0000, 0x1CFFFF, dice.word())
        count = dice.often(_BLOCKS, 0, 1, 3, 5, 4096)
        struct.pack_into(
            "<IIII",
            record,
            16,
            offset,
            _BLOCK * _BLOCKS,
            dice.often(_BLOCK, 1024, 256, 4096),
            count,
        )
        struct.pack_into("<I", record, 8, binascii.crc32(bytes(record[12:])))
        parts[-1 if running else -3] = bytes(record)
    return parts + [mutate(dice, _FILES) if dice.wrong(4) else _FILES]


def play(parts):
    chip = past.install(parts[:-1])
    images.put(chip.running, parts[-1], _FS_OFFSET)
    sys.path[:] = [_FOLDER]
    try:
        import boot

        from_slot = sys.path[0] == "/app"
        trouble = boot.files_trouble
    finally:
        found = sys.path[:]
        sys.path[:] = _PATH
        for name in ("/app", "/rescue"):
            try:
                vfs.umount(name)
            except OSError:
                pass
    if (
        found[0] not in ("/app", "/rescue")
        or ".frozen" not in found
        or not isinstance(trouble, str)
    ):
        meter.complain("sys.path is %r" % found)
    from enos_ota import otadata

    if otadata.on_trial() and not 0 < (machine.State.watchdog_ms or 0) <= _WATCHDOG_MS:
        meter.complain("a trial with a watchdog of %r ms" % machine.State.watchdog_ms)
    return "slot" if from_slot and not trouble else "trouble" if from_slot else "rescue"


def reset() -> None:
    sys.modules.pop("boot", None)
    from enos_ota import forget

    forget()
