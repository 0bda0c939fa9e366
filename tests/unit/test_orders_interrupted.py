"""Orders: an upgrade that a reset cut short meets a link that breaks, its age, or a command that is lost."""

from enos_ota import board
from enos_ota.errors import LinkError, VerifyError
from fakeagent import COMMAND, Link, Upgrade
from unfinished import SIGN, Unfinished

AT_S = 1_700_000_000  # of the command


class TestLink(Unfinished):
    def test_link_that_breaks_while_it_asks_leaves_it_unfinished(self):
        self.cut_short()

        def lose():
            self.session.troubles = [LinkError("closed")]
            return LinkError("closed")

        self.session.answers["getversion"] = [lose, {"code": 200, "data": [COMMAND]}]
        self.begins("2.0")
        self.assertEqual(self.kinds(), ["inform", "getversion"] * 2)

    def test_link_that_breaks_in_the_silence_does_not_prolong_it(self):
        self.cut_short()
        self.drive(lambda: "getversion" in self.kinds())
        self.session.troubles = [LinkError("closed")]
        self.assertTrue(60 <= self.begins("2.0") <= 70)

    def test_board_that_is_not_online_does_not_go_on(self):
        # What EnOS says of it counts.
        self.cut_short()
        Link.errors = [LinkError("Wi-Fi")] * 50
        self.drive(lambda: self.clock.now_ms - self.start > 200_000)
        self.assertEqual(Upgrade.begun, [])


class TestAge(Unfinished):
    """upgrade_timeout_s is 7200: older, EnOS has given the upgrade up."""

    def after(self, age_s, at=AT_S, ntp_s=Link.ANSWER_S) -> None:
        self.patch(board, "unix_time", lambda: AT_S + age_s)
        self.patch(Link, "ANSWER_S", ntp_s)
        self.cut_short(at=at)
        self.lists(COMMAND)

    def test_upgrade_that_is_too_old_is_given_up_with_7_and_keeps_what_the_slot_holds(self):
        self.after(7201)
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-7"])
        desc = self.said("progress")[0]["desc"]
        self.assertTrue(desc.startswith("2.0: ") and "7200" in desc, desc)
        self.assertEqual((Upgrade.begun, self.said("getversion")), ([], []))
        self.assertEqual(
            self.kept("journal"), {"version": "2.0", "sign": SIGN, "slot": 1, "at": AT_S}
        )
        self.assertEqual(self.chip.nvs[("enos_ota", "blocks")], 5)
        self.assertEqual(self.kept("command"), {})

    def test_upgrade_that_is_just_young_enough_goes_on(self):
        self.after(7200)
        self.begins("2.0")

    def test_age_that_the_command_did_not_know_is_none(self):
        self.after(1_000_000, at=0)
        self.begins("2.0")

    def test_age_that_this_boot_does_not_know_is_none(self):
        # The clock stands at the build time, or anywhere.
        self.after(1_000_000, ntp_s=0)
        self.begins("2.0")


class TestFails(Unfinished):
    def test_upgrade_whose_address_is_lost_and_that_nobody_lists_ends_like_any_other(self):
        self.cut_short(tries=None)
        Upgrade.plan = [VerifyError("digest")]
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.said("progress")[0], {"step": "-3", "desc": "2.0: digest"})

    def test_upgrade_whose_address_is_lost_gets_it_from_the_list(self):
        self.cut_short(tries=None)
        self.lists(COMMAND)
        self.assertTrue(self.begins("2.0") < 10)
        self.assertEqual(self.kept("command"), COMMAND)
