"""What the tests of one upgrade share: a board, and an agent that notes what it is told."""

import asyncio
import sys

import enos_ota
import esp32
import images
import machine
import network
from contents import SECTOR, File
from enos_ota import journal, log
from enos_ota.errors import OtaError
from helpers import Case, run
from lossy import Module, Server

NEW, PENDING, VALID = range(3)
BUF = bytearray(SECTOR)


class Firmware:
    """A command for the file."""

    def __init__(self, file, **changes) -> None:
        self.version = "2.0"
        self.sign_method = "sha256"
        self.file_url = "https://h/f.bin"
        self.size_bytes = file.size
        for name, value in changes.items():
            setattr(self, name, value)
        if "sign" not in changes:
            self.sign = file.digest(self.sign_method)


class Pace:
    """Stands for the module `enos_ota.session`, for which a test has no room: `asked` is what it was asked."""

    asked = []

    @staticmethod
    def backoff_ms(spread_s, failures):
        Pace.asked.append((spread_s, failures))
        return spread_s * 1000


sys.modules["enos_ota.session"] = Pace


class Config:
    """The settings that an upgrade looks at."""

    network = "wifi"
    signature = "off"
    keys = revoked = ()
    downgrade = False
    upgrade_timeout_s = 7200
    spread_s = 32


class Agent:
    """What an upgrade needs of the agent."""

    context = "context"
    alone = False
    is_informed = True
    starved_ms = None

    def __init__(self) -> None:
        self.session = self
        self.config = Config()
        self.clock_set_s = self.floor_s = self.doubts = 0
        self.reports = []
        self.closed = self.hushed = False
        self.is_linked = True
        self.order = None

    def report(self, step, desc) -> None:
        self.reports.append((step, desc))

    def steps(self):
        return [step for step, _ in self.reports]

    def close(self) -> None:
        self.closed = True

    def keep_order(self) -> None:
        if self.order:
            journal.keep_command(journal.NEXT, self.order)


class OnChip(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        # What an upgrade imports takes these.
        self.patch(log, "log", lambda level, text: self.lines.append(text))
        self.patch(journal, "log", lambda level, text: None)
        self.clock = self.slow()
        self.slow_imports(self.clock)
        self.power_up()

    def tearDown(self) -> None:
        self.drop()
        super().tearDown()

    def drop(self) -> None:
        """Forget the upgrade before: its task holds it, and the heap has no room for two."""
        asyncio.new_event_loop()
        asyncio.core.cur_task = None
        self.server = Module.Source = None
        enos_ota.forget()

    def power_up(self) -> None:
        """Another board, on which nothing has happened yet."""
        self.chip = esp32.power_up()
        self.chip.entry(0, 1, VALID)
        images.put("ota_0", images.image(elf=b"O" * 32))
        self.chip.nvs[("enos_ota", "erase")] = b"O" * 32 + b"+"  # the fast erase is known to work
        self.agent = Agent()
        network.State.joined = "home"
        Pace.asked.clear()
        self.events = []
        self.chip.on = self.saw

    def saw(self, operation, label, offset, size) -> None:
        if operation != "read" and label == "ota_1":
            self.events.append((operation, self.state()))

    def is_armed(self):
        """Whether the bootloader would look at what is in the slot."""
        return images.get("ota_1", 0, 1) == b"\xe9"

    def state(self):
        """The journal's, without the memory that it takes to read it."""
        stored = self.chip.nvs[("enos_ota", "journal")]
        at = stored.find(b'"state": ')
        return journal.IDLE if at < 0 else stored[at + 9] - 48

    def work(self, file=None, server=None, **command):
        """An upgrade to `file`, which `server` or else one that does nothing wrong delivers."""
        self.drop()
        file = file or File()
        self.server = server or Server(file)
        Module.Source = self.server
        from enos_ota.upgrade import Upgrade

        work = Upgrade(self.agent, Firmware(file, **command), BUF)
        work.is_judged = True  # its tail: that has tests of its own
        return work

    def start(self, *arguments, **command):
        """Run an upgrade to its reset or error; what earlier ones of the test reported is forgotten."""
        self.agent.reports.clear()
        return run(self.work(*arguments, **command).run())

    def succeeds(self, *arguments, **command) -> None:
        try:
            self.start(*arguments, **command)
        except machine.Reset:
            return
        raise AssertionError("no reset")

    def fails(self, kind, *arguments, asked=False, **command):
        """The text of the error; nothing was selected, nor the chip `asked` for it, nor is it an image."""
        before = self.is_armed()
        try:
            self.start(*arguments, **command)
        except machine.Reset:
            raise AssertionError("the board was switched") from None
        except kind as error:
            self.assertTrue(kind is OtaError or type(error) is kind, type(error))
            self.assertEqual(("set_boot", journal.TRIAL) in self.events, asked)
            self.assertEqual(self.chip.states(), [(1, VALID), None])
            self.assertTrue(asked or before or not self.is_armed())
            return str(error)
        raise AssertionError(kind.__name__ + " not raised")

    def refused(self, kind, *arguments, **command):
        """The text of an error that left the other slot as it was."""
        self.events.clear()
        text = self.fails(kind, *arguments, **command)
        self.assertEqual(self.events, [])
        return text
