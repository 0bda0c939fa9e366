"""Orders: the application may refuse an upgrade, or put it off."""

import asyncio

from fakeagent import COMMAND, Upgrade, WithAgent


class TestOnUpgrade(WithAgent):
    def ask(self, *answers):
        """An agent whose `on_upgrade` gives these answers in turn, or raises them; None from then on."""
        answers = list(answers)
        self.asked = []

        def on_upgrade(firmware):
            self.asked.append((firmware.version, self.clock.now_ms))
            answer = answers.pop(0) if answers else None
            if isinstance(answer, Exception):
                raise answer
            return answer

        Upgrade.plan = ["hang"] * 3
        self.make(on_upgrade=on_upgrade)
        self.command()

    def versions(self):
        return [version for version, _ in self.asked]

    def lasted(self, duration_ms):
        start = self.clock.now_ms
        return lambda: self.clock.now_ms - start > duration_ms

    def test_false_refuses_with_5_and_begins_nothing(self):
        self.ask(False)
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-5"])
        self.assertTrue(self.said("progress")[0]["desc"].startswith("2.0: "))
        self.assertEqual(self.versions(), ["2.0"])
        self.assertEqual(Upgrade.begun, [])

    def test_refusal_forgets_a_command_kept_in_the_journal(self):
        # Or the next boot would ask for it again.
        from enos_ota import journal

        for key in (journal.COMMAND, journal.NEXT):
            journal.keep_command(key, COMMAND)
        self.ask(False)
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(journal.load_command(), {})
        self.assertEqual(journal.load_command(journal.NEXT), {})

    def test_none_and_true_let_it_begin(self):
        for answer in (None, True):
            Upgrade.begun = []
            self.ask(answer)
            self.drive(lambda: Upgrade.begun)
            self.assertEqual(self.versions(), ["2.0"])

    def test_hook_that_raises_lets_it_begin(self):
        # A mistake in it must not cost the board its upgrades.
        self.ask(KeyError("of the application"))
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(self.said("progress"), [])

    def test_answer_of_another_kind_lets_it_begin(self):
        async def forgotten():
            pass

        for answer in ("later", [60], {}, forgotten(), float("nan")):
            Upgrade.begun = []
            self.ask(answer)
            self.drive(lambda: Upgrade.begun)
            self.assertEqual(self.versions(), ["2.0"])
            self.assertEqual(self.session.closed, 0)

    def test_seconds_put_it_off_and_it_is_asked_again_after_them(self):
        self.ask(120, 60)
        self.drive(lambda: self.asked)
        self.assertTrue(self.agent.may_sleep())
        self.drive(lambda: Upgrade.begun)
        first, second, third = [at_ms for _, at_ms in self.asked]
        self.assertTrue(120_000 <= second - first <= 125_000, second - first)
        self.assertTrue(60_000 <= third - second <= 65_000, third - second)
        self.assertEqual(self.versions(), ["2.0"] * 3)
        self.assertEqual(Upgrade.begun, ["2.0"])
        self.assertEqual(self.said("progress"), [])

    def test_fractions_of_a_second_put_it_off_too(self):
        self.ask(90.5)
        self.drive(lambda: Upgrade.begun)
        self.assertTrue(90_000 <= self.asked[1][1] - self.asked[0][1] <= 95_000)
        self.assertEqual(self.session.closed, 0)

    def test_while_put_off_the_board_may_sleep_and_nothing_is_at_work(self):
        self.ask(120)
        self.drive(self.lasted(60_000))
        self.assertTrue(self.agent.may_sleep())
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(Upgrade.begun, [])

    def test_newer_command_replaces_the_one_put_off(self):
        self.ask(120)
        self.drive(lambda: self.asked)
        self.command(version="3.0", sign="cd" * 32)
        self.drive(self.lasted(300_000))
        self.assertEqual(self.versions(), ["2.0", "3.0"])
        self.assertEqual(Upgrade.begun, ["3.0"])

    def test_command_for_the_running_version_ends_the_one_put_off(self):
        self.ask(120)
        self.drive(lambda: self.asked)
        self.command(version="1.0.0")
        self.drive(self.lasted(300_000))
        self.assertEqual(self.versions(), ["2.0"])
        self.assertEqual(Upgrade.begun, [])

    def test_putting_it_off_for_years_stays_within_the_ticks_of_a_chip(self):
        adding = self.clock.ticks_add

        def ticks_add(ticks, delta):
            if not -(1 << 29) <= delta < 1 << 29:
                raise OverflowError("ticks interval overflow")
            return adding(ticks, delta)

        self.clock.ticks_add = ticks_add
        for answer in (10 * 365 * 86_400, 1e30, float("inf")):
            self.ask(answer)
            self.drive(self.lasted(60_000))
            self.assertEqual(len(self.asked), 1)
            self.assertEqual(self.session.closed, 0)

    def test_newer_command_ends_the_upgrade_at_work_even_if_it_is_put_off(self):
        self.ask(None, 120)

        async def command_another():
            while not Upgrade.begun:
                await asyncio.sleep_ms(0)
            self.command(version="3.0", sign="cd" * 32)

        self.drive(lambda: Upgrade.cancelled, command_another())
        self.assertTrue(self.agent.may_sleep())
        self.drive(lambda: len(Upgrade.begun) == 2)
        self.assertEqual(Upgrade.begun, ["2.0", "3.0"])

    def test_upgrade_of_the_application_is_asked_too(self):
        from enos_ota.firmware import read

        self.ask(False)
        self.agent.order = None

        async def upgrade():
            await self.agent.upgrade(read(COMMAND))
            self.returned = True

        self.returned = False
        self.drive(lambda: self.returned and self.agent.may_sleep(), upgrade())
        self.assertEqual(self.steps(), ["-5"])
