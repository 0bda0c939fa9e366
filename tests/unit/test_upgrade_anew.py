"""An upgrade that goes on where a former run ended: when that turns out wrong, and when it is commanded anew."""

import images
from contents import SECTOR, LongFile
from cutting import BLOCK, Cut
from enos_ota import journal
from enos_ota.errors import DownloadError, VerifyError


class TestWrong(Cut):
    """From the first byte, a file is judged by its tail again before anything is erased."""

    def tail(self):
        return self.file.size - 2 * SECTOR

    def test_wrong_digest_after_a_reset_is_fetched_once_more_from_the_first_byte(self):
        self.cut_at(BLOCK + 100)
        images.put("ota_1", b"\x00", 3000)
        server = self.serve()
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [BLOCK, self.tail(), 0])
        self.assertEqual(self.whole(), None)

    def test_wrong_digest_after_a_reset_and_again_is_a_verify_error(self):
        server = self.serve()
        server.cuts = [BLOCK + 100]
        server.errors = [None, DownloadError("HTTP 404")]
        self.fails(DownloadError, self.file, server, sign="0" * 64)
        server = self.serve()
        self.fails(VerifyError, self.file, server, sign="0" * 64)
        self.assertEqual(server.opened, [BLOCK, self.tail(), 0])

    def test_slot_that_lost_a_bit_after_the_last_byte_is_fetched_from_the_first(self):
        journal.save(state=journal.VERIFY, slot=1, sign=self.file.digest(), size=self.file.size)
        journal.save_blocks(1)
        server = self.serve()
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [self.tail(), 0])
        self.assertEqual(self.whole(), None)

    def test_headers_in_the_slot_that_lead_nowhere_are_fetched_from_the_first_byte(self):
        self.cut_at(BLOCK + 100)
        images.put("ota_1", b"\xff" * 64)
        server = self.serve()
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [BLOCK, self.tail(), 0])
        self.assertEqual(server.received, 3 * SECTOR + self.file.size)


class TestAgain(Cut):
    def lose(self) -> None:
        """An upgrade that ends in -2 with one block in the slot; its last word is owed."""
        server = self.serve()
        server.cuts = [BLOCK + 100]
        server.errors = [None, DownloadError("HTTP 404")]
        self.fails(DownloadError, self.file, server)
        journal.owe(-2, "2.0: HTTP 404")

    def test_same_file_commanded_after_a_failure_goes_on(self):
        for clear in (False, True):
            self.power_up()
            self.lose()
            if clear:
                journal.clear()
            server = self.serve()
            self.succeeds(self.file, server)
            self.assertEqual(server.opened, [BLOCK])

    def test_other_file_commanded_after_a_failure_begins_at_the_first_byte(self):
        self.lose()
        file = LongFile((70_000,))
        server = self.serve(file)
        self.succeeds(file, server)  # `saw` compares
        self.assertEqual(server.opened, [0])
        self.assertEqual(journal.blocks(), 1)

    def test_former_file_commanded_after_another_begins_at_the_first_byte(self):
        self.lose()
        file = LongFile((70_000,))
        server = self.serve(file)
        server.errors = [DownloadError("HTTP 404")]
        self.fails(DownloadError, file, server)
        server = self.serve()
        self.succeeds(self.file, server)
        self.assertEqual(server.opened, [0])
