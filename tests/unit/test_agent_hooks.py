"""The agent: trial, watchdog, application."""

import asyncio

import machine
from enos_ota.errors import LinkError
from fakeagent import Link, Trial, Upgrade, WithAgent


class TestTrial(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.chip.entry(0, 1, 1)  # PENDING
        Trial.verdicts = ["passed"]

    def asked(self):
        return [kind for kind, _ in self.session.done]

    def test_trial_is_passed_and_100_said_before_the_version_is_informed(self):
        self.make()
        self.assertFalse(self.agent.may_sleep())
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.asked(), ["prove", "progress", "inform"])
        self.assertEqual(self.steps(), ["100"])
        self.assertTrue(self.agent.may_sleep())

    def test_trial_goes_on_with_the_next_session(self):
        Trial.verdicts = [LinkError("closed"), LinkError("no answer to pings"), "passed"]
        self.make()
        self.session.refusals = [LinkError("refused")] * 2
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.asked()[:3], ["prove"] * 3)

    def test_trial_is_watched_though_no_link_comes_up(self):
        self.make()
        Link.errors = [LinkError("Wi-Fi")] * 100
        Trial.watched = 0
        self.drive(lambda: Trial.watched >= 20)

    def test_command_that_arrives_in_a_trial_is_served_when_it_passed(self):
        self.make()
        Upgrade.plan = ["hang"]
        self.command()
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(self.asked()[:4], ["upgrade_reply", "prove", "progress", "inform"])


class TestWatchdog(WithAgent):
    def test_watchdog_of_the_settings_is_armed_and_fed(self):
        self.make(settings={"watchdog_s": 90})
        self.assertEqual(machine.State.watchdog_ms, 90_000)
        self.drive(lambda: machine.State.feeds > 20)

    def test_without_a_setting_it_is_120_s(self):
        self.make()
        self.assertEqual(machine.State.watchdog_ms, 120_000)

    def test_setting_of_0_arms_none(self):
        self.make(settings={"watchdog_s": 0})
        self.drive(lambda: self.said("inform"))
        self.assertIsNone(machine.State.watchdog_ms)

    def test_main_loop_that_hangs_lets_it_starve(self):
        self.make()
        self.drive(lambda: self.said("inform"))

        async def never(*arguments):
            while True:
                await asyncio.sleep_ms(0)

        self.session.request = never
        self.command(version="1.0.0")
        start = self.clock.now_ms
        self.drive(lambda: self.clock.now_ms - start > 600_000)
        fed = machine.State.feeds
        self.drive(lambda: self.clock.now_ms - start > 1_200_000)
        self.assertEqual(machine.State.feeds, fed)

    def in_upgrade(self, watchdog_s):
        """The time-out while an upgrade is at work, and after it failed."""
        self.make(settings={"watchdog_s": watchdog_s})
        armed = []

        def look():
            armed.append(machine.State.watchdog_ms)
            return LinkError("closed")

        Upgrade.plan = [look]
        self.command()
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        return armed[0], machine.State.watchdog_ms

    def test_upgrade_has_60_s_at_least_and_the_setting_afterwards(self):
        self.assertEqual(self.in_upgrade(120), (120_000, 120_000))
        self.assertEqual(self.in_upgrade(20), (60_000, 20_000))

    def test_upgrade_with_a_setting_of_0_leaves_a_very_wide_one(self):
        # It cannot be stopped.
        self.assertEqual(self.in_upgrade(0), (60_000, 3_600_000))

    def test_two_agents_of_one_boot_share_it(self):
        # The first was alone; what it armed still runs when the application's agent wants none.
        self.make(alone=True)
        self.make(settings={"watchdog_s": 0})
        self.assertEqual(machine.State.watchdog_ms, 3_600_000)
        self.drive(lambda: machine.State.feeds > 20)

    def test_trial_has_60_s_at_most(self):
        for watchdog_s, armed_ms in ((120, 60_000), (20, 20_000), (0, 60_000)):
            self.chip.entry(0, 1, 1)
            self.make(settings={"watchdog_s": watchdog_s})
            self.assertEqual(machine.State.watchdog_ms, armed_ms)

    def test_after_the_trial_the_setting_holds(self):
        for watchdog_s, armed_ms in ((120, 120_000), (20, 20_000), (0, 3_600_000)):
            self.chip.entry(0, 1, 1)
            Trial.verdicts = ["passed"]
            self.make(settings={"watchdog_s": watchdog_s})
            self.drive(lambda: self.said("inform"))
            self.assertEqual(machine.State.watchdog_ms, armed_ms)
