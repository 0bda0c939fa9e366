"""Continuing at a byte: whether the file behind the address is still the one that was begun."""

from enos_ota.errors import DownloadError, LinkError
from fileserver import FILE, WithFiles, answer, partial

ONE = '"one"'
TWO = '"two"'
SIZE = len(FILE)
OTHER = bytes(reversed(FILE))


class Begun(WithFiles):
    def begun(self, first=ONE, **other):
        """A source that has asked for the file from byte 0; then the server changes as told."""
        self.files.etag = first
        made = self.make()
        self.open(0, made=made)
        made.close()
        self.files.asked.clear()
        for name, value in other.items():
            setattr(self.files, name, value)
        return made


class TestRange(Begun):
    def test_position_is_continued_at_the_byte(self):
        for position in (0, 1, 255, SIZE - 1):
            self.assertEqual(self.open(position), (position, SIZE, FILE[position:]))
        self.assertEqual(self.sent("Range"), ["bytes=%d-" % n for n in (0, 1, 255, SIZE - 1)])

    def test_another_range_than_the_one_asked_for_is_refused(self):
        for span in (
            "bytes 9-258/259",
            "bytes 11-258/259",
            "bytes 10-257/259",
            "bytes 10-259/260",
            "bytes -/259",
            "bytes */259",
            "bytes 10-258/",
            "bytes 10-258/x",
            "bytes 10-258/-1",
            "bytes 10-258",
            "bytes 10-258/99999999999999999999",
            "bytes 10-99999999999999999999/*",
            "bytes 10-9/259",
            "items 10-258/259",
            "10-258/259",
            "",
        ):
            self.files.next = [answer(206, FILE[10:], "Content-Range: " + span)]
            self.assertEqual(self.refused(10), "not the range asked for")

    def test_range_without_content_range_is_refused(self):
        self.files.next = [answer(206, FILE)]
        self.assertEqual(self.refused(), "not the range asked for")

    def test_range_that_ends_behind_its_own_total_is_refused(self):
        # Accepted, it would report more than 100 %, and write more than was checked to fit the slot.
        for total in (100, SIZE - 1):
            self.files.next = [partial(0, SIZE - 1, total, FILE)]
            self.assertEqual(self.refused(), "not the range asked for")

    def test_part_of_the_range_asked_for_is_taken(self):
        self.files.next = [partial(10, 19, SIZE, FILE[10:20])]
        self.assertEqual(self.open(10), (10, SIZE, FILE[10:20]))

    def test_range_in_chunks_is_taken(self):
        self.files.chunked = True
        self.assertEqual(self.open(10), (10, SIZE, FILE[10:]))

    def test_total_that_the_server_does_not_know_is_none_or_the_one_of_before(self):
        unknown = partial(10, SIZE - 1, "*", FILE[10:])
        self.files.next = [unknown]
        self.assertEqual(self.open(10), (10, None, FILE[10:]))
        made = self.begun("", next=[unknown])
        self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))

    def test_connection_that_ends_in_the_file_is_a_link_error(self):
        self.files.next = [partial(0, SIZE - 1, SIZE, FILE)[:-1]]
        self.refused(kind=LinkError)


class TestIfRange(Begun):
    def test_strong_etag_is_sent_when_continuing(self):
        made = self.begun()
        self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))
        self.assertEqual(self.sent("If-Range"), [ONE])

    def test_strong_etag_is_not_sent_from_byte_0(self):
        made = self.begun()
        self.assertEqual(self.open(0, made=made), (0, SIZE, FILE))
        self.assertEqual(self.sent("If-Range"), [""])

    def test_weak_etag_is_not_sent(self):
        # RFC 9110 §13.1.5 forbids it; servers answer with the whole file.
        for etag in ("W/" + ONE, "one", ""):
            made = self.begun(etag)
            self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))
            self.assertEqual(self.sent("If-Range"), [""])

    def test_weak_etag_that_changes_does_not_begin_again(self):
        made = self.begun("W/" + ONE, etag='W/"two"')
        self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))

    def test_etag_of_the_latest_answer_is_sent(self):
        made = self.begun(etag=TWO, file=OTHER)
        self.assertEqual(self.open(10, made=made), (0, SIZE, OTHER))
        self.assertEqual(self.open(20, made=made), (20, SIZE, OTHER[20:]))
        self.assertEqual(self.sent("If-Range"), [ONE, TWO])

    def test_etag_of_an_answer_from_byte_0_replaces_the_one_before(self):
        made = self.begun(etag="", file=OTHER[:100])
        self.assertEqual(self.open(0, made=made), (0, 100, OTHER[:100]))
        self.assertEqual(self.open(10, made=made), (10, 100, OTHER[10:100]))
        self.assertEqual(self.sent("If-Range"), ["", ""])


class TestChanged(Begun):
    def test_range_of_another_etag_begins_again_in_the_same_call(self):
        # A server that does not know If-Range.
        made = self.begun(file=OTHER)
        for next_etag in (TWO, ONE, TWO):
            self.files.etag = next_etag
            self.files.next = [partial(10, SIZE - 1, SIZE, OTHER[10:], "ETag: " + next_etag)]
            self.assertEqual(self.open(10, made=made), (0, SIZE, OTHER))
            made.close()
        self.assertEqual(self.sent("Range"), ["bytes=10-", "bytes=0-"] * 3)
        self.assertEqual(self.sent("If-Range")[1], "")

    def test_range_of_another_total_begins_again_in_the_same_call(self):
        for etag in ("", ONE):
            made = self.begun(etag, file=OTHER[:200])
            self.assertEqual(self.open(10, made=made), (0, 200, OTHER[:200]))
            self.assertEqual(self.sent("Range"), ["bytes=10-", "bytes=0-"])
            self.files.file = FILE

    def test_range_without_an_etag_continues(self):
        # Not every server repeats it; what it was asked with, If-Range, already compared it.
        made = self.begun(next=[partial(10, SIZE - 1, SIZE, FILE[10:])])
        self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))

    def test_range_not_satisfiable_begins_again_in_the_same_call(self):
        made = self.begun("", file=OTHER[:50])
        self.assertEqual(self.open(60, made=made), (0, 50, OTHER[:50]))
        self.assertEqual(self.sent("Range"), ["bytes=60-", "bytes=0-"])

    def test_range_never_satisfiable_is_a_download_error(self):
        self.files.next = [answer(416), answer(416)]
        self.assertEqual(self.refused(10), "HTTP 416")
        self.assertEqual(len(self.files.asked), 2)

    def test_whole_file_of_another_etag_is_delivered_from_byte_0(self):
        made = self.begun(etag=TWO, file=OTHER)
        self.assertEqual(self.open(10, made=made), (0, SIZE, OTHER))
        self.assertEqual(len(self.files.asked), 1)

    def test_whole_file_of_another_size_is_delivered_from_byte_0(self):
        made = self.begun("", ranges=False, file=OTHER[:200])
        self.assertEqual(self.open(10, made=made), (0, 200, OTHER[:200]))
        self.assertEqual(len(self.files.asked), 1)

    def test_whole_file_without_the_etag_of_before_is_delivered_from_byte_0(self):
        made = self.begun(ranges=False, etag="")
        self.assertEqual(self.open(10, made=made), (0, SIZE, FILE))

    def test_whole_file_shorter_than_the_position_is_delivered_from_byte_0(self):
        self.files.ranges = False
        self.assertEqual(self.open(SIZE + 1), (0, SIZE, FILE))


class TestWhole(Begun):
    def test_whole_file_of_the_same_etag_is_skipped_to_the_position(self):
        made = self.begun(ranges=False)
        self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))

    def test_whole_file_is_skipped_to_any_position(self):
        # It is read in pieces of 512 bytes.
        self.files.ranges = False
        whole = self.files.file = FILE * 4
        size = len(whole)
        for position in (0, 1, 511, 512, 513, 1024, size - 1, size):
            self.assertEqual(self.open(position), (position, size, whole[position:]))

    def test_whole_file_in_chunks_is_skipped_and_its_total_unknown(self):
        self.files.ranges = False
        self.files.chunked = True
        for position in (0, 1, 89, 90, 91, SIZE):
            self.assertEqual(self.open(position), (position, None, FILE[position:]))

    def test_chunks_that_end_before_the_position_begin_again(self):
        self.files.ranges = False
        self.files.chunked = True
        self.assertEqual(self.open(SIZE + 1), (0, None, FILE))
        self.assertEqual(self.sent("Range"), ["bytes=%d-" % (SIZE + 1), "bytes=0-"])

    def test_whole_file_that_ends_while_it_is_skipped_is_a_link_error(self):
        self.files.next = [answer(200, FILE)[:-100]]
        self.refused(200, kind=LinkError)

    def test_malformed_answer_is_a_download_error(self):
        self.files.next = [b"HTTP/1.1 206 Partial\r\n\r\n"]
        self.assertEqual(
            str(self.raised(DownloadError, self.open, 10)), "HTTP 206 without a length"
        )
