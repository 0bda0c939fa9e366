"""A file that becomes another one on the way, and the server says so: fetched from its first byte."""

from contents import SECTOR, File, LongFile
from enos_ota.errors import DownloadError, LinkError, VerifyError
from lossy import changing, old
from upgrading import OnChip


class TestChange(OnChip):
    def test_changed_file_is_fetched_from_its_first_byte(self):
        for cut in (200, 1000, SECTOR, SECTOR + 1, 2 * SECTOR - 1):
            file = File()
            server = changing(old(), file, cuts=[cut])
            self.power_up()
            self.succeeds(file, server)
            self.assertEqual(server.opened, [0, cut])
            self.assertEqual(server.received, cut + file.size)

    def test_changed_file_of_another_size_is_judged_by_its_own(self):
        file = LongFile((512, 16, 2 * SECTOR))
        server = changing(old(), file)
        self.succeeds(file, server, size_bytes=None)
        self.power_up()
        server = changing(old(), file)
        self.assertIn(str(file.size), self.fails(VerifyError, old(), server))
        self.assertEqual(server.opened, [0, 1000])

    def test_changed_file_is_judged_by_its_own_first_bytes(self):
        server = changing(old(), File(chip_id=9))
        self.events.clear()
        self.assertIn("ESP32-S3", str(self.trouble(self.start, old(), server)))
        self.assertEqual(self.events, [])

    def test_changed_file_is_walked_by_its_own_headers(self):
        for cut in (1000, SECTOR):
            file = LongFile((512, 3000, SECTOR), {1: 0x100000})
            server = changing(LongFile((2000, 1512, SECTOR)), file, cuts=[cut])
            self.fails(VerifyError, file, server)
            self.assertEqual(server.received, cut + SECTOR)

    def test_changed_file_counts_as_one_answer(self):
        server = changing(old(), File())
        self.fails(VerifyError, File(), server, sign="0" * 64)
        self.assertEqual(server.opened, [0, 1000])

    def test_changed_file_that_is_resumed_counts_as_two_answers(self):
        server = changing(old(), File(), cuts=[1000, 2000])
        self.fails(VerifyError, File(), server, sign="0" * 64)
        self.assertEqual(server.opened, [0, 1000, 2000, 0])

    def test_file_that_changes_five_times_is_a_download_error(self):
        server = changing(*[File() for _ in range(6)], cuts=[1000, 1001, 1002, 1003, 1004])
        self.assertIn("changes", self.fails(DownloadError, File(), server))
        self.assertEqual(server.opened, [0, 1000, 1001, 1002, 1003, 1004])

    def test_file_that_changes_four_times_is_fetched(self):
        server = changing(*[File() for _ in range(5)], cuts=[1000, 1001, 1002, 1003])
        self.succeeds(File(), server)
        self.assertEqual(len(server.opened), 5)

    def test_bytes_of_a_changed_file_renew_the_tries(self):
        # Fewer than of the former file, but not none.
        server = changing(old(), cuts=[5000] + [0] * 4 + [3000])
        server.others = {5: File()}
        server.cuts += [0] * 5
        self.succeeds(File(), server)
        self.assertEqual(server.opened, [0] + [5000] * 5 + [3000] * 6)

    def test_changed_file_without_a_byte_is_a_lost_connection(self):
        server = changing(old(), cuts=[5000] + [0] * 6)
        server.others = {1: File()}
        self.fails(LinkError, File(), server)
        self.assertEqual(server.opened, [0, 5000] + [0] * 5)

    def test_progress_does_not_fall_when_the_file_begins_again(self):
        for known in (True, False):
            self.power_up()
            server = changing(old(), File(), cuts=[6000], known=known)
            self.succeeds(File(), server)
            self.assertEqual(server.opened, [0, 6000] + [0] * (not known))
            steps = self.agent.steps()
            self.assertTrue(steps[-2] > 60)
            self.assertEqual(steps, sorted(set(steps)))
            self.assertEqual(steps[-1], 98)
