"""Time that only waiting moves: the modules `time`, `gc` and `sys` as the board sees them, and asyncio's clock.

A boot that waits a minute for EnOS takes milliseconds here, and the same ones each time.
"""

import asyncio
import builtins
import sys
import time

_EPOCH_2000 = 946_684_800
_BEGUN_S = 830_000_000  # since 2000, in April 2026: what the NTP server says at the beginning
_SPINS_PER_MS = 50
_BUILT_IN = ("binascii", "errno", "hashlib", "io", "json", "micropython", "os", "random", "struct")
_BUILT_IN += ("uctypes",)


class Clock:
    """The module `time` of the board.

    `watch` is called whenever time has passed: it may end the boot. rtc_s: the board's clock, in seconds since
    2000, which a power cut puts back.
    """

    ticks_diff = staticmethod(time.ticks_diff)
    ticks_add = staticmethod(time.ticks_add)

    def __init__(self, watch) -> None:
        # Above the real ticks for good: asyncio's queue in C still looks at those.
        self.now_ms = 1 << 44
        self._watch = watch
        self._start_ms = self.now_ms
        self._rtc_ms = -self.now_ms

    def ticks_ms(self):
        return self.now_ms

    def ticks_us(self):
        return self.now_ms * 1000

    def sleep_ms(self, duration_ms) -> None:
        self.now_ms += duration_ms
        self._watch()

    def sleep(self, duration_s) -> None:
        self.sleep_ms(int(duration_s * 1000))

    def time(self):
        return (self.now_ms + self._rtc_ms) // 1000

    def gmtime(self, seconds=None):
        return time.gmtime(_EPOCH_2000 + (self.time() if seconds is None else seconds))

    def set(self, seconds) -> None:
        """Set the board's clock."""
        self._rtc_ms = seconds * 1000 - self.now_ms

    def of_the_world(self):
        """What NTP tells."""
        return _BEGUN_S + self.passed_ms() // 1000

    def passed_ms(self):
        """Since the beginning."""
        return self.now_ms - self._start_ms


class _Queue:
    # asyncio's queue of sockets: there are none, so waiting is all that it does.
    clock = None

    def __init__(self) -> None:
        self.map = {}
        self._spins = 0

    def wait_io_event(self, duration_ms) -> None:
        if duration_ms > 0:
            self._spins = 0
            self.clock.sleep_ms(duration_ms)
            return
        self._spins += 1  # who only yields takes time too
        if self._spins == _SPINS_PER_MS:
            self._spins = 0
            self.clock.sleep_ms(1)

    def remove(self, task) -> None:
        pass


class _Module:
    """A module of one name."""


def install(clock, print_exception) -> None:
    """Give the board `clock`, a collector that only works when the heap is full, and a `pow` that remembers.

    How little memory is enough is tested elsewhere; collecting as often as the board does takes most of the time.
    There are three signatures in all.
    print_exception: what shows its tracebacks, or None.
    """
    _Queue.clock = clock
    asyncio.core.ticks = clock.ticks_ms
    asyncio.core.IOQueue = _Queue
    collector = _Module()
    collector.collect = lambda: 0
    collector.threshold = lambda *size: -1
    shown = _Module()
    shown.modules, shown.path, shown.implementation = sys.modules, sys.path, sys.implementation
    shown.print_exception = print_exception or (lambda *_: None)
    ntp = _Module()
    ntp.time = clock.of_the_world
    sys.modules.update({"time": clock, "gc": collector, "sys": shown, "ntptime": ntp})
    # Else each import of one looks for a file of that name first.
    sys.modules.update({name: __import__(name) for name in _BUILT_IN})
    known = {}
    power = pow

    def remembered(base, exponent, modulus):
        operands = base, exponent, modulus
        if operands not in known:
            known[operands] = power(*operands)
        return known[operands]

    builtins.pow = remembered
