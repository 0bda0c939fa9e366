"""Orders: how old an upgrade may be that a reset cut short, where EnOS is silent about it."""

import json

from enos_ota import board
from fakeagent import COMMAND, Clocks, Upgrade
from unfinished import IDLE, SIGN, Unfinished

AT_S = 1_700_000_000  # of the command


class TestAge(Unfinished):
    """upgrade_timeout_s is 7200: where EnOS is silent about an older one, it has given it up."""

    def after(self, age_s, at=AT_S, ntp_s=Clocks.ANSWER_S, **fields) -> None:
        self.patch(board, "unix_time", lambda: AT_S + age_s)
        self.patch(Clocks, "ANSWER_S", ntp_s)
        self.cut_short(at=at, **fields)

    def is_given_up(self) -> None:
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual((self.steps(), Upgrade.begun), (["-7"], []))
        desc = self.said("progress")[0]["desc"]
        self.assertTrue(desc.startswith("2.0: ") and "7200" in desc, desc)

    def test_upgrade_that_is_too_old_is_given_up_with_7_and_keeps_what_the_slot_holds(self):
        for tries in (0, 2):
            self.after(7201, tries=tries)
            self.is_given_up()
            self.assertEqual(self.kept("journal"), {"version": "2.0", "sign": SIGN, "slot": 1})
            self.assertEqual(self.chip.nvs[("enos_ota", "blocks")], 5)
            self.assertEqual(self.kept("command"), {})

    def test_upgrade_that_is_too_old_is_given_up_only_after_a_minute_of_silence(self):
        self.after(7201)
        start = self.clock.now_ms
        self.is_given_up()
        self.assertTrue(60_000 <= self.clock.now_ms - start <= 65_000)
        self.assertEqual(self.kinds()[:3], ["inform", "getversion", "progress"])

    def test_upgrade_that_is_too_old_and_has_no_version_is_given_up_too(self):
        self.after(7201)
        kept = dict(COMMAND, tries=1, at=AT_S)
        del kept["version"]
        self.chip.nvs[("enos_ota", "command")] = json.dumps(kept).encode()
        self.make()
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual((self.steps(), Upgrade.begun), (["-7"], []))

    def test_upgrade_that_enos_still_lists_or_pushes_is_never_too_old(self):
        self.after(1_000_000)
        self.lists(COMMAND)
        self.assertTrue(self.begins("2.0") < 10)
        Upgrade.begun = []
        self.after(1_000_000)

        def push():
            self.command()
            return {"code": 200, "data": []}

        self.session.answers["getversion"] = [push]
        self.assertTrue(self.begins("2.0") < 10)

    def test_upgrade_that_enos_commands_anew_is_as_young_as_the_new_command(self):
        self.after(7201)
        self.lists(COMMAND)
        self.begins("2.0")
        self.assertEqual(self.kept("command")["at"], AT_S + 7201)

    def test_upgrade_that_goes_on_after_the_silence_does_not_get_younger(self):
        self.after(7200)
        self.begins("2.0")
        self.assertEqual(self.kept("command")["at"], AT_S)

    def test_age_is_that_of_this_command_though_one_before_it_was_older(self):
        # Kept, and not begun: the boot for it alone comes first.
        self.after(100, state=IDLE, tries=2)
        self.begins("2.0")

    def test_age_that_the_command_did_not_know_is_none(self):
        self.after(1_000_000, at=0)
        self.begins("2.0")

    def test_age_that_this_boot_does_not_know_is_none(self):
        # The clock stands at the build time, or anywhere.
        self.after(1_000_000, ntp_s=0)
        self.begins("2.0")

    def test_age_of_a_command_is_kept_where_ntp_answered(self):
        for ntp_s, at in ((Clocks.ANSWER_S, AT_S), (0, 0)):
            Upgrade.begun = []
            self.after(0, ntp_s=ntp_s, state=IDLE)
            self.lists(COMMAND)
            self.begins("2.0")
            self.assertEqual(self.kept("command")["at"], at)

    def test_age_and_state_that_a_message_claims_for_itself_mean_nothing(self):
        self.patch(board, "unix_time", lambda: AT_S)
        self.make()
        Upgrade.plan = ["hang"]
        self.command(at="x", unfinished=True)
        self.begins("2.0")
        self.assertEqual(self.kinds(), ["upgrade_reply", "inform"])
        self.assertEqual(self.kept("command")["at"], AT_S)
