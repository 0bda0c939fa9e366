"""The agent: a board that lives. Failures are forgotten, a silent application is not."""

import asyncio

import machine
from enos_ota.errors import LinkError
from fakeagent import Link, WithAgent

PENDING = 1
FAILS = ("enos_boot", "fails")


class Lives(WithAgent):
    def lives(self, duration_s) -> None:
        """Drive for so long."""
        start = self.clock.now_ms
        self.drive(lambda: self.clock.now_ms - start > duration_s * 1000)

    def rests(self) -> None:
        """Tests drive for minutes: let each turn of the agent take seconds."""
        sleep_ms = self.clock.sleep_ms
        self.clock.sleep_ms = lambda duration_ms: sleep_ms(max(duration_ms, 1000))


class TestSettled(Lives):
    def fails(self, duration_s, **hooks):
        """What is left of four failures in a row after so long."""
        self.chip.nvs[FAILS] = 4
        self.make(**hooks)
        self.rests()
        self.lives(duration_s)
        return self.chip.nvs[FAILS]

    def test_failures_are_forgotten_after_five_minutes_with_the_application(self):
        self.assertEqual(self.fails(310), 0)

    def test_failures_are_not_forgotten_before(self):
        self.assertEqual(self.fails(290), 4)

    def test_failures_are_not_forgotten_by_an_agent_that_is_alone(self):
        # It is the application that failed.
        self.assertEqual(self.fails(400, alone=True), 4)

    def test_failures_are_not_forgotten_in_a_trial(self):
        self.chip.entry(0, 1, PENDING)
        Link.errors = [LinkError("Wi-Fi")] * 100
        self.assertEqual(self.fails(400), 4)

    def test_full_nvs_does_not_end_the_agent(self):
        self.chip.nvs_full = True
        self.assertEqual(self.fails(400), 4)
        self.assertTrue(self.session.is_open)


class TestLate(Lives):
    """The application promised to call `alive` every 20 s."""

    def feeds(self, *times_s):
        """How often the watchdog was fed by then."""
        fed = []
        start = self.clock.now_ms

        def done():
            if self.clock.now_ms - start > times_s[len(fed)] * 1000:
                fed.append(machine.State.feeds)
            return len(fed) == len(times_s)

        self.drive(done)
        return fed

    def test_silent_application_lets_the_watchdog_starve(self):
        self.make(app_timeout_s=20)
        early, before, after = self.feeds(5, 25, 85)
        self.assertTrue(early < before)
        self.assertEqual(before, after)

    def test_application_that_calls_alive_keeps_the_watchdog_fed(self):
        made = self.make(app_timeout_s=20)

        async def call():
            while True:
                made.alive()
                await asyncio.sleep_ms(0)

        start = self.clock.now_ms
        self.drive(lambda: self.clock.now_ms - start > 60_000, call())
        self.assertTrue(machine.State.feeds > 30)

    def test_application_without_a_promise_may_be_silent(self):
        self.make()
        before, after = self.feeds(25, 85)
        self.assertTrue(after - before > 30)
