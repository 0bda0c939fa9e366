"""The agent where not all is as usual: a thread, its own upgrade, a stray watchdog."""

import sys

import machine
from enos_ota.errors import LinkError
from enos_ota.firmware import read
from fakeagent import COMMAND, Link, Trial, Upgrade, WithAgent

PENDING = 1
WDT_S = ("enos_boot", "wdt_s")


class Threads:
    """Stands for the module `_thread`. stack_bytes: of a thread that is started now, 0 for the default."""

    def __init__(self, error=None) -> None:
        self.error = error
        self.stack_bytes = 0
        self.started = []

    def stack_size(self, size_bytes=0):
        former, self.stack_bytes = self.stack_bytes, size_bytes
        return former

    def start_new_thread(self, function, arguments) -> None:
        if self.error:
            raise self.error
        self.started.append(self.stack_bytes)


class TestThread(WithAgent):
    """An application that is a blocking function."""

    def start(self, error=None) -> None:
        self.threads = sys.modules["_thread"] = Threads(error)
        try:
            self.make(app=lambda: None)
            self.drive(lambda: self.said("inform"))
        finally:
            del sys.modules["_thread"]

    def test_thread_that_cannot_be_started_is_an_end_and_the_agent_goes_on(self):
        for error in (OSError(12), RuntimeError("can't create thread"), MemoryError("stack")):
            self.start(error)
            self.assertIn(repr(error), self.agent.application.ended)
            self.assertEqual(self.said("inform"), [{"version": "1.0.0"}])

    def test_stack_is_that_of_the_main_task_and_later_threads_have_the_default(self):
        self.start()
        self.assertEqual(self.threads.started, [16_384])
        self.assertEqual(self.threads.stack_bytes, 0)
        self.assertEqual(self.agent.application.ended, "")


class TestUpgrade(WithAgent):
    """`Agent.upgrade`, which the application may await at any time."""

    def test_upgrade_asked_for_in_a_trial_waits_for_its_end(self):
        on_trial = []

        def on_upgrade(firmware):
            on_trial.append(self.agent.trial is not None)

        self.chip.entry(0, 1, PENDING)
        Trial.verdicts = [LinkError("no answer"), "passed"]
        Upgrade.plan = ["hang"]
        self.make(on_upgrade=on_upgrade)
        self.assertIsNotNone(self.agent.trial)
        self.drive(lambda: Upgrade.begun, self.agent.upgrade(read(COMMAND)))
        self.assertEqual(Trial.verdicts, [])
        self.assertEqual(on_trial, [False])

    def test_upgrade_before_the_first_connection_fails_with_2_and_sends_nothing(self):
        # There is no TLS context yet: the file would come from anybody.
        self.make()
        Link.errors = [LinkError("Wi-Fi") for _ in range(20)]
        self.drive(lambda: self.agent.word, self.agent.upgrade(read(COMMAND)))
        self.assertEqual(self.agent.word, (-2, "2.0: not connected to EnOS yet"))
        self.assertEqual(Upgrade.begun, [])
        self.assertEqual(self.session.done, [])
        self.assertEqual(self.agent.digest, "")


class TestRefused(WithAgent):
    def test_refusal_is_forgotten_when_the_next_connection_fails_for_another_reason(self):
        heard = []

        def on_link(state, reason):
            heard.append((state, reason))
            if state == "refused":
                Link.errors = [LinkError("Wi-Fi")]

        self.make(on_link=on_link)
        self.session.refuses = True
        self.session.refusals = [LinkError("CONNACK 5")]
        self.drive(lambda: self.said("inform"))
        self.assertEqual(heard[:2], [("refused", "CONNACK 5"), ("lost", "Wi-Fi")])


class TestArmed(WithAgent):
    """/boot.py arms what the settings said in the boot before."""

    def test_watchdog_armed_by_former_settings_is_fed_with_a_wide_time_out(self):
        self.chip.nvs[WDT_S] = b"120"
        self.make({"watchdog_s": 0})
        self.assertEqual(machine.State.watchdog_ms, 3_600_000)
        self.drive(lambda: machine.State.feeds > 1)
        self.assertEqual(self.chip.nvs[WDT_S], b"0")

    def test_no_watchdog_is_armed_where_none_was_and_none_is_wanted(self):
        for stored in (b"0", b""):
            self.chip.nvs[WDT_S] = stored
            self.make({"watchdog_s": 0})
            self.assertIsNone(machine.State.watchdog_ms)
