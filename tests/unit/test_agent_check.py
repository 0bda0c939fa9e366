"""The agent: what EnOS offers."""

from enos_ota.errors import LinkError, VerifyError
from fakeagent import COMMAND, Upgrade, WithAgent
from helpers import run


class TestCheck(WithAgent):
    def offers(self, data):
        self.make()
        self.session.answers["getversion"] = {"code": 200, "data": data}
        return [firmware.version for firmware in run(self.agent.check())]

    def test_check_several_one_none_null_absent_and_object(self):
        self.assertEqual(self.offers([COMMAND, dict(COMMAND, version="3.0")]), ["2.0", "3.0"])
        self.assertEqual(self.offers([COMMAND]), ["2.0"])
        for data in ([], None, {}, ""):
            self.assertEqual(self.offers(data), [])
        self.session.answers["getversion"] = {"code": 200}
        self.assertEqual(run(self.agent.check()), [])

    def test_check_answered_with_another_code_offers_nothing(self):
        self.make()
        for code, count in ((200, 1), ("200", 1), (1009, 0), ("1009", 0), (None, 0), (2000, 0)):
            self.session.answers["getversion"] = {"code": code, "data": [COMMAND]}
            self.assertEqual(len(run(self.agent.check())), count, code)
        self.session.answers["getversion"] = {"data": [COMMAND]}
        self.assertEqual(run(self.agent.check()), [])

    def test_check_without_an_answer_is_a_link_error(self):
        self.make()
        self.session.answers["getversion"] = None
        self.raised(LinkError, run, self.agent.check())

    def test_upgrade_of_an_offer_returns_after_a_failure(self):
        self.make()
        Upgrade.plan = [VerifyError("digest")]
        self.session.answers["getversion"] = {"code": 200, "data": [COMMAND]}

        async def ask():
            await self.agent.upgrade((await self.agent.check())[0])
            self.returned = self.agent.word

        self.returned = None
        self.drive(lambda: self.returned, ask())
        self.assertEqual(self.returned, (-3, "2.0: digest"))
