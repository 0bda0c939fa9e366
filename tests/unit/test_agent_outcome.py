"""The agent: how an upgrade ends for EnOS, and what is heard of it on the way."""

from enos_ota.errors import BurnError, DownloadError, LinkError, UpgradeError, VerifyError
from fakeagent import Upgrade, WithAgent


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
