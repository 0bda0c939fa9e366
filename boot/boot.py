# Stub ABI 1. Runs before anything that an upgrade can replace, and is itself never upgraded: it knows
# no network and no protocol. It counts failures, arms the watchdog, and mounts the running
# slot's files at /app. Where they cannot be used, the copy of the agent in /rescue.fs is the one that runs.
# Nothing may leave it as an exception: MicroPython would then never run main.py.
import micropython

try:
    # Ctrl-C in here would leave /main.py without its files, and end a trial.
    micropython.kbd_intr(-1)
    for _ in (0, 1):
        pass  # one that came before strikes at a jump
except KeyboardInterrupt:
    pass

import binascii
import struct
import sys

import esp32
import machine
import vfs
from micropython import const

_TRIAL_WATCHDOG_MS = const(60000)
_DAY_S = const(86400)
_RESCUE_BLOCK = const(512)
_ENOENT = const(2)
_RESCUE_FAILS = const(6)  # in a row; the release itself acts on the third


class SlotFiles:
    # Read-only block device over the file system that follows the image in a slot.
    def __init__(self, slot, offset, block_size, block_count):
        self.slot = slot
        self.offset = offset
        self.block_size = block_size
        self.block_count = block_count

    def readblocks(self, block, buf, offset=0):
        self.slot.readblocks(0, buf, self.offset + block * self.block_size + offset)

    def writeblocks(self, block, buf, offset=0):
        raise OSError(30)  # EROFS

    def ioctl(self, op, arg):
        if op == 4:
            return self.block_count
        if op == 5:
            return self.block_size
        return 0


def load_count(nvs, key):
    try:
        return nvs.get_i32(key)
    except OSError:
        return 0


def count(nvs, is_trial):
    # Failures in a row: resets by the watchdog, or with a reason that /main.py kept. One is forgiven after a
    # trial, since it was the other image's. And resets without a reason: machine.reset() and panics look alike.
    # The agent clears both after some uptime. A reason outlives power cuts, and counts once.
    fails = load_count(nvs, "fails")
    resets = load_count(nvs, "resets")
    cause = machine.reset_cause()
    if is_trial:
        fails = -1
        resets = 0
    elif cause == machine.WDT_RESET or (cause != machine.PWRON_RESET and has_reason(nvs)):
        fails += 1
    elif cause == machine.DEEPSLEEP_RESET:
        fails = resets = 0
    elif cause == machine.HARD_RESET:
        resets += 1
    try:
        nvs.set_i32("fails", fails)
        nvs.set_i32("resets", resets)
        nvs.commit()
    except OSError as error:
        print("boot: not counted:", error)  # NVS is full: what it holds counts all the same
    return fails


def has_reason(nvs):
    text = bytearray(320)  # 80 characters
    try:
        return bool(text[: nvs.get_blob("why", text)].strip())
    except OSError:
        return False


def on_trial(slot):
    # The bootloader marks the entry of an image that it starts for the first time PENDING_VERIFY (1).
    slots = len([p for p in esp32.Partition.find(0) if 0x10 <= p.info()[1] < 0x20])
    otadata = esp32.Partition.find(1, 0)[0]
    entry = bytearray(32)
    for sector in (0, 1):
        otadata.readblocks(sector, entry)
        seq, state, crc = struct.unpack("<I20xII", entry)
        if state == 1 and crc == binascii.crc32(entry[:4], 0xFFFFFFFF):
            if 0x10 + (seq - 1) % slots == slot.info()[1]:
                return True
    return False


def arm_watchdog(nvs, is_trial):
    # Twice if need be, the setting first: constructing it again only changes the time-out.
    timeout_ms = 0
    text = bytearray(8)
    try:
        timeout_ms = min(max(int(bytes(text[: nvs.get_blob("wdt_s", text)])), 0), _DAY_S) * 1000
    except Exception:
        pass  # no such setting, or no NVS at all: a trial needs its watchdog in any case
    if timeout_ms:
        machine.WDT(timeout=timeout_ms)
    if is_trial:
        machine.WDT(timeout=min(timeout_ms or _TRIAL_WATCHDOG_MS, _TRIAL_WATCHDOG_MS))


def image_length(slot):
    head = bytearray(24)
    slot.readblocks(0, head, 0)
    end = 24
    for _ in range(head[1]):
        segment = bytearray(8)
        slot.readblocks(0, segment, end)
        end += 8 + struct.unpack("<4xI", segment)[0]
    return (end | 15) + 1 + (32 if head[23] else 0)


def mount_slot_files(slot):
    length = image_length(slot)
    digest = bytearray(32)
    slot.readblocks(0, digest, length - 32)
    record = bytearray(80)
    slot.readblocks(0, record, (length + 4095) & ~4095)
    magic, image_bytes, offset, _, block_size, count = struct.unpack("<4s8xIIIII", record)
    if magic != b"EnRR" or image_bytes != length or record[48:80] != digest:
        print("boot: this slot has no release record")
        return False
    if offset:
        files = SlotFiles(slot, offset, block_size, count)
        vfs.mount(vfs.VfsLfs2(files), "/app", readonly=True)  # type: ignore[abstract,arg-type]
    return True


class FileFiles:
    # What SlotFiles reads from, in a file.
    def __init__(self, name):
        self.file = open(name, "rb")  # noqa: SIM115 - as long as it is mounted

    def readblocks(self, _, buf, offset):
        self.file.seek(offset)
        self.file.readinto(buf)


def mount_rescue():
    # The agent's copy. One file: here each module would take a block of 4 KiB.
    files = FileFiles("/rescue.fs")
    size = files.file.seek(0, 2)
    blocks = SlotFiles(files, 0, _RESCUE_BLOCK, size // _RESCUE_BLOCK)
    vfs.mount(vfs.VfsLfs2(blocks), "/rescue", readonly=True)  # type: ignore[abstract,arg-type]


def add_copied_agent():
    # For a plain image: what is frozen into it or lies in /lib comes first.
    try:
        mount_rescue()
        sys.path.append("/rescue")
    except OSError as error:
        if error.errno != _ENOENT:
            raise


def guarded(step, *arguments):
    try:
        return step(*arguments)
    except BaseException as error:
        print("boot:", step)
        sys.print_exception(error)
        trouble[step] = error


sys.path[:] = ["/app", "", ".frozen", "/lib"]
trouble: dict = {}  # step -> what it raised
_nvs = guarded(esp32.NVS, "enos_boot")
_slot = guarded(esp32.Partition, esp32.Partition.RUNNING)
_is_trial = guarded(on_trial, _slot)
guarded(arm_watchdog, _nvs, _is_trial)
_fails = guarded(count, _nvs, _is_trial) or 0
# Every other time: a copy that fails, too, must not keep the slot from ever running again.
_gives_up = _fails >= _RESCUE_FAILS and not _fails % 2
if not _gives_up and guarded(mount_slot_files, _slot) is False:
    guarded(add_copied_agent)
files_trouble = ""  # for /main.py
if mount_slot_files in trouble:
    files_trouble = "the app file system does not mount: %r" % trouble[mount_slot_files]
if not _is_trial and (_gives_up or files_trouble):
    sys.path[0] = "/rescue"
    guarded(mount_rescue)
for _name in (
    "load_count",
    "count",
    "has_reason",
    "on_trial",
    "arm_watchdog",
    "image_length",
    "mount_slot_files",
    "mount_rescue",
    "add_copied_agent",
    "FileFiles",
    "guarded",
    "trouble",
):
    globals().pop(_name)  # main.py shares these globals: their memory is the release's
micropython.kbd_intr(3)
