"""An agent whose session, link and upgrade are played by the test; `Agent` itself is the real one.

The heap of a test has no room for all of them, and each has tests of its own.
"""

import asyncio
import json
import sys

import esp32
import images
import machine
from enos_ota.errors import LinkError
from helpers import Case, run

KEYS = {"product_key": "pk", "device_key": "dk", "device_secret": "s", "mqtt": "mqtts://h"}
COMMAND = {
    "version": "2.0",
    "sign": "ab" * 32,
    "signMethod": "sha256",
    "fileUrl": "https://h/f.bin",
    "fileSize": 8192,
}
NOW_S = 1_800_000_000
KEPT = dict(COMMAND, at=NOW_S)
"""What NVS holds of the command at work."""


class Session:
    """`answers`: kind -> reply, None for no reply, or an exception to raise. `done`: what was asked, in order."""

    made = None

    def __init__(self, config, login, on_upgrade) -> None:
        Session.made = self
        self.deliver = on_upgrade
        self.sock = self
        self.is_open = self.refused = self.refuses = False
        self.opened = self.closed = self.failures = 0
        self.refusals = []
        self.troubles = []
        self.answers = {
            "inform": {"code": 200},
            "progress": {"code": 200},
            "getversion": {"code": 200, "data": []},
        }
        self.done = []
        self.tries = []

    async def open(self, context) -> None:
        self.opened += 1
        self.refused = self.refuses
        if self.refusals:
            raise self.refusals.pop(0)
        self.is_open = True

    def close(self) -> None:
        self.closed += 1
        self.is_open = False

    def backoff_ms(self):
        return 1000

    def poll(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)

    def send(self, kind, params):
        if not self.is_open:
            raise LinkError("closed")
        self.done.append((kind, params))

    def reply(self, tail, payload) -> None:
        self.done.append((tail, json.loads(payload)))

    async def request(self, kind, params, tries=3):
        self.done.append((kind, params))
        self.tries.append(tries)
        answer = self.answers[kind]
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else {"code": 200}
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            for _ in range(5):
                await asyncio.sleep_ms(0)
            raise LinkError("no reply to " + kind)
        return answer


class Link:
    """Stands for the module `link`. errors: raised by `up`, in turn."""

    errors = []

    @classmethod
    def prepare(cls, agent):
        return cls.up(agent)

    @staticmethod
    async def up(agent) -> None:
        if Link.errors:
            raise Link.errors.pop(0)


class Clocks:
    """Stands for the modules `clock` and `servertime`.

    floors, known_s, doubts: what it found in the agent, the last eight times.
    """

    ANSWER_S = NOW_S  # of NTP
    floors = []
    known_s = []
    doubts = []
    confirmed = 0
    is_known = False  # the day

    @classmethod
    async def settle(cls, agent) -> None:
        del cls.floors[:-8], cls.known_s[:-8], cls.doubts[:-8]  # some tests connect for hours
        cls.known_s.append(agent.clock_set_s)
        cls.floors.append(agent.floor_s)
        cls.doubts.append(agent.doubts)
        agent.clock_set_s = cls.ANSWER_S

    @classmethod
    def is_confirmed(cls):
        return cls.is_known

    @classmethod
    async def confirm(cls, agent) -> None:
        cls.confirmed += 1


class Upgrade:
    """`plan`: what each upgrade does in turn: an exception, "reset", "hang", or a function that returns one.

    trouble: what making one raises, as if its import did.
    """

    plan = []
    begun = []
    cancelled = []
    trouble = None
    buf = None  # that the last one was given

    def __init__(self, agent, firmware, buf) -> None:
        assert len(buf) == 4096
        if Upgrade.trouble:
            raise Upgrade.trouble
        Upgrade.buf = buf
        self.version = firmware.version
        Upgrade.begun.append(firmware.version)

    async def run(self) -> None:
        deed = Upgrade.plan.pop(0)
        if callable(deed):
            deed = deed()
        if deed == "reset":
            machine.reset()
        try:
            while deed == "hang":
                await asyncio.sleep_ms(0)
        except asyncio.CancelledError:
            Upgrade.cancelled.append(self.version)
            raise
        await asyncio.sleep_ms(0)
        raise deed


class Contexts:
    """Stands for the module `contexts`: the CAs that it was told of; errors: raised by `make`, in turn."""

    asked = []
    errors = []

    @classmethod
    def make(cls, config):
        if cls.errors:
            raise cls.errors.pop(0)
        cls.asked.append(config.ca)
        return "context"


class Trial:
    """`verdicts`: what each `prove` raises in turn, or "passed".

    downloads: of each proof of the download path, whether there was a session beside it.
    """

    verdicts = []
    downloads = []
    watched = 0

    def __init__(self, agent) -> None:
        self.agent = agent

    def watch(self) -> None:
        Trial.watched += 1

    async def prove_download(self) -> None:
        Trial.downloads.append(self.agent.is_linked)

    async def prove(self) -> None:
        self.agent.session.done.append(("prove", {}))
        verdict = Trial.verdicts.pop(0)
        if verdict != "passed":
            raise verdict
        from enos_ota import orders

        orders.owe(self.agent, 100, "2.0")


class Module:
    """A module of one name."""


class Trusts:
    """Stands for the module `trust`: what it was asked to keep, or the error that it raises."""

    kept = []
    error = None

    @staticmethod
    def extended(settings):
        return settings

    with_revoked = extended

    @classmethod
    def keep(cls, config) -> None:
        cls.kept.append(config)
        if cls.error:
            raise cls.error


def played(name, **content) -> None:
    module = Module()
    for key, value in content.items():
        setattr(module, key, value)
    sys.modules["enos_ota." + name] = module


sys.modules["enos_ota.link"] = Link
played("session", Session=Session)
played("upgrade", Upgrade=Upgrade)
played("trial", Trial=Trial)
sys.modules["enos_ota.contexts"] = Contexts
sys.modules["enos_ota.clock"] = sys.modules["enos_ota.servertime"] = Clocks
sys.modules["enos_ota.trust"] = Trusts
import enos_ota  # noqa: E402
from enos_ota import agent, application, board  # noqa: E402

# Or they would be imported anew: the real ones.
enos_ota._WAITING += " link upgrade trial contexts clock servertime trust"


class WithAgent(Case):
    """A board that runs release 1.0.0 in ota_0; `make` the agent, then `drive` it."""

    def setUp(self) -> None:
        super().setUp()
        self.was_reset = False
        self.patch(agent, "log", lambda level, text: None)
        self.patch(board, "unix_time", lambda: NOW_S)
        self.clock = self.slow(agent, application)
        self.slow_imports(self.clock)
        agent.Agent._wdt = None
        chip = self.chip = esp32.power_up()
        chip.entry(0, 1, 2)
        image = images.image()
        images.put("ota_0", image)
        images.put("ota_0", images.record_bytes(image, "1.0.0"), 4096)
        machine.State.watchdog_ms = None
        machine.State.cause = machine.HARD_RESET
        Link.errors = []
        Clocks.floors = []
        Clocks.known_s = []
        Clocks.doubts = []
        Clocks.confirmed = 0
        Clocks.is_known = False
        Trusts.kept = []
        Trusts.error = None
        Upgrade.trouble = None
        Upgrade.plan = []
        Upgrade.begun = []
        Upgrade.cancelled = []
        Trial.verdicts = []
        Trial.downloads = []

    def tearDown(self) -> None:
        self._drop()
        super().tearDown()

    def _drop(self) -> None:
        # The tasks of an agent hold it, and a heap as small as a board's cannot hold two.
        asyncio.new_event_loop()
        asyncio.core.cur_task = None
        self.agent = self.session = Session.made = None
        enos_ota.forget()

    def make(self, settings=(), **hooks):
        self._drop()
        self.agent = agent.Agent(dict(KEYS, **dict(settings)), **hooks)
        self.session = Session.made
        return self.agent

    def drive(self, done, *others) -> None:
        """Run the agent until `done()`; a board that resets ends it too."""

        async def main():
            asyncio.create_task(self.agent.run())
            for other in others:
                asyncio.create_task(other)
            for _ in range(4000):
                if done():
                    return
                await asyncio.sleep_ms(0)
            raise AssertionError("never: " + repr(self.session.done))

        try:
            run(main())
        except machine.Reset:
            self.was_reset = True

    def said(self, kind):
        """The params or payloads of all requests of a kind."""
        return [params for name, params in self.session.done if name == kind]

    def steps(self):
        return [params["step"] for params in self.said("progress")]

    def command(self, **changes) -> None:
        self.session.deliver({"id": "7", "params": dict(COMMAND, **changes)})

    def journal(self):
        from enos_ota import journal

        return journal.load()
