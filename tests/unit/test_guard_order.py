"""Orders: what is written first, so that power lost in between loses neither a command nor a last word."""

from enos_ota import journal
from fakeagent import COMMAND, Upgrade, WithAgent


class TestWritten(WithAgent):
    """`written`: the keys of NVS in the order in which they were changed; an erased one has a minus."""

    def setUp(self) -> None:
        super().setUp()
        self.written = []

    def watch(self) -> None:
        self.chip.on_nvs = lambda namespace, key, value: self.written.append(
            key if value is not None else "-" + key
        )

    def test_next_command_is_kept_as_the_one_at_work_before_it_is_forgotten(self):
        journal.keep_command(journal.NEXT, COMMAND)
        Upgrade.plan = ["hang"]
        self.make()
        self.watch()
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(
            [key for key in self.written if "journal" not in key], ["command", "-next"]
        )

    def test_last_word_is_kept_before_its_command_is_forgotten(self):
        journal.save(state=journal.FETCH, version="2.0", sign=COMMAND["sign"])
        journal.keep_command(journal.COMMAND, COMMAND)
        self.watch()
        journal.owe(-2, "2.0: no route")
        self.assertEqual(self.written, ["journal", "-command"])

    def test_upgrade_given_up_is_forgotten_before_its_command(self):
        # Else the next boot would look for an upgrade whose address is lost.
        journal.save(state=journal.FETCH, version="2.0", sign=COMMAND["sign"])
        journal.keep_command(journal.COMMAND, COMMAND)
        self.watch()
        journal.clear()
        self.assertEqual(self.written, ["journal", "-command"])
