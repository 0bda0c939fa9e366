"""Answers that are longer, shorter or told otherwise than the file: chunked ones above all."""

from contents import SECTOR, File
from enos_ota.errors import DownloadError, LinkError
from lossy import Server
from upgrading import OnChip


class TestLength(OnChip):
    def chunked(self, total=None):
        server = Server(File())
        server.is_told = False
        server.is_chunked = True
        server.total = server.total if total is None else total
        return server

    def test_chunked_answer_of_the_commanded_size_is_taken(self):
        for chunk in (1000, SECTOR, 999):
            self.power_up()
            server = self.chunked()
            server.chunk = chunk
            self.succeeds(File(), server)
            self.assertEqual(server.opened, [0])

    def test_end_of_a_chunked_answer_programs_nothing_twice(self):
        self.succeeds(File(), self.chunked())
        # The third is the first byte of the image, armed for the switch.
        self.assertEqual([name for name, _ in self.events].count("program"), 3)

    def test_chunked_answer_that_ends_early_is_continued(self):
        for served in (3000, SECTOR):
            self.power_up()
            server = self.chunked()
            server.served = served
            self.succeeds(File(), server)
            self.assertEqual(server.opened, list(range(0, 2 * SECTOR, served)))

    def test_chunked_answer_of_nothing_at_all_touches_no_flash(self):
        server = self.chunked(0)
        self.fails(LinkError, File(), server)
        self.assertEqual(server.opened, [0] * 6)
        self.assertEqual(self.events, [])

    def test_more_bytes_than_announced_are_a_download_error(self):
        for more in (1, 1000, SECTOR):
            self.power_up()
            server = self.chunked(2 * SECTOR + more)
            self.assertIn("8192", self.fails(DownloadError, File(), server))
            self.assertEqual(server.opened, [0])
            self.assertEqual([name for name, _ in self.events].count("program"), 2)

    def test_more_bytes_than_announced_within_the_last_sector_are_a_download_error(self):
        file = File(with_record=False)
        server = Server(file)
        server.is_told = False
        server.is_chunked = True
        server.total = file.size + 1
        self.fails(DownloadError, file, server)
        self.assertEqual(self.events, [])
