"""The agent: the last word of an upgrade, which EnOS has to answer."""

from enos_ota.errors import LinkError, VerifyError
from enos_ota.firmware import read
from fakeagent import COMMAND, Upgrade, WithAgent

FETCH, REPORT = 1, 4


class TestLastWord(WithAgent):
    def owed(self, tries=0):
        """An agent that starts with a word owed."""
        from enos_ota import journal

        journal.save(state=REPORT, step=-3, desc="2.0: digest", tries=tries)
        return self.make()

    def test_word_owed_at_boot_is_said_before_the_inform(self):
        self.owed()
        self.assertFalse(self.agent.may_sleep())
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.session.done[0], ("progress", {"step": "-3", "desc": "2.0: digest"}))
        self.assertEqual(self.journal()["state"], 0)
        self.assertTrue(self.agent.may_sleep())

    def test_word_is_asked_one_try_at_a_time_so_that_each_is_counted(self):
        self.owed()
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.session.tries[0], 1)

    def test_reply_of_any_code_settles_the_word(self):
        self.owed()
        self.session.answers["progress"] = {"code": 1220}
        self.drive(lambda: self.said("inform"))
        self.assertEqual(len(self.said("progress")), 1)

    def test_step_is_text_for_enos_and_a_number_for_the_application(self):
        heard = []
        self.make(on_progress=lambda step, desc: heard.append((step, desc)))
        Upgrade.plan = [VerifyError("digest")]
        self.command()
        self.drive(lambda: self.said("progress"))
        self.assertEqual(self.steps(), ["-3"])
        self.assertEqual(heard, [(-3, "2.0: digest")])

    def test_unanswered_word_is_said_five_times_and_then_given_up(self):
        self.owed()
        self.session.answers["progress"] = None
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.steps(), ["-3"] * 5)
        self.assertEqual(self.journal()["state"], 0)
        self.assertTrue(self.agent.may_sleep())

    def test_tries_are_counted_through_lost_links_and_resets(self):
        self.owed(tries=2)

        def lose():
            self.session.troubles = [LinkError("closed")]
            return LinkError("closed")

        self.session.answers["progress"] = [lose]
        self.session.answers["progress"] += [None] * 10
        self.drive(lambda: self.said("inform"))
        self.assertEqual(len(self.steps()), 3)
        self.assertEqual(self.session.opened, 2)

    def test_each_try_is_stored_before_it_is_made(self):
        self.owed()
        stored = []

        def answer():
            stored.append(self.journal()["tries"])
            return {"code": 200} if len(stored) == 3 else LinkError("no reply")

        self.session.answers["progress"] = [answer, answer, answer]
        self.drive(lambda: self.said("inform"))
        self.assertEqual(stored, [1, 2, 3])

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
