"""Orders: commands that cannot be used are answered and reported all the same."""

from fakeagent import COMMAND, WithAgent

ANSWER = {"id": "7", "code": 200, "message": "", "data": {}}


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
