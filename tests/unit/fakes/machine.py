"""`machine` for unit tests: what the code did to the chip is kept in module variables."""

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


class Reset(BaseException):
    """`reset()` does not return; nothing in the device may catch it."""


class State:
    """cause: of the last reset. watchdog_ms: armed time-out, None if there is none. feeds: since it was armed."""

    cause = PWRON_RESET
    watchdog_ms = None
    feeds = 0
    hertz = 160_000_000
    clock = None


def reset():
    raise Reset


def reset_cause():
    return State.cause


def freq(hertz=None):
    if hertz is None:
        return State.hertz
    if hertz not in (80_000_000, 160_000_000, 240_000_000):
        raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
    State.hertz = hertz
    return None


class WDT:
    def __init__(self, id=0, timeout=5000) -> None:
        if id != 0 or timeout <= 0:
            raise ValueError
        State.watchdog_ms = timeout
        State.feeds = 0

    def feed(self) -> None:
        State.feeds += 1


class RTC:
    def datetime(self, fields=None):
        if fields is not None:
            State.clock = fields
        return State.clock
