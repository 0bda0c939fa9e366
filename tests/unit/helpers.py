"""What the unit tests share: patches that are undone, a clock that stands still, a loop that does not wait."""

import asyncio
import gc
import os
import random
import sys
import time

import unittest

_BACKGROUND_S = 60
_TICKS_MASK = (1 << 30) - 1
SCRATCH = "%s/enos-unit-%08x%08x" % (
    os.getenv("TMPDIR") or "/tmp",
    random.getrandbits(32),
    random.getrandbits(32),
)
"""What the names of a test's files begin with: nobody else's do."""


class Case(unittest.TestCase):
    """A test case whose patches are undone after each test."""

    def setUp(self) -> None:
        gc.collect()
        self._patched = []
        self._standing_in = {}

    def tearDown(self) -> None:
        while self._patched:
            module, name, value = self._patched.pop()
            setattr(module, name, value)
        for name, module in self._standing_in.items():
            sys.modules[name] = module
        self._standing_in = {}
        sys.modules["time"] = time
        sys.modules["asyncio"] = asyncio

    def assertEqual(self, x, y, msg="") -> None:
        """As ever, but the text is only made for a failure: of long bytes it would fill the heap."""
        if x != y:
            super().assertEqual(x, y, msg)

    def patch(self, module, name, value):
        """Replace a module's variable until the test ends; return the new value."""
        self._patched.append((module, name, getattr(module, name)))
        setattr(module, name, value)
        return value

    def stand_in(self, name, module):
        """Have `module` imported by that name until the test ends; return it."""
        self._standing_in.setdefault(name, __import__(name))
        sys.modules[name] = module
        return module

    def raised(self, kind, act, *args):
        """Call `act` and return the exception of exactly the class `kind` that it raises."""
        try:
            act(*args)
        except Exception as error:
            if type(error) is not kind:
                raise
            return error
        raise AssertionError("%s not raised" % kind.__name__)

    def is_reset(self, act, *args) -> bool:
        """Whether the act resets the board."""
        import machine

        try:
            act(*args)
        except machine.Reset:
            return True
        return False

    def trouble(self, act, *args):
        """Call `act`; the exception of any class that it raises, or None."""
        try:
            act(*args)
        except Exception as error:
            return error
        return None

    def slow(self, *modules):
        """Give the modules a clock that only sleeping moves, and a loop that sleeps by it."""
        clock = Clock()
        loop = Loop(clock)
        for module in modules:
            if hasattr(module, "time"):
                self.patch(module, "time", clock)
            if hasattr(module, "asyncio"):
                self.patch(module, "asyncio", loop)
        return clock

    def slow_imports(self, clock) -> None:
        """Give the same clock to the modules that are imported from now on, until the test ends."""
        sys.modules["time"] = clock
        sys.modules["asyncio"] = Loop(clock)


class Clock:
    """Stands for the module `time`, with the ticks of a chip; `on_sleep`, if set, is called after each sleep."""

    gmtime = staticmethod(time.gmtime)

    def __init__(self) -> None:
        self.now_ms = 5000
        self.on_sleep = None

    def ticks_ms(self):
        return self.now_ms & _TICKS_MASK

    @staticmethod
    def ticks_add(ticks, delta):
        return (ticks + delta) & _TICKS_MASK

    @staticmethod
    def ticks_diff(ticks, since):
        half = (_TICKS_MASK + 1) // 2
        return ((ticks - since + half) & _TICKS_MASK) - half

    def sleep_ms(self, duration_ms) -> None:
        self.now_ms += duration_ms
        if self.on_sleep:
            self.on_sleep()


class Loop:
    """Stands for the module `asyncio`: sleeping moves the clock and lets the others run.

    Whoever sleeps for minutes waits in the background: it is the others that move the clock.
    """

    CancelledError = asyncio.CancelledError
    create_task = staticmethod(asyncio.create_task)
    current_task = staticmethod(asyncio.current_task)
    new_event_loop = staticmethod(asyncio.new_event_loop)
    run = staticmethod(asyncio.run)
    core = asyncio.core

    def __init__(self, clock) -> None:
        self._clock = clock

    async def sleep_ms(self, duration_ms) -> None:
        self._clock.sleep_ms(duration_ms)
        await asyncio.sleep_ms(0)

    async def sleep(self, duration_s) -> None:
        if duration_s < _BACKGROUND_S:
            await self.sleep_ms(duration_s * 1000)
            return
        start_ms = self._clock.now_ms
        while self._clock.now_ms - start_ms < duration_s * 1000:
            await asyncio.sleep_ms(0)


def run(coroutine):
    """Run a coroutine in a loop of its own."""
    asyncio.new_event_loop()
    return asyncio.run(coroutine)


async def together(first, *others):
    """Await `first` while the others run; an exception of theirs is raised too."""
    tasks = [asyncio.create_task(other) for other in others]
    result = await first
    for task in tasks:
        await task
    return result
