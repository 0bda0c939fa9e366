"""What the tests of a boot in which the agent goes first share: a board, and an agent that the test plays."""

import sys

import enos_ota
import esp32
import images
import machine
from enos_ota import alone, journal
from helpers import Case

PENDING, VALID, ABORTED = 1, 2, 4
WHY = ("enos_boot", "why")
FAILS = ("enos_boot", "fails")
RESETS = ("enos_boot", "resets")
COMMAND = {"version": "3.0", "sign": "cd" * 32}


class Agent:
    """Stands for `Agent`: `script` says by the second what the agent is at. `made`: the agents made."""

    made = []
    clock = None
    network = "wifi"
    networks = ()
    script = staticmethod(lambda agent, second: None)
    error = None

    def __init__(self, **options) -> None:
        self.version = "1.0.0"
        Agent.made.append(self)
        if Agent.error:
            raise Agent.error
        self.options = options
        self.config = self
        self.wifi = Agent.networks
        self.select = self.kept = None
        self.is_open = False
        self.started_ms = Agent.clock.now_ms
        self.is_informed = False
        self.starved_ms = None
        self.digest = ""
        self.owes = False
        self.session = self
        self.is_closed = False
        self.fed = 0
        self.command = journal.load_command()

    def may_sleep(self):
        return not (self.digest or self.owes)

    def close(self) -> None:
        self.is_closed = True

    def keep_order(self) -> None:
        self.kept = self.is_closed

    async def run(self) -> None:
        sys.modules["asyncio"].create_task(self.feed())
        while True:
            Agent.script(self, (Agent.clock.now_ms - self.started_ms) // 1000)
            await sys.modules["asyncio"].sleep(0)

    async def feed(self) -> None:
        while True:
            self.fed += 1
            await sys.modules["asyncio"].sleep(0)


class Module:
    Agent = Agent
    select_first = "the first"


class OnBoard(Case):
    def setUp(self) -> None:
        super().setUp()
        for module in (alone, journal):
            self.patch(module, "log", lambda level, text: None)
        self.clock = Agent.clock = self.slow()
        self.slow_imports(self.clock)
        self.chip = esp32.power_up()
        self.chip.entry(0, 1, VALID)
        images.put("ota_0", images.image())
        machine.State.cause = machine.HARD_RESET
        sys.path.insert(0, "/app")  # as /boot.py left it
        Agent.made = []
        Agent.error = None
        Agent.networks = ()
        Agent.script = staticmethod(lambda agent, second: None)
        sys.modules.pop("enos_ota.agent", None)
        enos_ota.forget()

    def tearDown(self) -> None:
        if "/app" in sys.path:
            sys.path.remove("/app")
        super().tearDown()

    def first(self):
        """Let the agent go first; how many seconds it took, or None when there was none."""
        sys.modules["enos_ota.agent"] = Module
        start = self.clock.now_ms
        made = len(Agent.made)
        serve = alone.first()
        self.assertEqual(len(Agent.made), made)
        if not serve:
            return None
        enos_ota.forget()  # an upgrade in it does, and goes on
        serve()
        agent = Agent.made[-1]
        self.assertEqual(agent.options, {"alone": True})
        self.assertTrue(agent.kept)
        return (self.clock.now_ms - start) // 1000

    def script(self, act) -> None:
        Agent.script = staticmethod(act)
