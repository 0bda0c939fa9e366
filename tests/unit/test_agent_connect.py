"""The agent: what is prepared before a session, and in which order."""

import asyncio

from enos_ota.errors import DownloadError, LinkError
from fakeagent import Clocks, Contexts, Link, Session, Trial, WithAgent

PENDING = 1


class TestPrepare(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        Contexts.asked = []
        Contexts.errors = []
        self.acts = []
        for owner, name in (
            (Link, "up"),
            (Contexts, "make"),
            (Clocks, "settle"),
            (Clocks, "confirm"),
            (Trial, "prove_download"),
            (Session, "open"),
        ):
            self.note(owner, name)

    def note(self, owner, name) -> None:
        act = getattr(owner, name)

        def noted(*arguments):
            self.acts.append(name)
            return act(*arguments)

        self.patch(owner, name, noted)

    def connects(self, count=1, **settings) -> None:
        self.make(settings)
        self.drive(lambda: len(self.said("inform")) == count)

    def test_network_context_and_clock_come_before_the_session(self):
        self.connects()
        self.assertEqual(self.acts, ["up", "make", "settle", "confirm", "open"])

    def test_download_of_a_trial_is_proved_by_a_clock_that_is_confirmed(self):
        self.chip.entry(0, 1, PENDING)
        Trial.verdicts = ["passed"]
        self.connects()
        wanted = ["up", "make", "settle", "confirm", "prove_download", "open"]
        self.assertEqual(self.acts, wanted)

    def test_server_is_not_asked_for_the_time_of_a_day_that_one_confirmed(self):
        Clocks.is_known = True
        self.connects()
        self.assertEqual(self.acts, ["up", "make", "settle", "open"])

    def test_context_is_made_once_and_the_clock_looked_at_for_each_session(self):
        self.make()
        self.session.troubles = [LinkError("closed")] * 2
        self.drive(lambda: len(self.said("inform")) == 3)
        self.assertEqual(self.acts.count("make"), 1)
        self.assertEqual(self.acts.count("settle"), 3)
        self.assertEqual(self.acts.count("confirm"), 3)

    def test_context_that_cannot_be_made_is_made_anew_with_the_next_session(self):
        Contexts.errors = [LinkError("CA none is configured")] * 2
        states = []
        self.make(on_link=lambda state, reason: states.append((state, reason)))
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.acts.count("make"), 3)
        self.assertEqual(self.acts.count("settle"), 1)
        self.assertEqual(states, [("lost", "CA none is configured")] * 2 + [("connected", "")])

    def test_network_that_is_not_there_needs_neither(self):
        Link.errors = [LinkError("Wi-Fi")] * 3
        self.connects()
        self.assertEqual(self.acts, ["up"] * 4 + ["make", "settle", "confirm", "open"])

    def test_others_run_between_two_look_ups(self):
        # Each may block for as long as the watchdog allows.
        turns = []

        async def other() -> None:
            while True:
                turns.append(len(self.acts))
                await asyncio.sleep_ms(0)

        self.make()
        self.drive(lambda: self.said("inform"), other())
        self.assertTrue(1 in turns, turns)

    def test_refusal_by_a_date_of_whoever_it_is_doubts_the_clock(self):
        self.chip.entry(0, 1, PENDING)
        Trial.verdicts = ["passed"]
        refusals = [DownloadError("TLS refused: not valid yet (clock 2001-01-01)")] * 2

        async def prove_download(trial) -> None:
            if refusals:
                raise refusals.pop()

        self.patch(Trial, "prove_download", prove_download)
        self.connects()
        self.assertEqual(Clocks.doubts, [0, 1, 2])
