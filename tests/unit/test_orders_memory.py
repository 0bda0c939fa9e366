"""Orders: upgrades that do not fit beside the application go to a boot without it."""

import asyncio

from enos_ota.errors import DownloadError, StarvedError
from fakeagent import COMMAND, KEPT, Upgrade, agent
from inmode import COMMAND_KEY, FETCH, InMode


class TestAuto(InMode):
    def test_starved_upgrade_is_journaled_and_the_board_resets(self):
        for error in (StarvedError("TLS"), MemoryError("4096 bytes")):
            self.chip.nvs.clear()
            self.upgrade(error)
            self.is_left_to_the_next_boot()

    def test_upgrade_that_cannot_even_be_made_is_left_to_the_next_boot(self):
        Upgrade.trouble = MemoryError("import")
        self.upgrade()
        self.is_left_to_the_next_boot()

    def test_buffer_that_cannot_be_had_is_left_to_the_next_boot(self):
        def starved(size):
            if size == 4096:
                raise MemoryError("4096 bytes")
            return bytearray(size)

        agent.bytearray = starved
        try:
            self.upgrade()
        finally:
            del agent.bytearray
        self.assertEqual(Upgrade.begun, [])
        self.is_left_to_the_next_boot()

    def test_other_errors_do_not_reset(self):
        self.upgrade(DownloadError("HTTP 404"))
        self.is_over("-2", "HTTP 404")

    def test_state_and_blocks_of_the_upgrade_stay_beside_the_command(self):
        # The boot without the application goes on where this one ended.
        def fetch():
            from enos_ota import journal

            journal.save(state=FETCH, version="2.0", slot=1, sign=COMMAND["sign"])
            journal.save_blocks(3)
            return StarvedError("TLS")

        self.upgrade(fetch)
        self.is_left_to_the_next_boot(FETCH)
        self.assertEqual(self.journal()["sign"], COMMAND["sign"])
        self.assertEqual(self.chip.nvs[("enos_ota", "blocks")], 3)

    def test_boots_that_were_for_the_command_are_not_forgotten(self):
        # Without a network the boot alone ends, and beside the application memory is short again.
        self.keep(COMMAND, 3)
        self.upgrade(StarvedError("TLS"))
        self.assertTrue(self.was_reset)
        self.assertEqual(self.kept()["tries"], 3)

    def test_blocks_that_the_boots_saw_are_not_forgotten(self):
        # Or a boot without progress would count as the first again.
        self.keep(dict(COMMAND, seen=7), 3)
        self.upgrade(StarvedError("TLS"))
        self.assertEqual(self.kept()["seen"], 7)

    def test_boots_for_another_command_do_not_count(self):
        self.keep(dict(COMMAND, sign="cd" * 32), 3)
        self.upgrade(StarvedError("TLS"))
        self.is_left_to_the_next_boot()

    def test_full_nvs_is_reported_instead_of_a_reset(self):
        self.chip.nvs_full = True
        self.upgrade(StarvedError("TLS: no block"))
        self.is_over("-1", "not enough memory", "no block")

    def test_command_too_long_to_be_kept_is_reported_instead_of_a_reset(self):
        self.make()
        Upgrade.plan = [StarvedError("TLS")]
        self.command(fileUrl="https://h/" + "f" * 1900)
        self.was_reset = False
        self.drive(lambda: self.said("progress") and self.agent.may_sleep())
        self.is_over("-1", "not enough memory")

    def test_newer_upgrade_before_the_reset_takes_its_place(self):
        from enos_ota.firmware import read

        newer = read(dict(COMMAND, version="3.0", sign="cd" * 32))

        async def begin_another():
            while b'"tries": 1' not in self.chip.nvs.get(COMMAND_KEY, b""):
                await asyncio.sleep_ms(0)
            await self.agent.upgrade(newer)

        self.make()
        Upgrade.plan = [StarvedError("TLS"), "hang"]
        self.command()
        self.drive(lambda: len(Upgrade.begun) == 2, begin_another())
        self.assertEqual(Upgrade.begun, ["2.0", "3.0"])
        self.assertFalse(self.was_reset)
        self.assertEqual(self.kept(), dict(KEPT, version="3.0", sign="cd" * 32))
