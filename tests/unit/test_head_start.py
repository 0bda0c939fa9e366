"""The boot in which the agent goes first: for how long."""

import asyncio
import sys

import machine
from enos_ota import alone, journal
from firstboot import COMMAND, FAILS, WHY, Agent, Module, OnBoard


class TestHowLong(OnBoard):
    def setUp(self) -> None:
        super().setUp()
        self.chip.nvs[WHY] = b"KeyError: 7"

    def test_without_a_network_the_application_waits_a_minute(self):
        self.assertEqual(self.first(), 61)

    def test_agent_that_went_first_does_not_run_on_beside_the_application(self):
        async def application():
            for _ in range(9):
                await asyncio.sleep_ms(0)

        calls = []
        self.script(lambda agent, second: calls.append(second))
        self.first()
        before = len(calls), Agent.made[-1].fed
        self.assertTrue(min(before) > 9)
        asyncio.run(application())
        self.assertEqual((len(calls), Agent.made[-1].fed), before)

    def test_network_that_the_application_brings_is_not_waited_for(self):
        seconds = []
        self.script(lambda agent, second: seconds.append(second))
        self.patch(Agent, "network", "external")
        sys.modules["enos_ota.agent"] = Module
        start = self.clock.now_ms
        alone.first()()
        self.assertEqual(len(Agent.made), 1)
        self.assertEqual((seconds, self.clock.now_ms), ([], start))

    def test_without_a_network_a_command_has_ten_minutes(self):
        journal.save_command(COMMAND, 1)
        self.assertEqual(self.first(), 601)

    def test_enos_has_20_s_after_the_inform_to_push(self):
        def inform(agent, second):
            agent.is_informed = second >= 40

        self.script(inform)
        self.assertTrue(60 <= self.first() <= 63)

    def test_session_that_broke_gives_enos_its_20_s_anew(self):
        def inform(agent, second):
            agent.is_informed = 10 <= second < 25 or second >= 40

        self.script(inform)
        self.assertTrue(60 <= self.first() <= 63)

    def test_session_that_breaks_after_the_minute_ends_it(self):
        def inform(agent, second):
            agent.is_informed = 50 <= second < 65

        self.script(inform)
        self.assertTrue(65 <= self.first() <= 67)

    def test_word_that_is_owed_is_waited_for(self):
        def owe(agent, second):
            agent.is_informed = second >= 5
            agent.owes = second < 90

        self.script(owe)
        self.assertTrue(90 <= self.first() <= 92)

    def test_upgrade_at_work_is_never_cut_off(self):
        for command in ({}, COMMAND):
            if command:
                journal.save_command(command, 1)

            def work(agent, second):
                # MQTT may be closed for the download.
                agent.is_informed = 5 <= second < 50 or second > 7200
                agent.digest = "cd" if 10 <= second < 7200 else ""

            self.script(work)
            self.assertTrue(7200 <= self.first() <= 7203)

    def test_heap_that_grew_in_an_upgrade_is_not_left_to_the_application(self):
        for works, left_bytes, is_reset in (
            (True, 49_000, True),
            (True, 51_000, False),
            (False, 1, False),
        ):
            self.chip.largest_block = 100_000

            def work(agent, second, works=works, left_bytes=left_bytes):
                self.chip.largest_block = left_bytes
                agent.digest = "cd" if works and 10 <= second < 20 else ""

            self.script(work)
            self.assertEqual(self.is_reset(self.first), is_reset)

    def test_agent_that_an_upgrade_left_without_memory_ends_at_once(self):
        for works, seconds in ((True, 21), (False, 600)):

            def work(agent, second, works=works):
                agent.digest = "cd" if works and 10 <= second < 20 else ""
                agent.starved_ms = agent.started_ms + 15_000 if second >= 15 else None

            journal.save_command(COMMAND, 1)
            self.script(work)
            self.assertTrue(seconds - 1 <= self.first() <= seconds + 30)

    def test_upgrade_that_resets_does_not_return(self):
        def work(agent, second):
            agent.digest = "cd"
            if second > 100:
                machine.reset()

        self.script(work)
        self.assertTrue(self.is_reset(self.first))


class Served(OnBoard):
    def serve(self, *arguments):
        """Let an agent go first as told; the seconds it took, or None where the board was reset."""
        sys.modules["enos_ota.agent"] = Module
        from enos_ota.head_start import HeadStart

        start = self.clock.now_ms
        try:
            HeadStart(*arguments).run()
        except machine.Reset:
            return None
        return (self.clock.now_ms - start) // 1000


class TestTold(Served):
    def test_version_that_enos_is_told_has_the_suffix(self):
        for suffix in ("", "+safe", "+rescue"):
            self.serve(5000, 5000, suffix)
            self.assertEqual(Agent.made[-1].version, "1.0.0" + suffix)

    def test_times_are_those_given(self):
        self.assertEqual(self.serve(5000, 0, ""), 6)
        self.script(lambda agent, second: setattr(agent, "is_informed", True))
        self.assertTrue(100 <= self.serve(5000, 100_000, "") <= 103)

    def test_agent_without_an_application_takes_what_enos_offers(self):
        for suffix, select in (("", None), ("+safe", "the first"), ("+rescue", "the first")):
            self.serve(5000, 5000, suffix)
            self.assertEqual(Agent.made[-1].select, select)

    def test_each_network_may_take_its_28_s_to_join(self):
        Agent.networks = ("gone",) * 3 + ("home",)
        self.assertEqual(self.serve(60_000, 0, ""), 173)

    def test_hook_may_take_its_60_s(self):
        self.patch(Agent, "network", "hook")
        self.assertEqual(self.serve(60_000, 0, ""), 121)

    def test_session_that_waits_for_the_answer_to_its_inform_is_not_given_up(self):
        def connect(agent, second):
            agent.is_open = 50 <= second < 80
            agent.is_informed = second >= 80

        self.script(connect)
        self.assertTrue(100 <= self.serve(60_000, 20_000, "") <= 103)


class TestFails(Served):
    """An agent that lives alone for 30 s is not what fails: /boot.py must not give the slot up."""

    def fails(self, count, lives_s):
        """What is left of so many failures in a row, after so long alone."""
        self.chip.nvs[FAILS] = count
        self.serve(lives_s * 1000, 0, "")
        return self.chip.nvs[FAILS]

    def test_failures_are_three_at_most_after_30_s_alone(self):
        for count, left in ((7, 3), (4, 3), (3, 3), (2, 2), (0, 0), (-1, -1)):
            self.assertEqual(self.fails(count, 40), left)

    def test_failures_stay_where_the_agent_lived_shorter(self):
        self.assertEqual(self.fails(7, 25), 7)

    def test_failures_are_capped_once(self):
        # The application of this boot is counted by the next.
        def fail(agent, second):
            if second == 60:
                self.chip.nvs[FAILS] = 5

        self.script(fail)
        self.assertEqual(self.fails(7, 90), 5)

    def test_full_nvs_does_not_end_the_head_start(self):
        self.chip.nvs[FAILS] = 7
        self.chip.nvs_full = True
        self.assertEqual(self.serve(40_000, 0, ""), 41)
        self.assertEqual(self.chip.nvs[FAILS], 7)
