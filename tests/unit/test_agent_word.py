"""The agent: the last word of an upgrade, which EnOS has to answer."""

from enos_ota.errors import LinkError, VerifyError
from fakeagent import Upgrade
from owing import Owing


class TestLastWord(Owing):
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
