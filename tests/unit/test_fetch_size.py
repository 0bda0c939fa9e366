"""The size of the file, as EnOS and the server tell it: judged with its first bytes, before any erase."""

from contents import SECTOR, File, LongFile, Other
from enos_ota.errors import DownloadError, UpgradeError, VerifyError
from lossy import Server, changing
from upgrading import OnChip

SLOT = 0x1D0000
NEEDED = 288  # bytes, to judge a file by
FLASH = 4 << 20


class TestSize(OnChip):
    def of_size(self, total):
        server = Server(File())
        server.total = total
        return server

    def test_file_that_just_fits_is_not_refused_for_its_size(self):
        server = self.of_size(SLOT)
        server.errors = [None, DownloadError("enough")]
        server.cuts = [SECTOR]
        self.assertEqual(self.fails(DownloadError, File(), server, size_bytes=None), "enough")
        self.assertEqual(self.events[-1][0], "program")

    def test_file_larger_than_the_slot_is_refused_with_its_first_bytes(self):
        server = self.of_size(SLOT + 1)
        text = self.refused(UpgradeError, File(), server, size_bytes=None)
        self.assertIn(str(SLOT + 1), text)
        self.assertIn(str(SLOT), text)
        self.assertEqual(server.received, NEEDED)

    def test_commanded_size_larger_than_the_slot_is_refused_where_the_server_tells_none(self):
        server = self.of_size(SLOT + 1)
        server.is_told = False
        server.is_chunked = True
        self.refused(UpgradeError, File(), server, size_bytes=SLOT + 1)
        self.assertEqual(server.received, NEEDED)

    def test_size_other_than_commanded_is_refused_and_both_are_named(self):
        size = File().size
        for wrong in (size - 1, size + 1, 0, -1):
            server = self.of_size(size)
            text = self.refused(VerifyError, File(), server, size_bytes=wrong)
            self.assertIn(str(wrong), text)
            self.assertIn(str(size), text)
            self.assertEqual(server.received, NEEDED)

    def test_full_flash_image_is_refused_for_what_it_is_and_not_for_its_size(self):
        # For the operator: the wrong one of two files, not a release that is too large.
        for commanded in (FLASH, 2 * SECTOR, None):
            file = Other(b"\xff" * 288, FLASH)
            server = Server(file)
            text = self.refused(VerifyError, file, server, size_bytes=commanded, sign="0" * 64)
            self.assertIn("full-flash image", text)

    def test_size_is_judged_again_where_a_connection_continues(self):
        # The server does not say that the file is another one now.
        for size_bytes, kind in ((2 * SECTOR, VerifyError), (None, UpgradeError)):
            self.power_up()
            larger = LongFile((512, SLOT - 1000, 2000))
            self.assertTrue(larger.size > SLOT)
            server = changing(File(), larger, known=False)
            text = self.fails(kind, File(), server, size_bytes=size_bytes)
            self.assertIn(str(larger.size), text)
            self.assertEqual(server.opened[:2], [0, 1000])

    def test_size_that_only_the_server_tells_is_enough(self):
        self.succeeds(size_bytes=None)

    def test_size_that_only_enos_tells_is_enough(self):
        server = self.of_size(2 * SECTOR)
        server.is_told = False
        self.succeeds(File(), server)

    def test_size_that_nobody_tells_is_a_download_error(self):
        server = self.of_size(2 * SECTOR)
        server.is_told = False
        server.is_chunked = True
        self.assertIn("size", self.refused(DownloadError, File(), server, size_bytes=None))
        self.assertEqual(server.received, 0)
        self.assertEqual(self.agent.reports, [])
