"""The agent: how an upgrade ends for EnOS, and the last word of it."""

from enos_ota.errors import BurnError, DownloadError, LinkError, UpgradeError, VerifyError
from fakeagent import COMMAND, Trial, Upgrade, WithAgent

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


class TestKeptCommand(WithAgent):
    """A command that came in a trial is in NVS, and is obeyed after the next connect."""

    def setUp(self) -> None:
        super().setUp()
        from enos_ota import journal

        journal.save_command(COMMAND, 0)

    def kept(self):
        from enos_ota import journal

        return journal.load_command()

    def test_command_kept_is_obeyed_after_the_inform(self):
        self.make()
        self.assertFalse(self.agent.may_sleep())
        Upgrade.plan = ["hang"]
        self.drive(lambda: Upgrade.begun)
        self.assertEqual([kind for kind, _ in self.session.done], ["inform"])
        self.assertEqual(self.kept()["version"], "2.0")

    def test_command_kept_for_what_runs_now_is_forgotten(self):
        from enos_ota import journal

        journal.save_command(dict(COMMAND, version="1.0.0"), 0)
        self.make()
        self.drive(lambda: len(self.said("inform")) == 2)
        self.assertEqual(self.kept(), {})
        self.assertEqual(Upgrade.begun, [])

    def test_newer_command_takes_its_place(self):
        self.make()
        Upgrade.plan = ["hang"]
        self.command(version="3.0", sign="cd" * 32)
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["3.0"])
        self.assertEqual(self.kept(), {})

    def test_failure_forgets_it(self):
        self.make()
        Upgrade.plan = [VerifyError("digest")]
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.kept(), {})

    def test_success_of_the_trial_before_it_does_not_forget_it(self):
        self.chip.entry(0, 1, 1)  # PENDING
        self.make()
        Trial.verdicts = ["passed"]
        Upgrade.plan = ["hang"]
        kept = []
        self.session.answers["progress"] = lambda: kept.append(self.kept()) or {"code": 200}
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(self.steps(), ["100"])
        self.assertEqual(kept[0], dict(COMMAND, tries=0))
        self.assertEqual(Upgrade.begun, ["2.0"])

    def test_put_off_it_stays_in_nvs(self):
        self.make(on_upgrade=lambda firmware: 600)
        self.drive(lambda: self.clock.now_ms > 60_000)
        self.assertEqual(self.kept()["version"], "2.0")


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


class TestReport(WithAgent):
    def test_report_is_a_string_for_enos_and_a_number_for_the_application(self):
        heard = []
        self.make(on_progress=lambda step, desc: heard.append((step, desc)))
        self.drive(lambda: self.said("inform"))
        self.agent.report(20, "2.0: downloading")
        self.assertEqual(self.said("progress"), [{"step": "20", "desc": "2.0: downloading"}])
        self.assertEqual(heard, [(20, "2.0: downloading")])
        self.agent.report(25, "v" * 200)
        self.assertEqual(len(self.said("progress")[-1]["desc"]), 100)

    def test_report_without_a_session_is_lost_without_an_error(self):
        self.make()
        self.agent.report(20, "x")
        self.session.is_open = True
        self.session.send = lambda kind, params: self.fail_link()
        self.agent.report(25, "x")

    def fail_link(self):
        raise LinkError("closed")
