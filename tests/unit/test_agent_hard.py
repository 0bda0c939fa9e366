"""The agent in a hard world: no memory at the worst place."""

import machine
from enos_ota import board
from enos_ota.firmware import read
from fakeagent import COMMAND, Upgrade, WithAgent, agent
from helpers import run


class TestNoMemory(WithAgent):
    def test_task_that_cannot_be_had_leaves_no_upgrade_at_work(self):
        # Or the same command would be taken for the one at work, and never begin.
        def starved(coroutine):
            coroutine.close()
            raise MemoryError("task")

        self.make()
        create_task = agent.asyncio.create_task
        agent.asyncio.create_task = starved
        try:
            self.raised(MemoryError, self.agent.start, read(COMMAND))
        finally:
            agent.asyncio.create_task = create_task
        self.assertEqual(self.agent.digest, "")
        Upgrade.plan = ["hang"]
        self.command()
        self.drive(lambda: Upgrade.begun)
        self.assertEqual(Upgrade.begun, ["2.0"])

    def because(self, error):
        """Reset with a reason that NVS does not take."""

        def save_blob(*arguments):
            raise error

        self.patch(board, "save_blob", save_blob)
        self.patch(board, "time", self)
        board.reset_because("no memory for TLS")

    def sleep(self, duration_s) -> None:
        self.slept_s = duration_s

    def test_reason_that_nvs_does_not_take_is_told_by_a_watchdog_reset(self):
        try:
            self.because(OSError(-4357))
            raise AssertionError("no reset")
        except machine.Reset:
            pass
        self.assertEqual(machine.State.watchdog_ms, 1000)
        self.assertTrue(self.slept_s > 1)

    def test_no_memory_for_the_reason_is_left_to_the_stub_to_reset_with(self):
        # It drops the modules of the release first, and has the memory then.
        self.raised(MemoryError, self.because, MemoryError("blob"))
        self.assertIsNone(machine.State.watchdog_ms)


class TestObey(WithAgent):
    """EnOS has its answer already: nobody would say the command again."""

    def obey_in_trouble(self, trouble):
        """`orders`, after a command during which `journal.load_command` failed."""
        self.make()
        self.command()
        from enos_ota import orders

        load_command = orders.journal.load_command
        orders.journal.load_command = lambda key=None: trouble()
        try:
            self.error = self.trouble(run, orders.obey(self.agent))
        finally:
            orders.journal.load_command = load_command
        return orders

    def test_command_that_met_trouble_is_put_back_and_begins_at_the_second_try(self):
        for error in (MemoryError("2048 bytes"), OSError(-4353)):
            self.begins_at_the_second_try(error)

    def begins_at_the_second_try(self, error) -> None:
        def trouble():
            raise error

        orders = self.obey_in_trouble(trouble)
        self.assertTrue(self.error is error, self.error)
        self.assertEqual(self.agent.order, COMMAND)
        self.assertEqual(self.agent.digest, "")
        run(orders.obey(self.agent))
        self.assertEqual(self.agent.digest, COMMAND["sign"])
        self.assertIsNone(self.agent.order)

    def test_command_that_arrived_in_the_meantime_is_not_replaced_by_the_former(self):
        def trouble():
            self.command(version="3.0")
            raise MemoryError

        self.obey_in_trouble(trouble)
        self.assertEqual(self.agent.order["version"], "3.0")
