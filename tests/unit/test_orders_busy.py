"""Orders: commands that come while an upgrade is at work."""

import asyncio

from enos_ota.errors import VerifyError
from fakeagent import Upgrade, WithAgent

ANSWER = {"id": "7", "code": 200, "message": "", "data": {}}
IDLE, FETCH = 0, 1


class TestBusy(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.make()

    def keep(self, state) -> None:
        """What the real upgrade does; the heap has no room for the journal beside one."""
        from enos_ota import journal

        journal.save(state=state, version="2.0")

    def busy(self, *others, done=None) -> None:
        """An upgrade to 2.0 hangs; then the others are commanded. Drive until `done()`."""
        Upgrade.plan = ["hang"] + Upgrade.plan
        self.command()

        async def command_others():
            while not Upgrade.begun:
                await asyncio.sleep_ms(0)
            self.keep(FETCH)  # as the real upgrade does
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
        self.assertEqual(self.journal()["state"], FETCH)
        self.assertFalse(self.agent.may_sleep())
        self.assertEqual(self.said("progress"), [])

    def test_same_command_again_while_busy_loads_nothing(self):
        # It comes while the download connects, and needs all memory.
        Upgrade.plan = ["hang"]
        self.command()
        self.drive(lambda: Upgrade.begun)
        self.command(sign="AB" * 32)
        self.assertTrue(self.agent.order is None)
        self.assertEqual(len(self.said("upgrade_reply")), 2)

    def test_unusable_command_while_busy_ends_the_former_and_is_answered(self):
        # Its last word would otherwise wipe the journal of an upgrade that goes on.
        self.busy(
            {"version": "3.0", "sign": "cd" * 32, "signMethod": "crc32"}, done=self.agent.may_sleep
        )
        self.assertEqual(Upgrade.cancelled, ["2.0"])
        self.assertEqual(self.steps(), ["-3"])

    def test_command_for_the_running_version_while_busy_ends_the_former(self):
        self.busy({"version": "1.0.0", "sign": "cd" * 32}, done=lambda: Upgrade.cancelled)
        self.assertTrue(self.agent.may_sleep())
        self.assertEqual(Upgrade.cancelled, ["2.0"])
        self.assertEqual(self.said("progress"), [])
        self.assertEqual(self.journal()["state"], IDLE)

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

    def test_command_while_an_upgrade_is_at_work_is_answered_at_once(self):
        self.busy()
        self.session.done.clear()
        self.command(version="3.0")
        self.assertEqual(self.session.done, [("upgrade_reply", ANSWER)])
