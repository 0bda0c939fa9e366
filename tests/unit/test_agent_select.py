"""The agent: releases on request."""

from enos_ota.errors import VerifyError
from fakeagent import COMMAND, Upgrade, WithAgent, agent


class TestSelect(WithAgent):
    def asked(self):
        return len(self.said("getversion"))

    def test_without_a_period_nothing_is_asked(self):
        self.make(select=agent.select_first)
        self.drive(lambda: self.clock.now_ms > 100_000)
        self.assertEqual(self.asked(), 0)

    def test_select_is_asked_at_once_in_each_session_and_then_each_period(self):
        self.make(settings={"check_s": 60}, select=agent.select_first)
        self.drive(lambda: self.asked() == 1)
        start = self.clock.now_ms
        self.assertTrue(start < 10_000)
        self.drive(lambda: self.asked() == 4)  # another session: at once, and two periods
        self.assertTrue(115_000 <= self.clock.now_ms - start <= 130_000, self.clock.now_ms - start)

    def test_selected_release_is_begun_without_an_upgrade_reply(self):
        self.make(settings={"check_s": 60}, select=agent.select_first)
        self.session.answers["getversion"] = {
            "code": 200,
            "data": [COMMAND, dict(COMMAND, version="3.0")],
        }
        Upgrade.plan = ["hang"]
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["2.0"])
        self.assertEqual(self.said("upgrade_reply"), [])

    def test_select_hook_chooses_among_several_versions(self):
        offers = [COMMAND, dict(COMMAND, version="3.0", sign="cd" * 32)]
        self.make(settings={"check_s": 60}, select=lambda found: found[-1])
        self.session.answers["getversion"] = {"code": 200, "data": offers}
        Upgrade.plan = ["hang"]
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["3.0"])

    def test_select_hook_that_raises_chooses_none_and_the_session_stays(self):
        self.make(settings={"check_s": 60}, select=lambda found: found[7])
        self.drive(lambda: self.asked() == 3)
        self.assertEqual(Upgrade.begun, [])
        self.assertEqual(self.session.closed, 0)

    def test_select_hook_that_chooses_no_release_does_not_end_the_session(self):
        self.make(settings={"check_s": 60}, select=lambda found: "3.0")
        self.session.answers["getversion"] = {"code": 200, "data": [COMMAND]}
        self.drive(lambda: self.asked() == 3)
        self.assertEqual(self.session.closed, 0)

    def test_release_that_failed_is_not_asked_for_again_at_once(self):
        self.make(settings={"check_s": 60}, select=agent.select_first)
        self.session.answers["getversion"] = {"code": 200, "data": [COMMAND]}
        begun_ms = []

        def fail():
            self.clock.now_ms += 120_000  # the next question is overdue by then
            begun_ms.append(self.clock.now_ms)
            return VerifyError("digest")

        Upgrade.plan = [fail] * 2
        self.drive(lambda: len(begun_ms) == 2)
        self.assertTrue(begun_ms[1] - begun_ms[0] >= 180_000)

    def test_none_chosen_running_version_and_default_hook_begin_nothing(self):
        for select in (lambda offers: None, lambda offers: offers[-1], None):
            self.make(settings={"check_s": 60}, **({"select": select} if select else {}))
            self.session.answers["getversion"] = {
                "code": 200,
                "data": [COMMAND, dict(COMMAND, version="1.0.0")],
            }
            self.drive(lambda: self.clock.now_ms > 30_000 and self.said("inform"))
            self.assertEqual(Upgrade.begun, [])

    def test_running_version_that_enos_lists_and_select_chooses_is_not_begun(self):
        self.make(settings={"check_s": 60}, select=agent.select_first)
        self.session.answers["getversion"] = {"code": 200, "data": [dict(COMMAND, version="1.0.0")]}
        Upgrade.plan = ["hang"]
        self.drive(lambda: self.asked() == 2)
        self.assertEqual(Upgrade.begun, [])

    def test_nothing_is_asked_while_an_upgrade_is_at_work(self):
        self.make(settings={"check_s": 60}, select=agent.select_first)
        Upgrade.plan = ["hang"]
        self.session.answers["getversion"] = {"code": 200, "data": [COMMAND]}
        self.drive(lambda: self.clock.now_ms > 600_000)
        self.assertEqual(self.asked(), 1)

    def test_getversion_without_a_reply_does_not_end_the_session(self):
        self.make(settings={"check_s": 60}, select=agent.select_first)
        self.session.answers["getversion"] = None
        self.drive(lambda: self.asked() == 4)  # another session: at once, and two periods
        self.assertEqual(self.session.closed, 0)

    def test_list_of_offers_that_does_not_fit_is_passed_over_and_the_session_stays(self):
        async def check():
            raise MemoryError

        self.make(settings={"check_s": 60}, select=agent.select_first)
        self.agent.check = check
        self.drive(lambda: self.clock.now_ms > 100_000)
        self.assertEqual(self.session.closed, 0)
        self.assertEqual(len(self.said("inform")), 1)

    def test_period_of_a_week_is_possible_with_the_ticks_of_a_chip(self):
        # A chip's ticks_add raises OverflowError beyond 2**29 ms, six days.
        clock = self.clock
        adding = clock.ticks_add

        def ticks_add(ticks, delta):
            if not -(1 << 29) <= delta < 1 << 29:
                raise OverflowError("ticks interval overflow")
            return adding(ticks, delta)

        clock.ticks_add = ticks_add
        self.make(settings={"check_s": 7 * 86_400}, select=agent.select_first)
