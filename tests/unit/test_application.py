"""The user's application: its promise to say that it goes on. Its start and end are tested with the agent."""

from enos_ota import application
from enos_ota.application import Application
from helpers import Case


class TestAlive(Case):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.slow(application)

    def made(self, timeout_s):
        one = Application(None, timeout_s)
        one.start()
        return one

    def test_application_without_a_promise_is_never_late(self):
        one = self.made(0)
        self.clock.sleep_ms(86_400_000)
        self.assertFalse(one.is_late())

    def test_application_is_late_once_it_was_silent_for_longer_than_promised(self):
        one = self.made(20)
        self.clock.sleep_ms(20_000)
        self.assertFalse(one.is_late())
        self.clock.sleep_ms(1)
        self.assertTrue(one.is_late())

    def test_application_that_says_so_is_no_longer_late(self):
        one = self.made(20)
        self.clock.sleep_ms(30_000)
        one.alive()
        self.assertFalse(one.is_late())
        self.clock.sleep_ms(20_001)
        self.assertTrue(one.is_late())

    def test_time_before_its_start_does_not_count(self):
        # An agent that went first may have taken minutes.
        one = Application(None, 20)
        self.clock.sleep_ms(300_000)
        one.start()
        self.assertFalse(one.is_late())
