"""Safe mode and rescue: a boot in which the application, or the whole slot, is not trusted with the board."""

import sys

import machine
from enos_ota import alone, journal, rescue
from firstboot import COMMAND, FAILS, PENDING, VALID, WHY, Agent, OnBoard
from tworeleases import put

HOUR_S = 3600
NEW = 0


class Failing(OnBoard):
    """A board whose one release fails at each start: three times by now."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(rescue, "log", lambda level, text: None)
        self.chip.nvs[FAILS] = 3

    def informed(self, agent, second) -> None:
        agent.is_informed = second >= 5

    def with_former_release(self) -> None:
        """The other slot holds a release that was confirmed."""
        self.chip.entry(0, 3, VALID)
        self.chip.entry(1, 2, VALID)
        put("ota_1", "0.9")

    def goes_back(self) -> None:
        made = len(Agent.made)
        try:
            alone.first()
            raise AssertionError("no reset")
        except machine.Reset:
            pass
        self.assertEqual(len(Agent.made), made)
        self.assertEqual(self.chip.states()[1], (4, NEW))


class TestSafe(Failing):
    def test_fewer_than_three_failures_in_a_row_are_no_safe_mode(self):
        for fails in (-1, 0, 1, 2):
            self.chip.nvs[FAILS] = fails
            self.assertIsNone(self.first())
        del self.chip.nvs[FAILS]
        self.assertIsNone(self.first())

    def test_third_failure_keeps_the_application_waiting_for_an_hour_and_tells_enos(self):
        self.script(self.informed)
        for fails in (3, 4, 5):
            self.chip.nvs[FAILS] = fails
            self.assertTrue(HOUR_S <= self.first() <= HOUR_S + 10)
            self.assertEqual(Agent.made[-1].version, "1.0.0+safe")

    def test_reason_of_the_last_failure_changes_nothing(self):
        self.script(self.informed)
        self.chip.nvs[WHY] = b"KeyError: 7"
        machine.State.cause = machine.WDT_RESET
        self.assertTrue(HOUR_S <= self.first() <= HOUR_S + 10)
        self.assertEqual(Agent.made[-1].version, "1.0.0+safe")

    def test_without_a_network_the_application_has_its_chance_after_a_minute(self):
        # It may be the one that brings the network.
        self.assertEqual(self.first(), 61)

    def test_first_failures_are_no_reason_to_tell_another_version(self):
        self.chip.nvs[FAILS] = 1
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.first()
        self.assertEqual(Agent.made[-1].version, "1.0.0")

    def test_image_on_trial_starts_its_application(self):
        self.chip.entry(1, 2, PENDING)
        self.chip.running = "ota_1"
        self.assertIsNone(self.first())

    def test_failures_are_not_forgotten_by_safe_mode(self):
        # Only an application that lives clears them.
        self.script(self.informed)
        self.first()
        self.assertEqual(self.chip.nvs[FAILS], 3)

    def test_command_in_safe_mode_is_counted_and_has_ten_minutes(self):
        journal.save_command(COMMAND, 1)
        self.assertEqual(self.first(), 601)
        self.assertEqual(journal.load_command()["tries"], 2)

    def test_agent_goes_first_after_a_rollback_too(self):
        # The release that runs again failed before it was upgraded.
        journal.save(state=journal.TRIAL, version="3.0", slot=1)
        self.script(self.informed)
        self.assertTrue(self.first() >= HOUR_S)


class TestBack(Failing):
    def test_former_release_is_returned_to_before_anything_else(self):
        self.with_former_release()
        self.goes_back()

    def test_former_release_is_returned_to_once(self):
        self.with_former_release()
        journal.save(back=1)
        self.script(self.informed)
        self.assertTrue(self.first() >= HOUR_S)
        self.assertEqual(self.chip.states()[1], (2, VALID))

    def test_two_failures_do_not_return_to_it(self):
        self.with_former_release()
        self.chip.nvs[FAILS] = 2
        self.assertIsNone(self.first())
        self.assertEqual(self.chip.states()[1], (2, VALID))

    def test_upgrade_at_work_goes_on_instead(self):
        self.with_former_release()
        journal.save(state=journal.FETCH, version="3.0", slot=1)
        journal.save_command(COMMAND, 1)
        self.assertEqual(self.first(), 601)
        self.assertEqual(self.chip.states()[1], (2, VALID))


class TestRescue(Failing):
    """/boot.py left /app out of the path: the slot's files cannot be used, and this is the agent in /lib."""

    def setUp(self) -> None:
        super().setUp()
        sys.path.remove("/app")
        self.chip.nvs[FAILS] = 0

    def test_agent_runs_alone_for_an_hour_and_tells_enos(self):
        # Then the slot has another chance, which may only have lacked what its application needs.
        self.script(self.informed)
        for fails in (0, 6):
            self.chip.nvs[FAILS] = fails
            self.assertTrue(HOUR_S <= self.first() <= HOUR_S + 10)
            self.assertEqual(Agent.made[-1].version, "1.0.0+rescue")

    def test_without_a_network_it_waits_as_long(self):
        # The application has no chance to bring it up.
        self.assertEqual(self.first(), HOUR_S + 1)

    def test_former_release_is_returned_to_first(self):
        self.with_former_release()
        self.goes_back()

    def test_command_in_rescue_is_counted_and_served(self):
        journal.save_command(COMMAND, 1)
        self.first()
        self.assertEqual(Agent.made[-1].command["tries"], 2)

    def test_image_on_trial_is_no_rescue(self):
        # What main.py cannot import ends the trial.
        self.chip.entry(1, 2, PENDING)
        self.chip.running = "ota_1"
        self.assertIsNone(self.first())
