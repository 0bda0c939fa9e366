"""Module `time`: epoch 2000, whole seconds, tuples of eight."""

import time as _unix
from time import (
    sleep,
    sleep_ms,
    sleep_us,
    ticks_add,
    ticks_cpu,
    ticks_diff,
    ticks_ms,
    ticks_us,
)

_EPOCH_2000 = 946_684_800


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
