"""The tail of a file, where its server or the way to it fails."""

import sys

from contents import SECTOR
from enos_ota.errors import DownloadError, LinkError, VerifyError
from serving import Clock, Transport
from tailing import TAIL, WithRelease

BY_DATE = DownloadError("TLS refused: the certificate has expired (clock 2001-01-01)")


class TestTrouble(WithRelease):
    def test_connection_that_is_lost_in_the_tail_is_made_again_and_the_tail_judged(self):
        for cut in (0, 100, SECTOR, 2 * SECTOR - 1):
            self.begin()
            Transport.cuts = [cut]
            self.succeeds(self.file)
            self.assertEqual(Transport.asked, [TAIL, TAIL, "0-"])
        self.begin()
        Transport.cuts = [100]
        self.assertIn("not trusted", self.refused(VerifyError, self.file, keys=()))

    def test_tail_that_never_comes_ends_the_upgrade_and_changes_nothing(self):
        Transport.cuts = [100] * 9
        self.refused(LinkError, self.file)
        self.assertEqual(Transport.asked, [TAIL] * 6)

    def test_status_that_a_retry_may_change_is_asked_again_and_another_is_not(self):
        Transport.statuses = [503, 503]
        self.succeeds(self.file)
        self.assertEqual(Transport.asked, [TAIL] * 3 + ["0-"])
        self.begin()
        Transport.statuses = [404]
        self.assertEqual(self.refused(DownloadError, self.file), "HTTP 404")
        self.assertEqual(Transport.asked, [TAIL])

    def test_date_that_tls_refuses_is_doubted_once(self):
        Transport.errors = [BY_DATE]
        self.succeeds(self.file)
        self.assertEqual(Clock.errors, [BY_DATE])
        self.assertEqual(Transport.asked, [TAIL, "0-"])
        self.begin()
        Transport.errors = [BY_DATE] * 2
        self.assertEqual(self.refused(DownloadError, self.file), str(BY_DATE))

    def test_modules_of_the_judgement_are_gone_when_the_file_is_written(self):
        seen = []

        def saw(operation, label, offset, size):
            if operation in ("fast", "program") and size > 1:
                names = ("tail", "permit", "record", "signature", "http", "source", "image")
                seen.append([n for n in names if "enos_ota." + n in sys.modules])
            self.saw(operation, label, offset, size)

        self.chip.on = saw
        self.succeeds(self.file)
        self.assertEqual(seen, [[]] * 7)
