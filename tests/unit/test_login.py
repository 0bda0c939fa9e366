"""What the HTTP broker answers in JSON: a session, or where the file is; and what it may answer instead."""

import json

from enos_ota.errors import DownloadError, LinkError
from enos_ota.login import ask
from helpers import run, together
from httpcase import URL, Slow, head


def chunked(*pieces):
    """An answer in chunks."""
    data = b"".join([b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces])
    return head(200, "Transfer-Encoding: chunked", length=None) + data + b"0\r\n\r\n"


def tell(data, status=200):
    """A whole answer with these bytes."""
    return head(status, length=len(data)) + data


class TestAsk(Slow):
    def ask(self, *answers):
        """Ask over a new connection; the server answers piece by piece."""

        async def serve():
            self.peer = await self.server.accept()
            await self.peer.until(b"\r\n\r\n")
            for answer in answers:
                self.peer.send(answer)

        self.anew()
        return run(together(ask(self.http, "POST", URL), serve()))

    def refuses(self, *answers, kind=DownloadError):
        return str(self.raised(kind, self.ask, *answers))

    def test_session_is_given(self):
        data = json.dumps({"code": 200, "data": {"sessionId": "x/1"}}).encode()
        self.assertEqual(self.ask(head(length=len(data)), data[:9], data[9:]), "x/1")

    def test_text_is_given(self):
        for code in (b"200", b'"200"'):
            self.assertEqual(self.ask(tell(b'{"code":%s,"data":"/f.bin"}' % code)), "/f.bin")

    def test_answer_in_chunks_is_read(self):
        self.assertEqual(self.ask(chunked(b'{"co', b'de":200,', b'"data":"/f"}')), "/f")

    def test_other_code_is_told_whatever_the_status(self):
        for status in (200, 401, 403):
            text = self.refuses(tell(b'{"code":742,"data":"x"}', status))
            self.assertIn("code 742", text)

    def test_answer_without_anything_usable_is_refused(self):
        for data in (b'""', b"{}", b"null", b"7", b"[]", b'{"sessionId":""}', b'{"sessionId":7}'):
            self.assertIn("code 200", self.refuses(tell(b'{"code":200,"data":%s}' % data)))

    def test_what_is_no_json_object_is_refused(self):
        for data in (b"<html>", b"[7]", b"7", b"null", b"", b"\xff\xfe", b"{"):
            self.assertIn("HTTP 403 without JSON", self.refuses(tell(data, 403)))

    def test_status_that_says_enough_is_told_without_reading_on(self):
        self.assertEqual(self.refuses(tell(b"<html>", 404)), "HTTP 404")
        for status in (429, 500, 503):
            self.assertEqual(self.refuses(tell(b"{}", status), kind=LinkError), "HTTP %d" % status)

    def test_json_longer_than_2_kib_is_refused_before_it_is_read(self):
        self.assertIn("without JSON", self.refuses(head(length=2049)))

    def test_json_in_chunks_longer_than_2_kib_is_refused(self):
        self.assertIn("without JSON", self.refuses(chunked(*[b" " * 100] * 30)))
        self.assertTrue(self.peer.sock._other._inbox, "it read on")

    def test_json_that_trickles_ends_after_30_s(self):
        self.trickle(b" " * 60, 1000)
        took = self.elapsed(lambda: self.refuses(head(length=60), kind=LinkError))
        self.assertTrue(29_900 <= took <= 30_100, took)
