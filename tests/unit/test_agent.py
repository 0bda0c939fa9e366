"""The agent: connecting, and obeying what EnOS commands."""

import asyncio
import sys

from enos_ota import journal
from enos_ota.errors import DownloadError, LinkError, VerifyError
from fakeagent import COMMAND, Link, Trust, Upgrade, WithAgent, agent


class TestSelectFirst(WithAgent):
    def test_select_first_takes_the_first_or_none(self):
        self.assertEqual(agent.select_first(["a", "b"]), "a")
        self.assertIsNone(agent.select_first([]))


class TestConnect(WithAgent):
    def test_version_of_the_record_is_informed_after_connecting(self):
        self.make(version="9")
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.session.done, [("inform", {"version": "1.0.0"})])

    def test_clock_is_set_to_the_build_time_before_the_session_opens(self):
        self.make(settings={"ca": ["/ca.der"]})
        self.drive(lambda: self.said("inform"))
        self.assertEqual(Link.floors, [1_700_000_000])
        self.assertEqual(Trust.asked[-1], ["/ca.der"])

    def test_lost_link_is_opened_again_after_the_backoff_and_informed_again(self):
        states = []
        self.make(on_link=lambda state, reason: states.append((state, reason)))
        self.drive(lambda: self.said("inform"))
        self.session.troubles = [LinkError("closed by the server")]
        self.session.done.clear()
        start = self.clock.now_ms
        self.drive(lambda: len(self.said("inform")) == 2)
        self.assertTrue(self.clock.now_ms - start >= 1000)
        self.assertIn(("lost", "closed by the server"), states)
        self.assertEqual(states[-1][0], "connected")

    def test_every_kind_of_trouble_is_survived(self):
        # A malformed packet can be anything in umqtt.
        for trouble in (
            OSError(-104),
            IndexError("x"),
            AssertionError(),
            TypeError("x"),
            ValueError("x"),
            MemoryError(),
        ):
            self.make()
            self.session.troubles = [trouble]
            self.drive(lambda: len(self.said("inform")) == 2)
            self.assertTrue(self.session.closed)

    def test_network_and_broker_that_refuse_are_tried_again(self):
        self.make()
        Link.errors = [LinkError("Wi-Fi"), LinkError("Wi-Fi")]
        self.session.refusals = [LinkError("refused")] * 3
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.session.opened, 4)

    def test_inform_without_a_reply_does_not_end_the_session(self):
        self.make()
        self.session.answers["inform"] = None
        self.drive(lambda: self.clock.now_ms > 60_000)
        self.assertEqual(len(self.said("inform")), 1)
        self.assertEqual(self.session.closed, 0)

    def test_hook_for_the_link_that_raises_does_not_end_the_agent(self):
        # An exception that left `run` here would make /main.py reset the board.
        def on_link(state, reason):
            raise ValueError("of the application")

        self.make(on_link=on_link)
        self.session.refusals = [LinkError("refused")]
        self.drive(lambda: self.session.opened >= 2)

    def test_refusal_by_tls_makes_it_ask_for_the_time_again_and_a_lost_link_does_not(self):
        for error, asked in ((DownloadError("TLS refused"), 0), (LinkError("timed out"), 9)):
            self.make()
            self.agent._link.clock_set_s = 9
            self.session.refusals = [error]
            self.drive(lambda: self.said("inform"))
            self.assertEqual(self.agent._link.clock_set_s, asked)

    def test_modules_of_boot_and_upgrade_are_dropped(self):
        self.make()
        for name in ("startup", "config", "identity", "otadata", "image"):
            self.assertFalse("enos_ota." + name in sys.modules, name)


class TestObey(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.make()

    def test_command_is_acknowledged_with_its_id_and_begun(self):
        Upgrade.plan = ["hang"]
        self.command()
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(
            self.said("upgrade_reply"), [{"id": "7", "code": 200, "message": "", "data": {}}]
        )
        self.assertEqual(Upgrade.begun, ["2.0"])
        self.assertFalse(self.agent.may_sleep())

    def test_command_for_the_running_version_is_answered_by_inform(self):
        self.command(version="1.0.0")
        self.drive(lambda: len(self.said("inform")) == 2)
        self.assertEqual(Upgrade.begun, [])
        self.assertEqual(len(self.said("upgrade_reply")), 1)

    def test_same_command_again_while_busy_goes_on(self):
        Upgrade.plan = ["hang"]
        for _ in range(3):
            self.command()
        self.drive(lambda: len(self.said("upgrade_reply")) == 3 and Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["2.0"])

    def busy_then(self, done, **changes) -> None:
        """An upgrade hangs, another command arrives; drive until `done()`."""
        Upgrade.plan = ["hang"]
        self.command()

        async def command_another():
            while not Upgrade.begun:
                await asyncio.sleep_ms(0)
            self.command(**changes)

        self.drive(lambda: done() and self.agent.may_sleep(), command_another())
        self.assertEqual(Upgrade.cancelled, ["2.0"])

    def test_unusable_command_while_busy_ends_the_former_and_is_answered(self):
        # Its last word would otherwise wipe the journal of an upgrade that goes on.
        self.busy_then(lambda: self.said("progress"), version="3.0", signMethod="crc32")
        self.assertEqual([p["step"] for p in self.said("progress")], ["-3"])

    def test_command_for_the_running_version_while_busy_ends_the_former(self):
        journal.save(state=journal.FETCH, version="2.0")  # as the real upgrade does
        self.busy_then(lambda: Upgrade.cancelled, version="1.0.0", sign="cd" * 32)
        self.assertEqual(self.said("progress"), [])
        self.assertEqual(journal.load()["state"], journal.IDLE)

    def test_another_command_while_busy_replaces_the_former_without_a_word(self):
        Upgrade.plan = ["hang", VerifyError("digest")]
        self.command()

        async def command_another():
            while not Upgrade.begun:
                await asyncio.sleep_ms(0)
            self.command(version="3.0", sign="cd" * 32)

        self.drive(lambda: self.said("progress") and self.agent.may_sleep(), command_another())
        self.assertEqual(Upgrade.begun, ["2.0", "3.0"])
        self.assertEqual(Upgrade.cancelled, ["2.0"])
        self.assertEqual([p["desc"][:4] for p in self.said("progress")], ["3.0:"])

    def test_unusable_command_is_acknowledged_and_reported(self):
        for params, step in (
            (None, "-1"),
            ({}, "-1"),
            ([], "-1"),
            (dict(COMMAND, sign=""), "-1"),
            (dict(COMMAND, signMethod="crc"), "-3"),
        ):
            self.session.done.clear()
            self.session.deliver({"id": "7", "params": params})
            self.drive(lambda: self.said("progress") and self.agent.may_sleep())
            self.assertEqual(self.steps(), [step])
            self.assertEqual(len(self.said("upgrade_reply")), 1)
        self.assertTrue(self.said("progress")[0]["desc"].startswith("2.0: "))

    def test_command_without_params_is_reported(self):
        self.session.deliver({})
        self.drive(lambda: self.said("progress"))
        self.assertEqual(self.steps(), ["-1"])

    def test_command_with_an_endless_size_is_reported(self):
        # int() of it is an OverflowError, which must not pass for a broken connection.
        self.command(fileSize=float("inf"))
        self.drive(lambda: self.said("progress") or self.session.closed)
        self.assertEqual(self.steps(), ["-1"])
