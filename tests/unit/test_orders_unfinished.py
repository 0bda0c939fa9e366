"""Orders: an upgrade that a reset cut short. What EnOS says of it counts; if it is silent, what it said before."""

from fakeagent import COMMAND, Upgrade
from unfinished import FETCH, IDLE, OTHER, SIGN, Unfinished


class TestAsked(Unfinished):
    def test_board_informs_and_asks_before_it_goes_on(self):
        self.cut_short()
        self.lists(COMMAND)
        self.begins("2.0")
        self.assertEqual(self.kinds(), ["inform", "getversion"])

    def test_upgrade_that_is_listed_goes_on_at_once_with_its_new_address(self):
        self.cut_short()
        self.lists(OTHER, dict(COMMAND, fileUrl="https://h/new-token.bin", sign=SIGN.upper()))
        self.assertTrue(self.begins("2.0") < 10)
        self.assertEqual(self.kept("command")["fileUrl"], "https://h/new-token.bin")

    def test_enos_that_is_silent_is_waited_for_a_minute(self):
        for answer in ({"code": 200, "data": []}, {"code": 1009}, {"code": 200, "data": [OTHER]}):
            Upgrade.begun = []
            self.cut_short()
            self.session.answers["getversion"] = answer
            self.assertTrue(60 <= self.begins("2.0") <= 65)

    def test_question_without_an_answer_counts_as_silence(self):
        self.cut_short()
        self.session.answers["getversion"] = None
        self.assertTrue(60 <= self.begins("2.0") <= 75)
        self.assertEqual(self.session.closed, 0)

    def test_boot_for_the_command_alone_does_not_wait(self):
        # Its time is short, and nobody else uses it.
        self.cut_short(tries=2)
        self.assertTrue(self.begins("2.0") < 10)

    def test_what_the_slot_holds_is_not_touched(self):
        self.cut_short()
        self.begins("2.0")
        self.assertEqual(self.kept("journal")["state"], FETCH)
        self.assertEqual(self.chip.nvs[("enos_ota", "blocks")], 5)

    def test_upgrade_that_was_only_commanded_goes_on_too(self):
        # The cut came before the journal's first state.
        self.cut_short(state=IDLE, sign="")
        self.begins("2.0")

    def test_nothing_unfinished_asks_nothing(self):
        self.make()
        self.drive(lambda: self.clock.now_ms > 100_000)
        self.assertEqual(self.kinds(), ["inform"])

    def test_while_enos_is_waited_for_the_board_must_not_sleep(self):
        # It would wake up to the same, and never go on.
        self.cut_short()
        self.drive(lambda: "getversion" in self.kinds())
        self.assertFalse(self.agent.may_sleep())
        self.drive(lambda: self.clock.now_ms - self.start > 30_000)
        self.assertFalse(self.agent.may_sleep())


class TestPushed(Unfinished):
    def test_same_upgrade_pushed_while_it_asks_goes_on_at_once(self):
        self.cut_short()
        self.session.answers["getversion"] = [self.push()]
        self.assertTrue(self.begins("2.0") < 10)
        self.assertEqual(self.chip.nvs[("enos_ota", "blocks")], 5)

    def test_newer_command_pushed_while_it_asks_wins(self):
        self.cut_short()
        self.session.answers["getversion"] = [self.push(version="3.0", sign="cd" * 32)]
        self.assertTrue(self.begins("3.0") < 10)
        self.assertEqual(self.said("progress"), [])

    def test_newer_command_pushed_in_the_silence_wins(self):
        self.cut_short()

        def push():
            if 30_000 < self.clock.now_ms - self.start < 40_000 and not self.said("upgrade_reply"):
                self.command(version="3.0", sign="cd" * 32)

        self.clock.on_sleep = push
        self.assertTrue(30 <= self.begins("3.0") <= 45)

    def test_running_version_pushed_ends_it(self):
        # EnOS has taken the upgrade back.
        self.cut_short()
        self.session.answers["getversion"] = [self.push(version="1.0.0")]
        self.drive(lambda: self.clock.now_ms - self.start > 200_000)
        self.assertEqual(Upgrade.begun, [])
        self.assertFalse("state" in self.kept("journal"))

    def push(self, **changes):
        """A question whose answer comes after a push."""

        def answer():
            self.command(**changes)
            return {"code": 200, "data": []}

        return answer
