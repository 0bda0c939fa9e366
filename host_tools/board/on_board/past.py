"""What the agent takes of the heap, the version of a plain image, and the past that a new beginning ends."""

import gc
import time

import esp32
import machine

_ELF_AT = 176
_FIRST_OTA = 0x10
_EPOCH_2000 = 946_684_800


def agent_ram():
    """Bytes of the heap that importing the waiting layer takes; None where there is no agent."""
    gc.collect()
    before = gc.mem_alloc()
    try:
        __import__("enos_ota.agent")
    except ImportError:
        return None
    gc.collect()
    return gc.mem_alloc() - before


def name_version(version):
    """Keep the version of a slot without a release record, with the image that it belongs to."""
    slot = esp32.Partition(esp32.Partition.RUNNING)
    elf = bytearray(32)
    slot.readblocks(0, elf, _ELF_AT)
    nvs = esp32.NVS("enos_ota")
    nvs.set_blob("plain%d" % (slot.info()[1] - _FIRST_OTA), bytes(elf) + version.encode())
    nvs.commit()


def clear_failures():
    """Forget failures of what ran before: it was not the fault of what comes now."""
    nvs = esp32.NVS("enos_boot")
    nvs.set_i32("fails", 0)
    nvs.set_i32("resets", 0)
    nvs.set_blob("why", b" ")
    nvs.commit()


def set_clock(unix_s):
    """Set the clock: it goes on through the reset, and the first connect needs no NTP."""
    t = time.gmtime(unix_s - _EPOCH_2000)
    machine.RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))
