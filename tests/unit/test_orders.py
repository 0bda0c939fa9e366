"""Orders: what EnOS commands, and how each command is answered."""

import asyncio

from enos_ota import journal
from enos_ota.errors import VerifyError
from fakeagent import COMMAND, Upgrade, WithAgent

ANSWER = {"id": "7", "code": 200, "message": "", "data": {}}


class TestObey(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.make()

    def test_command_is_acknowledged_with_its_id_and_begun(self):
        Upgrade.plan = ["hang"]
        self.command()
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(self.said("upgrade_reply"), [ANSWER])
        self.assertEqual(Upgrade.begun, ["2.0"])
        self.assertFalse(self.agent.may_sleep())

    def test_command_is_answered_at_once_with_its_id_as_it_came(self):
        # Before anything else is looked at: EnOS waits.
        for message, answer in (
            ({"id": "7"}, dict(ANSWER)),
            ({"id": 7}, dict(ANSWER, id=7)),
            ({"id": None}, dict(ANSWER, id=None)),
            ({}, {"code": 200, "message": "", "data": {}}),
        ):
            self.session.done.clear()
            self.session.deliver(dict(message, params=COMMAND))
            self.assertEqual(self.session.done, [("upgrade_reply", answer)])
        self.assertFalse(self.agent.may_sleep())

    def test_command_while_a_request_is_awaited_is_answered_before_its_reply(self):
        def deliver():
            self.command(version="1.0.0")
            return {"code": 200}

        self.session.answers["inform"] = [deliver]
        self.drive(lambda: len(self.said("inform")) == 2)
        kinds = [kind for kind, _ in self.session.done]
        self.assertEqual(kinds, ["inform", "upgrade_reply", "inform"])

    def test_command_while_an_upgrade_is_at_work_is_answered_at_once(self):
        self.busy()
        self.session.done.clear()
        self.command(version="3.0")
        self.assertEqual(self.session.done, [("upgrade_reply", ANSWER)])

    def test_command_for_the_running_version_is_answered_by_inform_and_nothing_else(self):
        self.command(version="1.0.0")
        start = self.clock.now_ms
        self.drive(lambda: self.clock.now_ms - start > 60_000)
        kinds = [kind for kind, _ in self.session.done]
        self.assertEqual(kinds, ["upgrade_reply", "inform", "inform"])
        self.assertEqual(Upgrade.begun, [])
        self.assertTrue(self.agent.may_sleep())

    def test_same_command_again_before_it_begins_is_begun_once(self):
        Upgrade.plan = ["hang"]
        for _ in range(3):
            self.command()
        self.drive(lambda: len(self.said("upgrade_reply")) == 3 and Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["2.0"])

    def busy(self, *others, done=None) -> None:
        """An upgrade to 2.0 hangs; then the others are commanded. Drive until `done()`."""
        Upgrade.plan = ["hang"] + Upgrade.plan
        self.command()

        async def command_others():
            while not Upgrade.begun:
                await asyncio.sleep_ms(0)
            journal.save(state=journal.FETCH, version="2.0")  # as the real upgrade does
            for changes in others:
                self.command(**changes)
                await asyncio.sleep_ms(0)
            self.commanded = True

        self.commanded = False
        self.drive(lambda: self.commanded and (not done or done()), command_others())

    def test_same_command_again_while_busy_changes_nothing(self):
        start = self.clock.now_ms
        self.busy({}, {"sign": "AB" * 32}, done=lambda: self.clock.now_ms - start > 60_000)
        self.assertEqual(len(self.said("upgrade_reply")), 3)
        self.assertEqual(Upgrade.begun, ["2.0"])
        self.assertEqual(Upgrade.cancelled, [])
        self.assertEqual(journal.load()["state"], journal.FETCH)
        self.assertFalse(self.agent.may_sleep())
        self.assertEqual(self.said("progress"), [])

    def test_unusable_command_while_busy_ends_the_former_and_is_answered(self):
        # Its last word would otherwise wipe the journal of an upgrade that goes on.
        self.busy({"version": "3.0", "signMethod": "crc32"}, done=self.agent.may_sleep)
        self.assertEqual(Upgrade.cancelled, ["2.0"])
        self.assertEqual(self.steps(), ["-3"])

    def test_command_for_the_running_version_while_busy_ends_the_former(self):
        self.busy({"version": "1.0.0", "sign": "cd" * 32}, done=lambda: Upgrade.cancelled)
        self.assertTrue(self.agent.may_sleep())
        self.assertEqual(Upgrade.cancelled, ["2.0"])
        self.assertEqual(self.said("progress"), [])
        self.assertEqual(journal.load()["state"], journal.IDLE)

    def test_another_command_while_busy_replaces_the_former_without_a_word(self):
        Upgrade.plan = [VerifyError("digest")]
        self.busy({"version": "3.0", "sign": "cd" * 32}, done=self.agent.may_sleep)
        self.assertEqual(Upgrade.begun, ["2.0", "3.0"])
        self.assertEqual(Upgrade.cancelled, ["2.0"])
        self.assertEqual([p["desc"] for p in self.said("progress")], ["3.0: digest"])

    def test_newest_of_several_commands_wins(self):
        Upgrade.plan = ["hang"] * 2
        self.busy(
            {"version": "3.0", "sign": "cd" * 32},
            {"version": "4.0", "sign": "ef" * 32},
            done=lambda: Upgrade.begun[-1] == "4.0",
        )
        self.assertEqual(self.agent.digest, "ef" * 32)
        self.assertEqual(len(self.said("upgrade_reply")), 3)
        self.assertEqual(self.said("progress"), [])


class TestUnusable(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.make()

    def test_unusable_command_is_acknowledged_and_reported_with_its_version_first(self):
        for params, step, desc in (
            (None, "-1", "?: "),
            ({}, "-1", "?: "),
            ([], "-1", "?: "),
            ([1], "-1", "?: "),
            ("2.0", "-1", "?: "),
            (dict(COMMAND, version=2), "-1", "?: "),
            (dict(COMMAND, sign=""), "-1", "2.0: "),
            (dict(COMMAND, fileUrl=None), "-1", "2.0: "),
            (dict(COMMAND, fileSize="large"), "-1", "2.0: "),
            (dict(COMMAND, signMethod="crc"), "-3", "2.0: "),
        ):
            self.session.done.clear()
            self.session.deliver({"id": "7", "params": params})
            self.drive(lambda: self.said("progress") and self.agent.may_sleep())
            self.assertEqual(self.steps(), [step])
            self.assertEqual(self.said("progress")[0]["desc"][: len(desc)], desc)
            self.assertEqual(self.said("upgrade_reply"), [ANSWER])
            self.assertEqual(self.session.closed, 0)

    def test_params_that_are_no_object_never_reach_the_rest(self):
        # A trial looks into them too, and must not fail by them.
        for params in (None, [], [1], "3.0", 7, True):
            self.session.deliver({"id": "7", "params": params})
            self.assertEqual(self.agent.order, {})

    def test_command_without_params_is_reported(self):
        self.session.deliver({})
        self.drive(lambda: self.said("progress"))
        self.assertEqual(self.steps(), ["-1"])

    def test_command_with_an_endless_size_is_reported(self):
        # int() of it is an OverflowError, which must not pass for a broken connection.
        self.command(fileSize=float("inf"))
        self.drive(lambda: self.said("progress") or self.session.closed)
        self.assertEqual(self.steps(), ["-1"])
