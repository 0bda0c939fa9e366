"""What the tests of `clock` and `servertime` share: an agent, a clock, and what NTP and a server say."""

import esp32
from enos_ota import board, clock, servertime
from helpers import Case, run

DAY_S = 86_400
BUILD_S = 1_700_000_000  # of the release
NOW_S = 1_800_000_000
WOKEN_S = 946_684_800  # where a board without battery begins
DAY = ("enos_ota", "day")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def date(unix_s):
    """An HTTP date."""
    import time

    t = time.gmtime(unix_s)
    fields = (WEEKDAYS[t[6]], t[2], MONTHS[t[1] - 1], t[0], t[3], t[4], t[5])
    return "%s, %02d %s %04d %02d:%02d:%02d GMT" % fields


class Config:
    ntp = "ntp.local"
    http_broker = "https://broker"
    mqtt = "mqtts://broker"
    base_url = cert = ""
    pins = plain = ()


class Agent:
    context = "context"

    def __init__(self) -> None:
        self.config = Config()
        self.clock_set_s = self.doubts = 0
        self.floor_s = BUILD_S


class Timed(Case):
    """now_s: the clock; ntp: what NTP says, or the error it raises; server: the dates that the server tells."""

    def setUp(self) -> None:
        super().setUp()
        self.chip = esp32.power_up()
        self.lines = []
        for module in (clock, servertime):
            self.patch(module, "log", lambda level, text: self.lines.append(text))
        self.patch(board, "unix_time", lambda: self.now_s)
        self.patch(board, "set_clock", self.set_clock)
        self.patch(board, "ntp_time", self.ntp_time)
        self.patch(servertime, "_ask", self.ask)
        self.agent = Agent()
        self.now_s = WOKEN_S
        self.ntp = NOW_S
        self.server = []
        self.asked = []
        self.set = []

    def set_clock(self, unix_s) -> None:
        self.set.append(unix_s)
        self.now_s = unix_s

    def ntp_time(self, host):
        self.asked.append(host)
        if isinstance(self.ntp, Exception):
            raise self.ntp
        return self.ntp

    async def ask(self, agent, is_verified):
        self.asked.append(is_verified)
        return self.server.pop(0) if self.server else ""

    def settle(self, doubts=0):
        """What the clock is set to, or None."""
        self.agent.doubts = doubts
        self.set.clear()
        run(clock.settle(self.agent))
        return self.set[-1] if self.set else None

    def confirm(self) -> None:
        """As before each session."""
        if not clock.is_confirmed():
            run(servertime.confirm(self.agent))

    def saved(self):
        """The day that NVS holds."""
        return self.chip.nvs.get(DAY)
