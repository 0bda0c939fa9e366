"""Orders: what EnOS commands, and how each command is answered."""

from fakeagent import COMMAND, Upgrade, WithAgent

ANSWER = {"id": "7", "code": 200, "message": "", "data": {}}

NAMELESS = {"code": 200, "message": "", "data": {}}


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
            ({"id": None}, NAMELESS),
            ({"id": [1]}, NAMELESS),
            ({"id": {"a": float("inf")}}, NAMELESS),
            ({"id": float("inf")}, NAMELESS),  # no JSON
            ({}, NAMELESS),
        ):
            self.session.done.clear()
            self.session.deliver(dict(message, params=COMMAND))
            self.assertEqual(self.session.done, [("upgrade_reply", answer)])
        self.assertFalse(self.agent.may_sleep())

    def test_no_more_of_a_command_is_kept_than_is_of_use(self):
        # It stays on the heap until it is obeyed, and in NVS: lists would take all of it.
        wanted = dict(COMMAND)
        del wanted["fileSize"]
        params = dict(COMMAND, fileSize=[[1]], tries=3, seen=1, unfinished=True, more={"a": [1]})
        self.session.deliver({"id": "7", "params": params})
        self.assertEqual(self.agent.order, wanted)

    def test_command_while_a_request_is_awaited_is_answered_before_its_reply(self):
        def deliver():
            self.command(version="1.0.0")
            return {"code": 200}

        self.session.answers["inform"] = [deliver]
        self.drive(lambda: len(self.said("inform")) == 2)
        kinds = [kind for kind, _ in self.session.done]
        self.assertEqual(kinds, ["inform", "upgrade_reply", "inform"])

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
