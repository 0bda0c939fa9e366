"""An upgrade that a reset cut short: what the slot holds is not fetched again."""

import machine
from contents import SECTOR, LongFile
from cutting import BLOCK, Cut, Known
from enos_ota import journal


class TestReset(Cut):
    file = Known((140_000,))  # two blocks, and a bit of the third

    def test_reset_in_the_download_costs_less_than_a_block(self):
        for position in (BLOCK - SECTOR, BLOCK, 2 * BLOCK - SECTOR, 2 * BLOCK + SECTOR):
            self.power_up()
            self.cut_at(position)
            server = self.serve()
            self.succeeds(self.file, server)
            start = position // BLOCK * BLOCK
            self.assertEqual(server.opened, [start])
            self.assertEqual(server.received, self.file.size - start)
            self.assertEqual(self.whole(), None)

    def test_resets_again_and_again_cost_less_than_a_block_each(self):
        for position in (BLOCK + 9000, 2 * BLOCK - SECTOR, 2 * BLOCK):
            self.cut_at(position)
        server = self.serve()
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [2 * BLOCK])
        self.assertEqual(self.whole(), None)

    def test_reset_in_the_verification_fetches_nothing_again(self):
        def saw(operation, label, offset, size):
            if operation == "read" and label == "ota_1" and size == SECTOR and offset > BLOCK:
                raise machine.Reset

        self.chip.on = saw
        self.succeeds(self.file, self.serve())
        self.assertEqual(journal.load()["state"], journal.VERIFY)
        self.chip.on = self.saw
        server = self.serve()
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [])
        self.assertEqual(journal.load()["state"], journal.TRIAL)

    def test_reset_behind_the_last_whole_block_of_a_file_fetches_nothing_again(self):
        # No server has a part behind the end of the file.
        file = LongFile((131_000,))
        self.assertEqual(file.size, 2 * BLOCK)

        def cut(namespace, key, value):
            if key == "journal" and b'"size"' in value:
                raise machine.Reset

        self.chip.on_nvs = cut
        self.succeeds(file, self.serve(file))
        self.chip.on_nvs = None
        self.assertEqual(journal.load()["state"], journal.FETCH)
        server = self.serve(file)
        self.succeeds(file, server)
        self.assertEqual(server.opened, [])

    def test_lost_connection_after_a_reset_continues_at_the_byte(self):
        self.cut_at(BLOCK + 100)
        server = self.serve()
        server.cuts = [10, 5000]
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [BLOCK, BLOCK + 10, BLOCK + 5010])

    def test_download_that_goes_on_reports_from_there(self):
        self.cut_at(BLOCK + 100)
        self.succeeds(self.file, self.serve())
        steps = self.agent.steps()
        self.assertTrue(steps[0] >= 45, steps)
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(steps[-1], 98)
