"""The agent: what the application hears of a link that fails."""

from enos_ota.errors import DownloadError, LinkError
from fakeagent import WithAgent


class TestOnLink(WithAgent):
    def states(self, error, refused=False):
        """What `on_link` hears when the first session fails with an error, and the second does not."""
        heard = []
        self.make(on_link=lambda state, reason: heard.append((state, reason)))
        self.session.refuses = refused
        self.session.refusals = [error]
        self.drive(lambda: self.said("inform"))
        self.assertEqual(heard.pop(), ("connected", ""))
        return heard

    def test_connection_that_fails_is_lost_with_its_reason(self):
        self.assertEqual(self.states(LinkError("timed out")), [("lost", "timed out")])

    def test_login_refused_by_the_broker_is_refused(self):
        error = LinkError("login refused: CONNACK 5")
        self.assertEqual(self.states(error, True), [("refused", "login refused: CONNACK 5")])

    def test_certificate_refused_by_tls_is_refused(self):
        self.assertEqual(self.states(DownloadError("TLS refused")), [("refused", "TLS refused")])

    def test_error_that_is_not_ours_is_lost_with_its_name(self):
        ((state, reason),) = self.states(IndexError("x"))
        self.assertEqual(state, "lost")
        self.assertIn("IndexError", reason)
