"""What the tests of upgrades that find too little memory share."""

import json

from fakeagent import KEPT, Upgrade, WithAgent

COMMAND_KEY = ("enos_ota", "command")
IDLE, FETCH = 0, 1


class InMode(WithAgent):
    def kept(self):
        """The command at work, without the memory that the journal takes to read it."""
        return json.loads(self.chip.nvs.get(COMMAND_KEY, b"{}"))

    def keep(self, params, tries) -> None:
        from enos_ota import journal

        journal.save_command(params, tries)

    def upgrade(self, *plan, **hooks) -> None:
        """Command an upgrade and drive until the board resets or EnOS has the last word."""
        self.make(**hooks)
        Upgrade.plan = list(plan)
        self.command()
        self.was_reset = False
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())

    def is_left_to_the_next_boot(self, state=IDLE) -> None:
        self.assertTrue(self.was_reset)
        self.assertEqual(self.kept(), dict(KEPT, tries=1))
        self.assertEqual(self.journal()["state"], state)
        self.assertEqual(self.said("progress"), [])
        self.assertFalse(self.session.is_open)

    def is_over(self, step, *words) -> None:
        self.assertFalse(self.was_reset)
        self.assertEqual(self.steps(), [step])
        desc = self.said("progress")[0]["desc"]
        self.assertEqual(desc[:5], "2.0: ")
        for word in words:
            self.assertIn(word, desc)
        self.assertEqual(self.kept(), {})
