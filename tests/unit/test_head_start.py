"""The boot in which the agent goes first: for how long."""

import asyncio
import sys

import machine
from enos_ota import alone, journal
from firstboot import COMMAND, WHY, Agent, Module, OnBoard


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

    def test_upgrade_that_resets_does_not_return(self):
        def work(agent, second):
            agent.digest = "cd"
            if second > 100:
                machine.reset()

        self.script(work)
        try:
            self.first()
            raise AssertionError("returned")
        except machine.Reset:
            pass
