"""The count of blocks that a reset need not fetch again: never more than the slot holds, read back."""

import esp32
from contents import SECTOR, LongFile
from enos_ota import journal
from enos_ota.errors import BurnError
from lossy import Server, changing
from upgrading import OnChip

BLOCK = 65_536
BLOCKS = ("enos_ota", "blocks")


class TestBlocks(OnChip):
    def setUp(self) -> None:
        super().setUp()
        self.file = LongFile((74_000,))  # one block, and a bit of the next
        self.written = 0  # acts that change the slot
        self.acts = []  # of the flash, around the border of the first block: (operation, sector, blocks)
        self.chip.on = self.look

    def look(self, operation, label, offset, size) -> None:
        # Of what is read, only the pieces of 256 bytes that are compared with what was written.
        if label == "ota_1" and (operation != "read" or size == 256):
            blocks = self.chip.nvs.get(BLOCKS, 0)
            act = (operation, offset // SECTOR, blocks)
            if offset // SECTOR in (15, 16) and self.acts[-1:] != [act]:
                self.acts.append(act)
            if (
                operation in ("fast", "erase", "program") and size > 1
            ):  # or it is armed, for the switch
                self.written += 1
                self.assertTrue(blocks * BLOCK <= offset, act)

    def serve(self):
        server = Server(self.file)
        server.chunk = SECTOR
        return server

    def test_block_is_counted_after_its_last_sector_was_read_back_and_not_before(self):
        self.succeeds(self.file, self.serve())
        wanted = [("read", 15, 0), ("program", 15, 0), ("read", 15, 0), ("fast", 16, 1)]
        self.assertEqual(self.acts[:4], wanted)
        self.assertEqual(journal.blocks(), 1)

    def test_block_that_does_not_read_back_is_not_counted(self):
        self.chip.on = lambda operation, label, offset, size: (
            operation == "program" and offset == 15 * SECTOR
        )
        self.fails(BurnError, self.file, self.serve())
        self.assertEqual(journal.blocks(), 0)

    def test_network_that_has_no_memory_left_is_starved_after_the_block(self):
        # The Python heap has grown: the rest would come at 2 KB a second. Without MQTT it goes on.
        for largest_bytes, opened in ((12_000, [0]), (11_999, [0, BLOCK])):
            self.power_up()
            self.agent.is_linked = False
            largest = [(200_000, 12_500, largest_bytes, 3000)]
            self.patch(esp32, "idf_heap_info", lambda kind, largest=largest: largest)
            server = self.serve()
            self.succeeds(self.file, server)
            self.assertEqual(server.opened, opened)

    def test_blocks_are_counted_over_lost_connections(self):
        server = self.serve()
        server.cuts = [BLOCK - 100, 100, 10]
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [0, BLOCK - 100, BLOCK, BLOCK + 10])
        self.assertEqual(journal.blocks(), 1)

    def test_block_is_counted_at_once_however_small_the_pieces_are(self):
        server = self.serve()
        server.chunk = 4000
        seen = []
        server.on_receive = lambda at: seen.append((at, journal.blocks())) if at >= 64_000 else None
        self.succeeds(self.file, server)
        self.assertEqual([blocks for at, blocks in seen if at < BLOCK][-1], 0)
        self.assertEqual(next(blocks for at, blocks in seen if at >= BLOCK), 1)

    def test_block_that_nvs_does_not_take_is_only_logged(self):
        def full(namespace, key, value):
            if key == "blocks" and value:
                raise OSError(-4357)

        self.chip.on_nvs = full
        self.succeeds(self.file, self.serve())
        self.assertEqual(journal.blocks(), 0)
        self.assertEqual(len([line for line in self.lines if "this block" in line]), 1)

    def test_block_that_does_not_change_the_count_is_not_written(self):
        # NVS lasts: one entry of 32 bytes for each block.
        written = []
        self.chip.on_nvs = lambda namespace, key, value: (
            written.append(value) if key == "blocks" else None
        )
        self.succeeds(self.file, self.serve())
        self.assertEqual(written, [0, 1])

    def test_blocks_of_a_file_that_changes_are_forgotten_before_the_first_erase(self):
        server = changing(LongFile((74_000,)), self.file, cuts=[BLOCK + 5000])
        server.chunk = SECTOR
        self.succeeds(self.file, server)  # `look` compares
        self.assertEqual(server.opened, [0, BLOCK + 5000])
        self.assertEqual(self.acts.count(("fast", 16, 1)), 2)

    def test_file_that_changes_where_nvs_is_full_is_not_written_over_the_former(self):
        # The count would say that its blocks were the new ones.
        written = []

        def full(at):
            self.chip.nvs_full = at > 0
            written.append(self.written)

        server = changing(LongFile((74_000,)), self.file, cuts=[BLOCK + 100])
        server.chunk = SECTOR
        server.on_open = full
        self.fails(BurnError, self.file, server)
        self.assertEqual(written, [0, self.written])
        self.assertEqual(journal.blocks(), 1)
