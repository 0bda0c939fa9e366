"""The agent: how an upgrade ends for EnOS, and the last word of it."""

from enos_ota.errors import BurnError, DownloadError, LinkError, UpgradeError, VerifyError
from fakeagent import Upgrade, WithAgent

REPORT = 4


class TestOutcome(WithAgent):
    def outcome(self, deed, **hooks):
        """(step, desc) that EnOS hears of one upgrade."""
        self.make(**hooks)
        Upgrade.plan = [deed]
        self.command()
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(len(self.said("progress")), 1)
        params = self.said("progress")[0]
        return params["step"], params["desc"]

    def test_each_error_is_reported_with_its_step_after_the_version(self):
        for kind, step in (
            (UpgradeError, "-1"),
            (DownloadError, "-2"),
            (LinkError, "-2"),
            (VerifyError, "-3"),
            (BurnError, "-4"),
        ):
            self.assertEqual(self.outcome(kind("what happened")), (step, "2.0: what happened"))

    def test_unforeseen_error_is_reported_as_1_with_its_name(self):
        step, desc = self.outcome(KeyError("x"))
        self.assertEqual(step, "-1")
        self.assertTrue(desc.startswith("2.0: "))
        self.assertIn("KeyError", desc)

    def test_long_text_is_cut_to_100_characters(self):
        self.assertEqual(len(self.outcome(VerifyError("x" * 300))[1]), 100)

    def test_application_that_refuses_is_reported_as_5_and_nothing_begun(self):
        asked = []

        def refuse(firmware):
            asked.append(firmware.version)
            return False

        self.assertEqual(self.outcome(None, on_upgrade=refuse)[0], "-5")
        self.assertEqual(asked, ["2.0"])
        self.assertEqual(Upgrade.begun, [])

    def test_application_that_raises_when_asked_is_reported(self):
        def broken(firmware):
            raise KeyError("of the application")

        self.assertEqual(self.outcome(None, on_upgrade=broken)[0], "-1")

    def test_application_hears_the_outcome_too(self):
        heard = []
        self.outcome(VerifyError("x"), on_progress=lambda step, desc: heard.append((step, desc)))
        self.assertEqual(heard, [(-3, "2.0: x")])

    def test_agent_goes_on_serving_and_the_journal_is_clear(self):
        self.outcome(VerifyError("x"))
        self.assertEqual(self.journal()["state"], 0)
        Upgrade.plan = ["reset"]
        self.command(version="3.0", sign="cd" * 32)
        self.was_reset = False
        self.drive(lambda: False)
        self.assertTrue(self.was_reset)

    def test_same_release_can_be_commanded_again_after_a_failure(self):
        self.outcome(DownloadError("HTTP 503"))
        Upgrade.plan = [DownloadError("HTTP 503")]
        self.command()
        self.drive(lambda: len(Upgrade.begun) == 2)

    def test_full_nvs_does_not_keep_the_word_from_enos(self):
        self.chip.nvs_full = True
        self.assertEqual(self.outcome(BurnError("NVS"))[0], "-4")


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
            self.agent.owe(-2, "3.0: HTTP 404")
            return {"code": 200}

        self.session.answers["progress"] = [owe_another]
        self.drive(lambda: self.said("inform") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-3", "-2"])
