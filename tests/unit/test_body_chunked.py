"""Chunked bodies: RFC 9112 §7.1, and what servers make of it."""

from enos_ota.errors import DownloadError, LinkError
from helpers import run
from httpcase import BODY, WithServer, head

CHUNKED = head(200, "Transfer-Encoding: chunked", length=None)


def chunked(*pieces):
    return b"".join([b"%x\r\n" % len(piece) + piece + b"\r\n" for piece in pieces])


class TestChunked(WithServer):
    def test_chunked_body_is_read_to_its_end_in_pieces_of_any_size(self):
        for size in (1, 7, 100, 101, 4096):
            self.get(CHUNKED + chunked(BODY[:1], BODY[1:101], BODY[101:]) + b"0\r\n\r\n")
            self.assertEqual(self.http.left_bytes, -1)
            self.assertEqual(self.body(size), BODY)
            self.assertEqual(self.http.left_bytes, 0)

    def test_receive_gives_0_only_at_the_end(self):
        self.get(CHUNKED + chunked(b"ab", b"c") + b"0\r\n\r\n")
        buf = bytearray(8)
        self.assertEqual([run(self.http.receive(buf)) for _ in range(3)], [2, 1, 0])

    def test_receive_now_leaves_chunk_headers_and_short_chunks_to_receive(self):
        self.get(CHUNKED + chunked(b"abcd", b"ef") + b"0\r\n\r\n")
        buf = bytearray(2)
        self.assertEqual([self.http.receive_now(buf) for _ in range(3)], [2, 2, 0])
        self.assertEqual(run(self.http.receive(buf)), 2)
        self.assertEqual(bytes(buf), b"ef")
        self.assertEqual(self.http.receive_now(bytearray(64)), 0)
        self.assertEqual(self.http.left_bytes, -1)
        self.assertEqual(run(self.http.receive(buf)), 0)
        self.assertEqual(self.http.left_bytes, 0)

    def test_chunked_answer_split_at_every_byte_is_understood(self):
        data = CHUNKED + chunked(b"0123", b"456789") + b"0\r\nX: y\r\n\r\n"
        for at in range(1, len(data)):
            self.anew()
            rest = [data[at:]]
            self.clock.on_sleep = lambda: rest and self.peer and self.peer.send(rest.pop())
            self.get(data[:at])
            self.assertEqual(self.body(), b"0123456789")

    def test_empty_chunked_body_has_ended_with_the_head(self):
        self.get(CHUNKED + b"0\r\n\r\n")
        self.assertEqual(self.http.left_bytes, 0)

    def test_extensions_blanks_zeros_and_either_case_are_understood(self):
        for size in (b"A", b"a;name=value", b"a ;x", b"0000000000a", b"a   "):
            self.anew()
            self.get(CHUNKED + size + b"\r\n0123456789\r\n0;last\r\n\r\n")
            self.assertEqual(self.body(), b"0123456789")

    def test_trailers_are_skipped_and_the_connection_used_again(self):
        self.get(CHUNKED + chunked(b"ab") + b"0\r\nETag: x\r\nX-Sum: 1\r\n\r\n")
        self.assertEqual(self.body(), b"ab")
        self.assertFalse("etag" in self.http.headers)
        self.get(head(length=2), b"cd")
        self.assertEqual(self.body(), b"cd")
        self.assertEqual(self.net.connections, 1)

    def test_trailers_without_end_are_refused(self):
        self.get(CHUNKED + chunked(b"ab") + b"0\r\n" + b"X: y\r\n" * 70 + b"\r\n")
        self.raised(DownloadError, self.body)

    def test_size_that_is_none_is_refused(self):
        for size in (b"", b"x", b"-1", b"0x5", b"+5", b"1_0", b"5 5", b";a", b"3.0", b"\xb2"):
            self.refused(CHUNKED + size + b"\r\n0123456789\r\n")

    def test_huge_size_is_refused(self):
        # A number of any length would be read, and on a chip not be a small integer.
        for size in (b"80000000", b"fffffffff", b"9" * 900):
            self.refused(CHUNKED + size + b"\r\n0123")
        self.refused(CHUNKED + b"5;" + b"x" * 1100 + b"\r\n0123")

    def test_chunk_that_is_longer_than_its_size_is_refused(self):
        self.get(CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n")
        self.raised(DownloadError, self.body)

    def test_missing_end_is_a_link_error(self):
        # Otherwise a cut body would be taken for the file.
        whole = chunked(b"abcd", b"ef") + b"0\r\n\r\n"
        for length in range(3, len(whole)):
            self.anew()
            self.get(CHUNKED + whole[:length], None)
            self.raised(LinkError, self.body)

    def test_length_beside_a_coding_is_refused(self):
        # RFC 9112 §6.3: the coding wins; read by its length, the file would begin with chunk sizes.
        self.refused(head(200, "Transfer-Encoding: chunked"), b"5\r\nhello\r\n0\r\n\r\n")
        self.refused(head(200, "Transfer-Encoding: identity"), BODY)

    def test_other_codings_are_refused(self):
        for coding in ("gzip, chunked", "gzip", "chunked, chunked", "identity", ""):
            self.refused(head(200, "Transfer-Encoding: " + coding, length=None), b"0\r\n\r\n")

    def test_coding_in_either_case_is_understood(self):
        self.get(head(200, "transfer-ENCODING:  Chunked ", length=None) + b"0\r\n\r\n")
        self.assertEqual(self.http.left_bytes, 0)
