"""The agent: in a trial the download path is proved before there is a session."""

from enos_ota.errors import LinkError
from fakeagent import Link, Trial, WithAgent

PENDING = 1


class TestDownloadPath(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.chip.entry(0, 1, PENDING)
        Trial.verdicts = ["passed"]

    def test_path_is_proved_in_a_trial_before_the_session_takes_memory(self):
        self.make()
        self.drive(lambda: self.said("inform"))
        self.assertEqual(Trial.downloads, [False])
        self.assertEqual(self.session.opened, 1)

    def test_path_is_not_proved_without_the_network_the_clock_and_a_tls_context(self):
        self.make()
        Link.errors = [LinkError("Wi-Fi")] * 3
        proved = []
        self.patch(Trial, "prove_download", self.note(proved))
        self.drive(lambda: self.said("inform"))
        self.assertEqual(proved, [("context", Link.ANSWER_S)])

    def note(self, proved):
        async def prove_download(trial):
            proved.append((trial.agent.context, trial.agent.clock_set_s))

        return prove_download

    def test_path_is_asked_for_with_each_connection_of_the_trial(self):
        # The trial itself knows whether it was proved already.
        self.make()
        self.session.refusals = [LinkError("refused")] * 2
        self.drive(lambda: self.said("inform"))
        self.assertEqual(Trial.downloads, [False] * 3)

    def test_path_is_not_proved_without_a_trial(self):
        self.chip.entry(0, 1, 2)
        self.make()
        self.drive(lambda: self.said("inform"))
        self.assertEqual(Trial.downloads, [])
