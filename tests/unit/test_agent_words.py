"""The agent: a last word that is owed while something else goes on."""

from enos_ota.firmware import read
from fakeagent import COMMAND
from owing import FETCH, REPORT, Owing


class TestAnotherWord(Owing):
    def test_word_that_is_owed_while_another_is_said_is_not_lost(self):
        # The answer to the first must not settle the second, of which EnOS would then never hear.
        self.owed()

        def owe_another():
            from enos_ota import orders

            orders.owe(self.agent, -2, "3.0: HTTP 404")
            return {"code": 200}

        self.session.answers["progress"] = [owe_another]
        self.drive(lambda: self.said("inform") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-3", "-2"])

    def test_word_that_is_owed_outlives_an_upgrade_that_gives_way(self):
        # `Agent.upgrade` may come before EnOS has answered; only what was at work is given up without a word.
        from enos_ota import journal, orders

        journal.save(state=REPORT, step=-3, desc="2.0: digest")
        self.make(on_upgrade=lambda firmware: 600)
        orders.begin(self.agent, read(dict(COMMAND, version="3.0", sign="cd" * 32)))
        entry = self.journal()
        self.assertEqual((entry["state"], entry["desc"]), (REPORT, "2.0: digest"))

    def test_answer_to_a_word_leaves_an_upgrade_that_began_meanwhile(self):
        self.owed()
        kept = dict(COMMAND, version="3.0")

        def begin():
            from enos_ota import journal

            journal.save(state=FETCH, version="3.0")
            journal.keep_command(journal.COMMAND, kept)
            return {"code": 200}

        self.session.answers["progress"] = [begin]
        self.drive(lambda: self.said("inform"))
        from enos_ota import journal

        self.assertEqual(self.journal()["state"], FETCH)
        self.assertEqual(journal.load_command(), kept)
