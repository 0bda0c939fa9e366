"""The agent: trial, watchdog, application, and what it reports."""

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
        self.assertEqual(self.asked()[:4], ["prove", "progress", "inform", "upgrade_reply"])

    def test_watchdog_of_a_trial_is_that_of_the_stub(self):
        self.make()
        self.assertEqual(machine.State.watchdog_ms, 60_000)


class TestWatchdog(WithAgent):
    def test_without_a_setting_there_is_none(self):
        self.make()
        self.assertIsNone(machine.State.watchdog_ms)

    def test_setting_arms_it_and_the_agent_feeds_it(self):
        self.make(settings={"watchdog_s": 120})
        self.assertEqual(machine.State.watchdog_ms, 120_000)
        self.drive(lambda: machine.State.feeds > 20)

    def test_main_loop_that_hangs_lets_it_starve(self):
        self.make(settings={"watchdog_s": 120})
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


class TestApp(WithAgent):
    def test_coroutine_runs_beside_the_agent(self):
        counts.clear()
        self.make(app=runs)
        self.drive(lambda: len(counts) > 10 and self.said("inform"))
        self.assertEqual(self.agent.application.ended, "")

    def test_coroutine_that_returns_or_raises_is_noticed(self):
        self.make(app=returns)
        self.drive(lambda: self.agent.application.ended)
        self.assertIn("returned", self.agent.application.ended)
        self.make(app=raises)
        self.drive(lambda: self.agent.application.ended)
        self.assertIn("KeyError", self.agent.application.ended)

    def test_agent_goes_on_without_its_app(self):
        self.make(app=raises)
        self.drive(lambda: self.agent.application.ended and self.said("inform"))

    def test_coroutine_of_a_closure_or_an_object_runs_too(self):
        # Their types, `closure` and `bound_method`, do not tell: only what the call returns shows
        # that it has to be awaited, and an application taken as ended fails its trial.
        seen = counts

        async def app():
            while True:
                seen.append(1)
                await asyncio.sleep_ms(0)

        class Object:
            async def run(self):
                await app()

        for coroutine in (app, Object().run):
            counts.clear()
            self.make(app=coroutine)
            self.drive(lambda: len(counts) > 3 or self.agent.application.ended)
            self.assertEqual(self.agent.application.ended, "")

    def test_blocking_function_runs_in_a_thread(self):
        self.make(app=blocks)
        self.drive(lambda: self.agent.application.ended and self.said("inform"))
        self.assertIn("ValueError", self.agent.application.ended)


class TestReport(WithAgent):
    def test_report_is_a_string_for_enos_and_a_number_for_the_application(self):
        heard = []
        self.make(on_progress=lambda step, desc: heard.append((step, desc)))
        self.drive(lambda: self.said("inform"))
        self.agent.report(20, "2.0: downloading")
        self.assertEqual(self.said("progress"), [{"step": "20", "desc": "2.0: downloading"}])
        self.assertEqual(heard, [(20, "2.0: downloading")])
        self.agent.report(25, "v" * 200)
        self.assertEqual(len(self.said("progress")[-1]["desc"]), 100)

    def test_report_without_a_session_is_lost_without_an_error(self):
        self.make()
        self.agent.report(20, "x")
        self.session.is_open = True
        self.session.send = lambda kind, params: self.fail_link()
        self.agent.report(25, "x")

    def fail_link(self):
        raise LinkError("closed")


counts = []


async def runs():
    while True:
        counts.append(1)
        await asyncio.sleep_ms(0)


async def returns():
    await asyncio.sleep_ms(0)


async def raises():
    await asyncio.sleep_ms(0)
    raise KeyError("x")


def blocks():
    raise ValueError("of the application")
