"""Orders: an upgrade that a reset cut short meets a link that breaks, or a command that is lost."""

import json

from enos_ota.errors import LinkError, VerifyError
from fakeagent import COMMAND, KEPT, Link, Upgrade
from unfinished import Unfinished


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


class TestFails(Unfinished):
    def test_upgrade_whose_address_is_lost_and_that_nobody_lists_ends_like_any_other(self):
        self.cut_short(tries=None)
        Upgrade.plan = [VerifyError("digest")]
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.said("progress")[0], {"step": "-3", "desc": "2.0: digest"})

    def test_command_that_lacks_a_field_ends_with_1_whatever_enos_lists(self):
        # Of a damaged NVS, or of another format: nothing else may come out of it.
        for field in ("sign", "version"):
            self.cut_short()
            kept = dict(COMMAND, tries=1)
            del kept[field]
            self.chip.nvs[("enos_ota", "command")] = json.dumps(kept).encode()
            self.make()
            self.lists(dict(COMMAND, version="3.0", sign="ef" * 32))
            self.drive(lambda: self.said("progress") and self.agent.may_sleep())
            self.assertEqual(self.said("progress")[0]["step"], "-1")
            self.assertEqual(self.session.closed, 0)

    def test_upgrade_whose_address_is_lost_gets_it_from_the_list(self):
        self.cut_short(tries=None)
        self.lists(COMMAND)
        self.assertTrue(self.begins("2.0") < 10)
        self.assertEqual(self.kept("command"), KEPT)
