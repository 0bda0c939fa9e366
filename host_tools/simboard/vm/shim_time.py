"""Module `time`: epoch 2000, whole seconds, tuples of eight."""

import time as _unix
from time import ticks_add, ticks_cpu, ticks_diff, ticks_us

from vm_core import core

_EPOCH_2000 = 946_684_800


def sleep(seconds):
    """Wait; what asks for the time or waits is where the growth of the heap is looked at."""
    core.heap.look()
    _unix.sleep(seconds)


def sleep_ms(ms):
    """Wait."""
    core.heap.look()
    _unix.sleep_ms(ms)


def sleep_us(us):
    """Wait."""
    core.heap.look()
    _unix.sleep_us(us)


def ticks_ms():
    """A counter of milliseconds."""
    if core.heap.opened:
        core.heap.look()
    return _unix.ticks_ms()


def time():
    """Seconds since 2000-01-01."""
    return int(_unix.time()) - _EPOCH_2000


def time_ns():
    """Nanoseconds since 2000-01-01."""
    return _unix.time_ns() - _EPOCH_2000 * 1_000_000_000


def gmtime(secs=None):
    """(year, month, day, hour, minute, second, weekday, yearday)"""
    return _unix.gmtime((time() if secs is None else int(secs)) + _EPOCH_2000)[:8]


localtime = gmtime


def mktime(t):
    """Seconds since 2000-01-01 of a tuple."""
    return int(_unix.mktime(tuple(t[:8]) + (0,))) - _EPOCH_2000
