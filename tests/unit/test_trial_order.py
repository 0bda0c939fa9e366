"""The trial of a new image: a command that comes in it."""

from enos_ota import journal
from ontrial import VALID, OnTrial

AT_WORK = {"version": "2.0", "sign": "ab"}  # the command whose image is on trial


class TestOrder(OnTrial):
    """A command that comes in a trial was answered, and is obeyed by whichever image runs afterwards."""

    def power_up(self) -> None:
        super().power_up()
        journal.keep_command(journal.COMMAND, AT_WORK)

    def next(self):
        return journal.load_command(journal.NEXT)

    def order(self, **changes) -> None:
        self.agent.order = dict({"version": "3.0", "sign": "cd"}, **changes)

    def on_poll(self, act) -> None:
        """Act once, in the first poll."""

        def poll():
            self.agent.on_poll = None
            act()

        self.agent.on_poll = poll

    def test_command_is_kept_while_the_app_is_watched(self):
        self.on_poll(self.order)
        kept = []
        self.agent.self_test = lambda: kept.append(self.next()) or True
        self.prove()
        self.assertEqual(kept, [{"version": "3.0", "sign": "cd"}])
        self.assertEqual(self.agent.order, {"version": "3.0", "sign": "cd"})

    def test_command_that_came_before_is_kept_too(self):
        self.order()
        self.clock.sleep_ms(60_000)  # the application has lived its time
        self.prove()
        self.assertEqual(self.next()["version"], "3.0")

    def test_command_is_kept_when_the_trial_fails(self):
        def end():
            self.order()
            self.agent.ended = "the application returned"

        self.on_poll(end)
        self.fails(self.prove, "returned")
        self.assertEqual(self.next()["version"], "3.0")

    def test_command_is_kept_though_the_link_is_never_proved(self):
        # It came, but no answer to our own request ever does.
        self.order()
        self.clock.sleep_ms(600_001)
        self.fails(self.trial.watch, "600")
        self.assertEqual(self.next()["version"], "3.0")

    def test_newer_command_replaces_the_one_kept(self):
        self.order()
        self.on_poll(lambda: self.order(version="4.0"))
        self.prove()
        self.assertEqual(self.next()["version"], "4.0")

    def test_version_on_trial_pushed_again_is_dropped(self):
        self.on_poll(lambda: self.order(version="2.0"))
        self.prove()
        self.assertIsNone(self.agent.order)
        self.assertEqual(self.next(), {})

    def test_version_on_trial_pushed_again_replaces_the_one_kept(self):
        # The newest command counts: the one before must not be obeyed at the next boot.
        self.order()

        def push_again():
            self.assertEqual(self.next()["version"], "3.0")
            self.order(version="2.0")

        self.agent.on_poll = lambda: self.agent.polls == 9 and push_again()
        self.prove()
        self.assertIsNone(self.agent.order)
        self.assertEqual(self.next(), {})

    def test_command_whose_image_is_on_trial_stays_beside_it(self):
        # Its address is what the download path is proved with, at the next boot of the trial too.
        for version in ("3.0", "2.0"):
            self.power_up()
            self.order(version=version)
            self.prove()
            self.assertEqual(journal.load_command(), AT_WORK)

    def test_command_is_written_once(self):
        saved = []
        keep = journal.keep_command
        self.patch(journal, "keep_command", lambda *args: saved.append(args) or keep(*args))
        self.order()
        self.prove()
        self.assertEqual(len(saved), 1)

    def test_unusable_command_does_not_end_the_trial(self):
        # An image that stays on trial because of it would be rolled back.
        for params in ({}, {"version": 3}):
            self.power_up()
            self.agent.order = params
            self.prove()
            self.assertEqual(self.chip.states()[1], (2, VALID))
            self.assertEqual(self.agent.order, params)

    def test_full_nvs_does_not_end_the_trial(self):
        self.order()
        self.chip.nvs_full = True
        self.prove()
        self.assertEqual(self.chip.states()[1], (2, VALID))
        self.assertEqual(self.agent.order["version"], "3.0")
