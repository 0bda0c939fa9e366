"""The tail of a file is asked for before anything is erased, and judged before the file is asked for."""

import images
from contents import SECTOR, File
from enos_ota.errors import RefusedError, VerifyError
from helpers import run
from release import Release
from serving import Transport
from tailing import SIZE, TAIL, WithRelease


class TestOrder(WithRelease):
    def test_tail_is_asked_for_first_over_a_connection_of_its_own(self):
        for keeps in (True, False):
            self.begin()
            Transport.keeps = keeps
            self.succeeds(self.file)
            self.assertEqual(Transport.asked, [TAIL, "0-"])
            self.assertEqual(Transport.opened, [("files", 8443, "context")] * 2)
            self.assertEqual(Transport.received, SIZE + 2 * SECTOR)

    def test_server_without_ranges_is_asked_once_and_its_answer_goes_on_as_the_file(self):
        Transport.knows_ranges = False
        self.succeeds(self.file)
        self.assertEqual(Transport.asked, [TAIL])
        self.assertEqual(Transport.received, SIZE)
        self.assertEqual(len(Transport.opened), 1)

    def test_file_of_two_sectors_or_less_has_no_tail(self):
        Transport.reset(File())
        self.succeeds(Transport.file, signature="off")
        self.assertEqual(Transport.asked, ["0-"])

    def test_download_that_goes_on_after_a_reset_asks_for_no_tail(self):
        job = self.job(self.file)
        job.position, job.erased, job.headers = 5 * SECTOR, 65_536, 1
        from enos_ota.fetch import fetch

        run(fetch(job))
        self.assertEqual(Transport.asked, ["%d-" % (5 * SECTOR)])

    def test_size_that_enos_does_not_tell_costs_no_request(self):
        self.succeeds(self.file, size_bytes=None)
        self.assertEqual(Transport.asked, ["0-"])

    def test_connection_that_is_lost_in_the_file_does_not_ask_for_the_tail_again(self):
        Transport.cuts = [2 * SECTOR, 5000, 6000]
        self.succeeds(self.file)
        self.assertEqual(Transport.asked, [TAIL, "0-", "5000-", "11000-"])

    def test_connection_that_is_lost_before_the_first_byte_does_not_either(self):
        Transport.cuts = [2 * SECTOR, 0]
        self.succeeds(self.file)
        self.assertEqual(Transport.asked, [TAIL, "0-", "0-"])


class TestRefused(WithRelease):
    def test_file_that_its_tail_refuses_is_not_fetched(self):
        for settings, kind, words in (
            ({"keys": ()}, VerifyError, "not trusted"),
            ({"version": "3.0"}, VerifyError, "version 2.0"),
        ):
            self.begin()
            self.assertIn(words, self.refused(kind, self.file, **settings))
            self.assertEqual(Transport.asked, [TAIL])
            self.assertEqual(Transport.received, 2 * SECTOR)

    def test_older_release_is_not_fetched(self):
        file = Release(sequence=6)
        Transport.reset(file)
        self.assertIn("older", self.refused(RefusedError, file))
        self.assertEqual(Transport.asked, [TAIL])

    def test_server_without_ranges_cannot_have_it_judged_before_and_the_slot_is_not_armed(self):
        Transport.knows_ranges = False
        self.assertIn("not trusted", self.failed(VerifyError, self.job(self.file, keys=())))
        self.assertEqual(images.get("ota_1", 0, 2), b"\xff\x02")
        self.assertEqual(self.chip.states()[1], None)

    def test_file_of_another_size_than_commanded_is_refused_by_that(self):
        # Its tail, wherever it is, was not what came.
        for total in (SIZE - SECTOR, SIZE - 2 * SECTOR, SECTOR, SIZE + 1, 3 * SIZE):
            self.begin()
            Transport.total = total
            text = self.refused(VerifyError, self.file)
            self.assertEqual(text, "the file has %d bytes, not %d" % (total, SIZE))
