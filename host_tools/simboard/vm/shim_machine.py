"""Module `machine`: resets, watchdog, clock."""

import time

from machine import idle
from vm_core import core

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
PIN_WAKE = 2
TIMER_WAKE = 4

_FREQUENCIES = (20_000_000, 40_000_000, 80_000_000, 160_000_000, 240_000_000)
_RTC_MEMORY_BYTES = 2048
_FEED_PERIOD_MS = 10


def reset():
    """Restart the chip."""
    core.stop("reset")


def soft_reset():
    """Restart the VM: travels as SystemExit, as on the chip."""
    raise SystemExit


def reset_cause():
    """One of the *_RESET constants."""
    return core.config["cause"]


def wake_reason():
    """TIMER_WAKE after a deep sleep that ended by itself."""
    return TIMER_WAKE if reset_cause() == DEEPSLEEP_RESET else 0


def unique_id():
    """The factory MAC address."""
    return bytes(int(part, 16) for part in core.board["mac"].split(":"))


def freq(hz=None):
    """CPU clock in Hz."""
    if hz is None:
        return core.volatile.get("freq", 160_000_000)
    if hz not in _FREQUENCIES:
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    core.volatile["freq"] = hz
    return None


def deepsleep(time_ms=None):
    """Switch off all but the RTC; without a time only a pin could wake the chip."""
    core.stop("sleep %d" % (-1 if time_ms is None else time_ms))


def lightsleep(time_ms=None):
    """Sleep with memory kept."""
    time.sleep_ms(0 if time_ms is None else time_ms)


def disable_irq():
    """Nothing interrupts this VM."""
    return 0


def enable_irq(state):
    """Nothing interrupts this VM."""


class WDT:
    """The task watchdog: one, not stoppable, re-armed by constructing it again."""

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self._fed_ms = time.ticks_ms()
        core.send("wdt %d" % timeout)

    def feed(self):
        """Begin the time-out again (told to the supervisor at most every 10 ms)."""
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._fed_ms) >= _FEED_PERIOD_MS:
            self._fed_ms = now_ms
            core.control.write(b"feed\n")


def _read_clock_offset():
    core.clock.seek(0)
    return float(core.clock.read(31))


def set_clock(unix_s):
    """Move the clock of this board: the file that libfaketime reads at each look at the time."""
    if core.clock is None:
        return
    offset_s = _read_clock_offset() + unix_s - time.time()
    core.clock.seek(0)
    core.clock.write("%+-31.6f\n" % offset_s)


class RTC:
    """The real-time clock and its memory: they outlive resets, not a power cut."""

    def datetime(self, value=None):
        """(year, month, day, weekday, hour, minute, second, microsecond)"""
        if value is None:
            now = time.time()
            t = time.gmtime(now)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], int(now % 1 * 1_000_000))
        year, month, day, _, hour, minute, second, microsecond = value
        unix_s = time.mktime((year, month, day, hour, minute, second, 0, 0, 0))
        set_clock(unix_s + microsecond / 1_000_000)
        return None

    def init(self, value):
        """Set the clock; here the hour follows the day."""
        year, month, day, hour, minute, second = value[:6]
        self.datetime((year, month, day, 0, hour, minute, second, value[7]))

    def memory(self, data=None):
        """At most 2048 bytes."""
        if data is None:
            core.rtc_memory.seek(0)
            length = int.from_bytes(core.rtc_memory.read(2), "little")
            return core.rtc_memory.read(length)
        if isinstance(data, str):
            data = data.encode()
        if len(data) > _RTC_MEMORY_BYTES:
            raise ValueError("buffer too long")
        core.rtc_memory.seek(0)
        core.rtc_memory.write(len(data).to_bytes(2, "little") + data)
        return None
