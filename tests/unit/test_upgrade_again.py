"""A file that turns out wrong in the end: fetched once more, if it came in pieces that may not fit together."""

from contents import SECTOR, File, LongFile
from enos_ota.errors import BurnError, VerifyError
from lossy import changing, old
from upgrading import OnChip


class TestDigest(OnChip):
    def test_wrong_digest_of_one_answer_is_not_fetched_again(self):
        for method in ("md5", "sha256"):
            text = self.fails(VerifyError, sign="0" * 32, sign_method=method)
            self.assertIn(method, text)
            self.assertEqual(self.server.opened, [0])

    def test_wrong_digest_of_one_answer_that_began_twice_is_not_fetched_again(self):
        server = changing(File(), cuts=[0, 0])
        self.fails(VerifyError, File(), server, sign="0" * 64)
        self.assertEqual(server.opened, [0, 0, 0])

    def test_wrong_digest_after_a_resume_is_fetched_once_more_and_then_right(self):
        # The server does not say so, but the first bytes were those of another release.
        file = File()
        server = changing(old(), file, known=False)
        self.succeeds(file, server)
        self.assertEqual(server.opened, [0, 1000, 0])
        self.assertEqual([name for name, _ in self.events].count("fast"), 2)

    def test_wrong_digest_after_a_resume_and_again_is_a_verify_error(self):
        server = changing(File())
        self.assertIn("sha256", self.fails(VerifyError, File(), server, sign="0" * 64))
        self.assertEqual(server.opened, [0, 1000, 0])

    def test_wrong_digest_after_two_resumes_is_not_fetched_a_third_time(self):
        server = changing(File(), cuts=[1000, SECTOR * 2, 5000])
        self.fails(VerifyError, File(), server, sign="0" * 64)
        self.assertEqual(server.opened, [0, 1000, 0, 5000])

    def test_right_digest_after_a_resume_is_fetched_once(self):
        server = changing(File())
        self.succeeds(File(), server)
        self.assertEqual(server.opened, [0, 1000])

    def test_mixed_first_bytes_are_fetched_once_more(self):
        file = File()
        server = changing(file, self.without_descriptor(), file, known=False, cuts=[30])
        self.succeeds(file, server)
        self.assertEqual(server.opened, [0, 30, 0])

    def without_descriptor(self):
        file = File()
        file.image[32:36] = bytes(4)
        return file

    def test_mixed_segments_are_fetched_once_more(self):
        file = LongFile((2000, 3000, SECTOR))
        server = changing(LongFile((512, 4488, SECTOR), {1: 0x100000}), file, known=False)
        self.succeeds(file, server)
        self.assertEqual(server.opened, [0, 1000, file.size - 2 * SECTOR, 0])
        self.assertEqual(server.received, 3 * SECTOR + file.size)

    def test_flash_that_fails_after_a_resume_is_not_tried_again(self):
        server = changing(File())
        self.chip.on = lambda operation, label, offset, size: operation == "program"
        self.fails(BurnError, File(), server)
        self.assertEqual(server.opened, [0, 1000])
