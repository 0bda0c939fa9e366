"""How an agent upgrades, by who brings its network up."""

from fakeagent import WithAgent


class TestMode(WithAgent):
    def test_agent_with_a_hook_may_upgrade_alone_as_with_wifi(self):
        for mode in ("auto", "reboot", "live"):
            for network in ("wifi", "hook"):
                self.assertEqual(self.make({"network": network}, upgrade=mode).mode, mode)
