"""The agent: the next command, which NVS keeps until it begins."""

from enos_ota.errors import VerifyError
from fakeagent import COMMAND, KEPT, Trial, Upgrade, WithAgent

PENDING = 1
NEWER = dict(KEPT, version="3.0", sign="cd" * 32)


class Kept(WithAgent):
    def keep(self, params) -> None:
        """Keep the next command."""
        from enos_ota import journal

        journal.keep_command(journal.NEXT, params)

    def kept(self):
        """(the command at work, the next one)."""
        from enos_ota import journal

        return journal.load_command(), journal.load_command(journal.NEXT)


class TestNext(Kept):
    """A command that came in a trial, or was put off, is obeyed after the next connect."""

    def setUp(self) -> None:
        super().setUp()
        self.keep(COMMAND)

    def test_command_kept_is_obeyed_after_the_inform_and_is_then_the_one_at_work(self):
        self.make()
        self.assertFalse(self.agent.may_sleep())
        Upgrade.plan = ["hang"]
        self.drive(lambda: Upgrade.begun)
        self.assertEqual([kind for kind, _ in self.session.done], ["inform"])
        self.assertEqual(self.kept(), (KEPT, {}))

    def test_command_kept_for_what_runs_now_is_forgotten(self):
        self.keep(dict(COMMAND, version="1.0.0"))
        self.make()
        self.drive(lambda: len(self.said("inform")) == 2)
        self.assertEqual(self.kept(), ({}, {}))
        self.assertEqual(Upgrade.begun, [])

    def test_newer_command_takes_its_place(self):
        self.make()
        Upgrade.plan = ["hang"]
        self.command(version="3.0", sign="cd" * 32)
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["3.0"])
        self.assertEqual(self.kept(), (NEWER, {}))

    def test_failure_forgets_it(self):
        self.make()
        Upgrade.plan = [VerifyError("digest")]
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.kept(), ({}, {}))

    def test_success_of_the_trial_before_it_does_not_forget_it(self):
        self.chip.entry(0, 1, PENDING)
        self.make()
        Trial.verdicts = ["passed"]
        Upgrade.plan = ["hang"]
        kept = []
        self.session.answers["progress"] = lambda: kept.append(self.kept()) or {"code": 200}
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(self.steps(), ["100"])
        self.assertEqual(kept[0], ({}, COMMAND))
        self.assertEqual(Upgrade.begun, ["2.0"])

    def test_put_off_it_stays_the_next_one(self):
        self.make(on_upgrade=lambda firmware: 600)
        self.drive(lambda: self.clock.now_ms > 60_000)
        self.assertEqual(self.kept(), ({}, COMMAND))


class TestPutOff(Kept):
    """A command that the application put off outlives a reset, and does not hide what is at work."""

    def put_off(self) -> None:
        self.make(on_upgrade=lambda firmware: 3600)
        start = self.clock.now_ms
        self.command()
        self.drive(lambda: self.clock.now_ms - start > 60_000)
        self.assertEqual(Upgrade.begun, [])

    def test_command_put_off_is_asked_for_again_at_the_next_boot(self):
        self.put_off()
        self.assertEqual(self.kept(), ({}, COMMAND))
        asked = []
        Upgrade.plan = ["hang"]
        self.make(on_upgrade=lambda firmware: asked.append(firmware.version))
        self.drive(lambda: Upgrade.begun)
        self.assertEqual((asked, Upgrade.begun), (["2.0"], ["2.0"]))
        self.assertEqual(self.kept(), (KEPT, {}))

    def test_newer_command_replaces_the_one_put_off(self):
        self.put_off()
        Upgrade.plan = ["hang"]
        self.agent.on_upgrade = lambda firmware: None
        self.command(version="3.0", sign="cd" * 32)
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(self.kept(), (NEWER, {}))

    def test_command_refused_in_the_end_is_forgotten(self):
        self.put_off()
        self.agent.on_upgrade = lambda firmware: False
        self.command()
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-5"])
        self.assertEqual(self.kept(), ({}, {}))
