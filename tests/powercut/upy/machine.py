"""`machine` of the board: a watchdog that bites, a reset that ends the boot, a clock."""

import time

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


class Reset(BaseException):
    """The boot is over; raised again by whatever the dying code still tries."""


class State:
    """cause: of the last reset. rig: the board."""

    cause = PWRON_RESET
    rig = None
    watchdog_ms = None
    fed_ms = 0


def reset():
    State.rig.end_boot(HARD_RESET)


def reset_cause():
    return State.cause


def freq(hertz=None):
    return 160_000_000


class WDT:
    def __init__(self, id=0, timeout=5000) -> None:
        State.rig.check_power()
        State.watchdog_ms = timeout
        self.feed()

    def feed(self) -> None:
        State.fed_ms = State.rig.clock.now_ms


class RTC:
    def datetime(self, fields=None):
        clock = State.rig.clock
        if fields is None:
            t = clock.gmtime()
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)
        year, month, day, _, hour, minute, second, _ = fields
        unix_s = time.mktime((year, month, day, hour, minute, second, 0, 0, 0))
        clock.set(unix_s - 946_684_800)
        return None


def watch(now_ms) -> None:
    """End the boot when the watchdog has not been fed."""
    if State.watchdog_ms is not None and now_ms - State.fed_ms > State.watchdog_ms:
        State.rig.end_boot(WDT_RESET)
