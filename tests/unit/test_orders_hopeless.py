"""Orders: a digest that rolled back twice is refused, until another one is commanded."""

import json

from fakeagent import COMMAND, Upgrade, WithAgent

SIGN = COMMAND["sign"]
OTHER = {"version": "3.0", "sign": "cd" * 32}


class TestHopeless(WithAgent):
    def rolled_back(self, times, sign=SIGN, **hooks) -> None:
        """A board on which a digest rolled back so often in a row."""
        record = {"rolled": sign, "rolls": times, "sign": sign, "slot": 1, "size": 8192}
        self.chip.nvs[("enos_ota", "journal")] = json.dumps(record).encode()
        Upgrade.plan = ["hang"] * 3
        self.make(**hooks)

    def refused(self, **changes) -> None:
        """The command is, with -7, and nothing begins."""
        self.session.done.clear()
        self.command(**changes)
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-7"])
        self.assertIn("rolled back 2 times", self.said("progress")[0]["desc"])
        self.assertEqual(len(self.said("upgrade_reply")), 1)
        self.assertEqual(Upgrade.begun, [])

    def begins(self, **changes) -> None:
        self.command(**changes)
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(Upgrade.begun.pop(), changes.get("version", "2.0"))

    def test_digest_that_rolled_back_twice_is_refused_with_7(self):
        self.rolled_back(2)
        self.refused()
        self.assertEqual(self.session.closed, 0)

    def test_it_is_refused_as_often_as_it_is_commanded(self):
        self.rolled_back(2)
        self.refused()
        self.refused(version="2.0 again", sign=SIGN.upper())

    def test_application_is_not_asked_about_it(self):
        asked = []
        self.rolled_back(2, on_upgrade=lambda firmware: asked.append(firmware.version))
        self.refused()
        self.assertEqual(asked, [])

    def test_digest_that_rolled_back_once_begins(self):
        # It may have been the network, or the power.
        self.rolled_back(1)
        self.begins()
        self.assertEqual(self.journal()["rolls"], 1)

    def test_other_digest_begins_and_forgives_it(self):
        self.rolled_back(2)
        self.begins(**OTHER)
        entry = self.journal()
        self.assertEqual((entry["rolled"], entry["rolls"]), ("", 0))
        self.begins()

    def test_other_digest_that_the_application_refuses_forgives_it_too(self):
        # EnOS has commanded another one: that is a decision of somebody.
        self.rolled_back(2, on_upgrade=lambda firmware: firmware.version != "3.0")
        self.command(**OTHER)
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.assertEqual(self.steps(), ["-5"])
        self.begins()

    def test_command_that_cannot_be_used_and_running_version_forgive_nothing(self):
        self.rolled_back(2)
        self.command(signMethod="crc32")
        self.drive(lambda: self.steps() and self.agent.may_sleep())
        self.command(version="1.0.0", sign="ef" * 32)
        self.drive(lambda: self.agent.may_sleep() and len(self.said("inform")) > 2)
        self.refused()

    def test_what_the_slot_holds_stays_known(self):
        self.rolled_back(2)
        self.refused()
        self.assertEqual(self.journal()["size"], 8192)
