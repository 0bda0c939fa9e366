"""The agent: a board that lives. Failures are forgotten, a silent application is not."""

import asyncio

import machine
from enos_ota.errors import LinkError
from fakeagent import Link, WithAgent, agent
from helpers import Loop

PENDING = 1
FAILS = ("enos_boot", "fails")
RESETS = ("enos_boot", "resets")


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
        self.chip.nvs[FAILS] = self.chip.nvs[RESETS] = 4
        self.make(**hooks)
        self.rests()
        self.lives(duration_s)
        self.assertEqual(self.chip.nvs[RESETS], self.chip.nvs[FAILS])
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


class Patient(Loop):
    """Long waits are in the background, those in milliseconds too."""

    async def sleep_ms(self, duration_ms) -> None:
        if duration_ms < 60_000:
            await super().sleep_ms(duration_ms)
        else:
            await self.sleep(duration_ms // 1000)


class TestOffline(Lives):
    """The network is there, and the server is not."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(agent, "asyncio", Patient(self.clock))
        self.make()
        self.session.backoff_ms = lambda: 16 * 32_000
        self.session.refusals = [LinkError("refused")] * 100

    def test_watchdog_is_fed_through_the_longest_wait_for_it(self):
        longest_ms = 0
        last = [machine.State.feeds, self.clock.now_ms]

        def look():
            nonlocal longest_ms
            if machine.State.feeds != last[0]:
                longest_ms = max(longest_ms, self.clock.now_ms - last[1])
                last[:] = machine.State.feeds, self.clock.now_ms

        self.clock.on_sleep = look
        self.lives(2400)
        self.assertTrue(self.session.opened > 3)
        self.assertTrue(longest_ms <= 2000, longest_ms)
        self.assertTrue(self.clock.now_ms - last[1] <= 2000)

    def test_command_that_is_due_stays_due_though_ticks_wrap(self):
        # After 6.2 days what was due looks as if it were yet to come.
        def a_day():
            self.clock.now_ms += 86_400_000
            return 1000

        self.agent.order = {"version": "2.0"}
        self.agent.order_ms = self.clock.ticks_ms()
        self.session.backoff_ms = a_day
        self.drive(lambda: self.session.opened > 9)
        self.assertFalse(self.agent.may_sleep())


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
