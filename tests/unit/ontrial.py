"""What the tests of a trial share: an image on trial, and an agent and session that the test plays."""

import esp32
import images
import machine
from enos_ota import journal, orders, trial
from enos_ota.errors import LinkError
from enos_ota.trial import Trial
from helpers import Case, run

PENDING, VALID = 1, 2


class Config:
    trial_s = 600
    trial_app_s = 30


class Agent:
    """What a trial needs of agent and session. `script`: what `poll` does, in turn, by time."""

    version = "2.0"
    timeout_s = 0
    mode = "auto"
    context = "context"

    def __init__(self, clock) -> None:
        self.clock = clock
        self.config = Config()
        self.session = self.sock = self
        self.order = None
        self.trouble = ""
        self.application = self
        self.ended = ""
        self.late = False
        self.is_open = True
        self.started_ms = self.beat_ms = clock.now_ms
        self.received_ms = clock.now_ms - 1  # of SUBACK
        self.owed = []
        self.requests = []
        self.polls = self.pings = 0
        self.answer = {"code": 200}
        self.on_poll = None
        self.verdict = True

    def is_late(self):
        return self.late

    def self_test(self):
        self.tested_ms = self.clock.now_ms
        return self.verdict

    def owe(self, step, desc) -> None:
        self.owed.append((step, desc, esp32.chip.states()[1]))

    async def request(self, kind, params, tries=3):
        self.requests.append((kind, params))
        if self.answer is None:
            self.clock.sleep_ms(10_000 * tries)
            raise LinkError("no reply")
        if isinstance(self.answer, Exception):
            raise self.answer
        self.received_ms = self.clock.now_ms
        return self.answer

    def keep_order(self) -> None:
        journal.keep_command(journal.NEXT, self.order)

    def ping(self) -> None:
        self.pings += 1

    def poll(self) -> None:
        self.polls += 1
        if self.on_poll:
            self.on_poll()


class OnTrial(Case):
    def setUp(self) -> None:
        super().setUp()
        for module in (trial, journal):
            self.patch(module, "log", lambda level, text: None)
        self.clock = self.slow(trial)
        self.patch(orders, "owe", lambda agent, step, desc: agent.owe(step, desc))
        self.power_up()

    def power_up(self) -> None:
        """Another board, whose trial begins."""
        chip = self.chip = esp32.power_up()
        chip.entry(0, 1, VALID)
        chip.entry(1, 2, PENDING)
        chip.running = "ota_1"
        images.put("ota_1", images.image())
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.agent = Agent(self.clock)
        self.trial = Trial(self.agent)

    def prove(self) -> None:
        run(self.trial.prove())

    def fails(self, act, *words, alibi=0) -> None:
        """The act resets the board; the reason is kept, and nothing is marked."""
        try:
            act()
            raise AssertionError("no reset")
        except machine.Reset:
            pass
        for word in words:
            self.assertIn(word, journal.load()["desc"])
        self.assertEqual(journal.load()["state"], journal.TRIAL)
        self.assertEqual(journal.load()["alibi"], alibi)
        self.assertEqual(self.chip.states()[1], (2, PENDING))
        self.assertEqual(self.agent.owed, [])
