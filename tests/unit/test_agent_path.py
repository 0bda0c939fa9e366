"""The agent: in a trial the download path is proved before there is a session; a network that is not its own."""

import os
import sys

from enos_ota.errors import LinkError
from fakeagent import Clocks, Link, Trial, Trusts, WithAgent

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
        self.assertEqual(proved, [("context", Clocks.ANSWER_S)])

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


class TestExternalNetwork(WithAgent):
    def test_upgrade_is_live_in_every_mode_where_the_application_brings_the_network(self):
        for mode in ("auto", "reboot", "live"):
            self.assertEqual(self.make({"network": "external"}, upgrade=mode).mode, "live")
            self.assertEqual(self.make(upgrade=mode).mode, mode)


class Files:
    """Stands for `os`, where the release brings a file."""

    asked = []
    is_there = True

    @classmethod
    def stat(cls, path) -> None:
        cls.asked.append(path)
        if not cls.is_there:
            raise OSError(2)


class TestTrust(WithAgent):
    """What the release says about whom to trust is kept once it is confirmed: a trial may fail."""

    def setUp(self) -> None:
        super().setUp()
        Files.asked = []
        Files.is_there = True
        sys.modules["os"] = Files

    def tearDown(self) -> None:
        sys.modules["os"] = os
        super().tearDown()

    def test_trust_is_kept_at_boot_of_a_confirmed_release_and_not_in_a_trial(self):
        made = self.make()
        self.assertEqual(Trusts.kept, [made.config])
        self.chip.entry(0, 1, PENDING)
        self.make()
        self.assertEqual(len(Trusts.kept), 1)
        self.assertEqual(Files.asked, ["/app/enos_trust.json"])

    def test_release_that_says_nothing_loads_nothing_for_it(self):
        Files.is_there = False
        self.make()
        self.assertEqual(Trusts.kept, [])

    def test_trust_that_cannot_be_kept_does_not_stop_the_agent(self):
        for error in (OSError(28), ValueError("x"), MemoryError()):
            Trusts.error = error
            self.make()
        self.drive(lambda: self.said("inform"))
