"""The world of a case: a clock that only sleeping moves, budgets, and a console that is read.

Imported before anything of the device, which then finds the clock and the loop as `time` and `asyncio`.
"""

import builtins
import json
import os
import sys

import helpers
import machine

SECRET = "s3cr3t-of-the-device"
PASSWORD = "p4ssword-of-the-air"
_SECRETS = SECRET.encode(), PASSWORD.encode()
_NESTED = 150  # lists in lists: 16 KiB of stack, of which asyncio has some
_HALF_PERIOD = 1 << 29  # of a 32-bit chip's ticks


class Stuck(BaseException):
    """A budget is exceeded: what runs makes no progress, or waits longer than it may."""


class Meter:
    """What a case may use up. steps: operations of sockets and flash, and sleeps. limit_ms: time by the clock."""

    def __init__(self) -> None:
        self.problems = []
        self.begin(0, 0)

    def begin(self, steps, limit_ms) -> None:
        """A new case."""
        self.steps_left = steps
        self.end_ms = clock.now_ms + limit_ms
        self.problems = []

    def step(self, count=1) -> None:
        self.steps_left -= count
        if self.steps_left < 0:
            self.stuck("no end after that many operations")
        if clock.now_ms > self.end_ms:
            self.stuck("still at it after the longest time that it may take")

    def stuck(self, text) -> None:
        self.complain(text)
        raise Stuck(text)

    def complain(self, text) -> None:
        """Something is wrong that raises nothing."""
        if text not in self.problems:
            self.problems.append(text)


class Clock(helpers.Clock):
    """The chip's `time`: of 32 bits, from 2000 on; it raises for an interval that its ticks cannot measure."""

    def sleep_ms(self, duration_ms) -> None:
        super().sleep_ms(duration_ms)
        meter.step()

    def sleep(self, duration_s) -> None:
        self.sleep_ms(int(duration_s * 1000))

    def time(self):
        return 800_000_000 + self.now_ms // 1000

    @staticmethod
    def gmtime(seconds=None):
        if seconds is not None and not -(1 << 31) <= seconds < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        return helpers.Clock.gmtime() if seconds is None else helpers.Clock.gmtime(seconds)

    @staticmethod
    def ticks_add(ticks, delta):
        if not -_HALF_PERIOD <= delta < _HALF_PERIOD:
            raise OverflowError("ticks interval overflow")
        return helpers.Clock.ticks_add(ticks, delta)


class Json:
    """Stands for `json`: the stack of a chip ends sooner than this one, where what is nested is written."""

    load = json.load
    loads = json.loads

    @staticmethod
    def dumps(value):
        if _depth(value) > _NESTED:
            raise RuntimeError("maximum recursion depth exceeded")
        return json.dumps(value)


def _depth(value) -> int:
    # Without recursion, and with a list of what is still to be looked at.
    deepest = 0
    todo = [(value, 1)]
    while todo and deepest <= _NESTED:
        value, depth = todo.pop()
        if isinstance(value, (list, dict)):
            deepest = max(deepest, depth)
            inner = value.values() if isinstance(value, dict) else value
            todo += [(one, depth + 1) for one in inner if isinstance(one, (list, dict))]
    return deepest


class WDT(machine.WDT):
    """The chip takes the time-out as a C int of 32 bits."""

    def __init__(self, id=0, timeout=5000) -> None:
        if not -(1 << 31) <= timeout < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        super().__init__(id, timeout)


def console(*values, **_) -> None:
    """Stands for `print`: what the device says is one printable line, without secrets."""
    text = " ".join([str(value) for value in values])
    check_secret(text)
    if shows:
        real_print(text)
    if " enos: " in text:
        for char in text:
            if not " " <= char <= "~":
                meter.complain("a line of the log holds %r" % char)


def check_secret(text) -> None:
    """What can be read by others, text or bytes, holds no secret."""
    secrets = (SECRET, PASSWORD) if isinstance(text, str) else _SECRETS
    if secrets[0] in text or secrets[1] in text:
        meter.complain("a secret is shown: %r" % text)


real_print = print
shows = False  # what the device says, too
clock = Clock()
meter = Meter()
loop = helpers.Loop(clock)
sys.modules["time"] = clock
sys.modules["asyncio"] = loop
sys.modules["json"] = Json
machine.WDT = WDT
builtins.print = console
run = helpers.run


def stubs_folder() -> str:
    """Where /boot.py and /main.py are, compiled."""
    for folder in sys.path:
        try:
            os.stat(folder + "/boot/boot.mpy")
            return folder + "/boot"
        except OSError:
            pass
    raise OSError("no stubs")


def settings(**changes):
    """Settings as the device checks them."""
    from enos_ota.config import check

    known = {
        "product_key": "pk_demo",
        "device_key": "dk_demo",
        "device_secret": SECRET,
        "mqtt": "mqtts://broker",
        "http_broker": "https://enos",
        "base_url": "https://files",
        "keys": ["ab" * 32],
        "hosts": ["mirror:8443", "cdn.example"],
        "wifi": [{"ssid": "air", "password": PASSWORD}],
        "network": "external",
    }
    known.update(changes)
    return check(known)
