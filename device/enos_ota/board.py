"""The hardware: the only module that imports `esp32`, `machine` and `network`."""

import time

import esp32
import machine
import network
from esp32 import NVS, Partition
from micropython import const

_OTADATA = const(0)
_FIRST_OTA = const(0x10)  # subtype of ota_0
_EPOCH_2000 = const(946_684_800)  # Unix seconds at MicroPython's epoch on ESP32
_BLOB_BYTES = const(256)
_STARVED_BLOCK_BYTES = const(12_000)
_INVALID_LENGTH = const(0x110C)  # ESP_ERR_NVS_INVALID_LENGTH: the buffer is too short
_NAMESPACE = "enos_ota"
STUBS = "enos_boot"  # shared with /boot.py and /main.py

buffer: bytearray | None = None  # of 4 KiB, in the part that `room` had the heap grow by


def running() -> Partition:
    """The slot whose code executes."""
    return Partition(Partition.RUNNING)  # type: ignore[arg-type]  # the stubs want a label


def slot_index(slot: Partition) -> int:
    """0 for ota_0, 1 for ota_1, …; negative for a factory partition, 16 for a test partition."""
    return slot.info()[1] - _FIRST_OTA


def is_selected(slot: Partition) -> bool:
    """Whether the next reset will try this slot."""
    boot = Partition(Partition.BOOT)  # type: ignore[arg-type]
    return slot_index(boot) == slot_index(slot)


def slot_count() -> int:
    """Number of OTA slots in the partition table."""
    return len([p for p in Partition.find(Partition.TYPE_APP) if 0 <= slot_index(p) < 16])


def otadata() -> Partition:
    """The partition that holds the bootloader's choice.

    Raises: IndexError when the table has none.
    """
    return Partition.find(Partition.TYPE_DATA, _OTADATA)[0]


def load_blob(key: str, namespace: str = _NAMESPACE, size_bytes: int = 1024) -> bytes:
    """An NVS blob of at most `size_bytes`, or b"" when there is none."""
    most = min(_BLOB_BYTES, size_bytes)
    while True:
        buf = bytearray(most)  # most are short, and a long piece may not be free
        try:
            return bytes(memoryview(buf)[: _nvs(namespace).get_blob(key, buf)])
        except OSError as error:
            if abs(error.errno or 0) != _INVALID_LENGTH or most >= size_bytes:
                return b""
        most *= 2


def save_blob(key: str, value: bytes, namespace: str = _NAMESPACE) -> None:
    """Write an NVS blob. Power cut: the old or the new value remains.

    Raises: OSError(-4357) when NVS is full, also for a key that exists.
    """
    nvs = _nvs(namespace)
    nvs.set_blob(key, value)
    nvs.commit()


def load_int(key: str, namespace: str = _NAMESPACE) -> int:
    """An NVS integer, or 0 when there is none."""
    try:
        return _nvs(namespace).get_i32(key)
    except OSError:
        return 0


def save_int(key: str, value: int, namespace: str = _NAMESPACE) -> None:
    """Write an NVS integer: one entry of 32 bytes, none where it is the same already.

    Power cut: the old or the new value remains.
    Raises: OSError(-4357) when NVS is full.
    """
    nvs = _nvs(namespace)
    nvs.set_i32(key, value)
    nvs.commit()


def erase_blob(key: str) -> None:
    """Remove an NVS blob; that there is none is no error."""
    try:
        nvs = _nvs(_NAMESPACE)
        nvs.erase_key(key)
        nvs.commit()
    except OSError:
        pass


def _nvs(namespace: str) -> NVS:
    # MicroPython never closes an NVS handle: one each, or they eat the heap that TLS needs.
    if namespace not in _handles:
        _handles[namespace] = NVS(namespace)
    return _handles[namespace]


_handles: dict = {}


def watchdog(timeout_s: int):
    """Arm the watchdog, or give one that runs a new time-out; it cannot be stopped, only fed."""
    return machine.WDT(timeout=max(timeout_s, 1) * 1000)


def reset() -> None:
    """Reset the chip: does not return."""
    machine.reset()


def reset_because(reason: str) -> None:
    """Reset the chip, after keeping why for the next boot: does not return.

    Raises: MemoryError where there is none even for that; /main.py frees it, and resets.
    """
    try:
        save_blob("why", reason[:80].encode(), STUBS)
    except OSError:
        watchdog(1)  # NVS is full or broken: a reset by the watchdog is a reason too
        time.sleep(10)
    reset()


def was(kind: str) -> bool:
    """Whether the last reset was a `WDT_RESET`, `PWRON_RESET` (a brownout too) or another of `machine`."""
    return machine.reset_cause() == getattr(machine, kind)


def station():
    """The Wi-Fi station interface."""
    return network.WLAN(network.STA_IF)


def largest_free_block() -> int:
    """Bytes of the largest free block of the IDF heap, from which TLS takes its buffers."""
    return max([region[2] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])


def idf_free_bytes() -> int:
    """Bytes free in the IDF heap, in blocks of any size."""
    return sum([region[1] for region in esp32.idf_heap_info(esp32.HEAP_DATA)])


def is_starved() -> bool:
    """Whether Wi-Fi and a TLS handshake go without buffers: as a rule, since the Python heap has grown."""
    return largest_free_block() < _STARVED_BLOCK_BYTES


def least_free_bytes() -> int:
    """The least that the large region of the IDF heap had free since the reset."""
    return max(esp32.idf_heap_info(esp32.HEAP_DATA))[3]


def unix_time() -> int:
    """The clock in Unix seconds; a board without battery wakes up in the year 2000."""
    return time.time() + _EPOCH_2000


def set_clock(unix_s: int) -> None:
    """Set the clock."""
    t = time.gmtime(unix_s - _EPOCH_2000)
    machine.RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))


def ntp_time(host: str) -> int:
    """What an NTP server says, in Unix seconds; blocks for at most its 1 s time-out and a DNS look-up.

    Raises: OSError when there is no answer.
    """
    import ntptime

    ntptime.host = host
    return ntptime.time() + _EPOCH_2000
