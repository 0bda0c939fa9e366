"""What a server may not do to the HTTP client: deadlines, heads that cannot be trusted, stale connections."""

import asyncio

from enos_ota.errors import DownloadError, LinkError
from helpers import run, together
from httpcase import BODY, URL, Slow, WithServer, head


class TestDeadlines(Slow):
    def test_connect_that_takes_its_time_leaves_the_handshake_the_rest_of_15_s(self):
        # The TLS handshake happens in the first write; both together have 15 s.
        async def open_slowly(*args):
            self.clock.now_ms += 14_000

        transport = self.http._transport
        transport.open = open_slowly
        transport._try = lambda buf, reads: None
        start = self.clock.now_ms
        self.raised(LinkError, run, self.http.request("GET", URL))
        self.assertTrue(14_900 <= self.clock.now_ms - start <= 15_100)

    def test_silence_in_the_head_ends_after_30_s(self):
        took = self.elapsed(self.raised, LinkError, self.get, b"HTTP/1.1 200 OK\r\n")
        self.assertTrue(29_900 <= took <= 30_100)

    def test_head_that_trickles_ends_after_30_s(self):
        self.trickle(head(200, *["X-%d: 1" % i for i in range(60)]), 1000)
        start = self.clock.now_ms
        self.raised(LinkError, self.get)
        self.assertTrue(29_900 <= self.clock.now_ms - start <= 30_100)

    def test_head_that_is_there_at_once_lets_others_run(self):
        ticks = []

        async def ticker():
            while len(ticks) < 1000:
                ticks.append(1)
                await asyncio.sleep_ms(0)

        async def both():
            task = asyncio.create_task(ticker())
            await together(self.http.request("GET", URL), serve())
            task.cancel()

        async def serve():
            peer = await self.server.accept()
            await peer.until(b"\r\n\r\n")
            del ticks[:]
            peer.send(head(200, *["X-%d: 1" % i for i in range(60)]))

        run(both())
        self.assertTrue(60 <= len(ticks) < 1000)


class TestHeads(WithServer):
    def test_duplicate_headers_that_we_use_are_refused(self):
        for line in (
            "Content-Length: 300",
            "content-length: 5",
            'ETag: "a"\r\nETag: "a"',
            "Location: /a\r\nlocation: /b",
            "Content-Range: bytes 0-1/2\r\nContent-Range: bytes 0-1/2",
        ):
            self.refused(head(200, line), BODY)

    def test_duplicate_headers_of_others_are_passed_over(self):
        self.get(head(200, "Set-Cookie: a=b", "Set-Cookie: c=d"), BODY)
        self.assertEqual(self.body(), BODY)

    def test_folded_lines_are_refused(self):
        for line in ("X-A: 1\r\n 2", "X-A: 1\r\n\t2", " X-A: 1", " ", "\t"):
            self.refused(head(200, line), BODY)

    def test_lines_that_are_no_headers_are_refused(self):
        for line in ("no colon", ": no name", "Content-Length : 7", "Transfer-Encoding\t: chunked"):
            self.refused(head(200, line), BODY)

    def test_lengths_that_are_no_number_of_bytes_are_refused(self):
        for length in (
            "-1",
            "+5",
            "5, 5",
            "0x5",
            "5.0",
            "1e3",
            "99999999999999999999",
            "",
            "5 5",
            "\xb2",
        ):
            self.refused(("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n" % length).encode() + BODY)

    def test_length_of_a_small_integer_is_taken(self):
        self.get(head(length=671_088_639))
        self.assertEqual(self.http.left_bytes, 671_088_639)

    def test_status_out_of_range_is_refused(self):
        for line in ("099", "000", "600", "999", "20", "2000", "-20", "+20", "2 0", "20x", "0x1"):
            self.refused(("HTTP/1.1 %s OK\r\nContent-Length: 300\r\n\r\n" % line).encode() + BODY)

    def test_status_without_a_reason_is_understood(self):
        for start in (b"HTTP/1.1 200\r\n", b"HTTP/1.1 200 \r\n", b"HTTP/1.0 200 OK\r\n"):
            self.anew()
            self.get(start + b"Content-Length: 2\r\n\r\nab")
            self.assertEqual(self.body(), b"ab")

    def test_64_headers_are_read_and_65_refused(self):
        self.get(head(200, *["X-%d: 1" % i for i in range(63)]), BODY)
        self.assertEqual(self.body(), BODY)
        self.refused(head(200, *["X-%d: 1" % i for i in range(64)]))

    def test_answers_1xx_are_skipped(self):
        self.get(
            b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nETag: "x"\r\n\r\n' + head(), BODY
        )
        self.assertEqual(self.http.status, 200)
        self.assertFalse("etag" in self.http.headers)
        self.assertEqual(self.body(), BODY)

    def test_answers_1xx_without_end_are_refused(self):
        self.refused(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    def test_success_that_ends_with_the_connection_is_refused(self):
        # No telling a whole file from a part of it.
        self.assertIn("200", self.refused(head(200, length=None), BODY, None))
        self.assertIn("206", self.refused(head(206, length=None), BODY, None))

    def test_error_that_ends_with_the_connection_tells_its_status(self):
        for status in (301, 304, 404, 503):
            self.anew()
            self.get(head(status, length=None), b"gone", None)
            self.assertEqual(self.http.status, status)
            self.assertEqual(self.http.left_bytes, 0)
        self.peer = None
        self.get(head(), BODY)
        self.assertEqual(self.body(), BODY)

    def test_address_with_a_blank_or_line_end_is_not_sent(self):
        for path in ("a b", "a\r\nX: y", "a\n", "a\x00"):
            self.raised(
                DownloadError, run, self.http.request("GET", "https://localhost:18443/" + path)
            )
        self.assertEqual(self.net.connections, 0)


class TestStale(WithServer):
    def finish(self, *lines, version=b"1.1"):
        self.get(head(200, *lines, length=2).replace(b"1.1", version), b"ab")
        self.assertEqual(self.body(), b"ab")

    def again(self, connections):
        """Another request, answered at once over the connection that the server knows as the last."""
        start = self.clock.now_ms
        self.get(head(length=2), b"cd")
        self.assertEqual(self.body(), b"cd")
        self.assertTrue(self.clock.now_ms - start < 1000)
        self.assertEqual(self.net.connections, connections)

    def test_connection_that_the_server_ends_is_not_used_again(self):
        for line, version in (
            ("Connection: close", b"1.1"),
            ("connection: Keep-Alive, CLOSE", b"1.1"),
            ("X: y", b"1.0"),
            ("Connection: keep-alive", b"1.0"),
        ):
            self.anew()
            before = self.net.connections
            self.finish(line, version=version)
            self.peer = None
            self.again(before + 2)

    def test_connection_that_was_closed_while_idle_is_opened_afresh(self):
        self.finish()
        self.peer.close()
        self.peer = None
        self.again(2)

    def test_connection_that_was_reset_while_idle_is_opened_afresh(self):
        self.finish()
        self.peer.abort()
        self.peer = None
        self.again(2)

    def closed_after(self, data):
        """The server closes a used connection after the request and `data`."""

        async def serve():
            await self.peer.until(b"\r\n\r\n")
            if data:
                self.peer.send(data)
            self.peer.close()
            self.peer = await self.server.accept()
            await self.peer.until(b"\r\n\r\n")
            self.peer.send(head(length=2) + b"cd")

        async def both():
            task = asyncio.create_task(serve())
            try:
                await self.http.request("GET", URL)
            finally:
                task.cancel()

        run(both())

    def test_connection_that_is_closed_by_the_request_is_opened_afresh(self):
        self.finish()
        self.closed_after(b"")
        self.assertEqual(self.body(), b"cd")
        self.assertEqual(self.net.connections, 2)

    def test_connection_that_is_closed_in_the_answer_is_a_link_error(self):
        self.finish()
        self.raised(LinkError, self.closed_after, b"H")
        self.assertEqual(self.net.connections, 1)

    def test_connection_that_fails_at_once_is_opened_only_once(self):
        self.refused(None, kind=LinkError)
        self.assertEqual(self.net.connections, 1)

    def test_server_that_is_gone_after_all_is_a_link_error(self):
        self.finish()
        self.peer.close()
        self.net.servers.clear()
        self.raised(LinkError, run, self.http.request("GET", URL))

    def test_connection_with_more_than_was_announced_is_not_used_again(self):
        # What is left there would be taken for the next answer.
        self.get(head(length=2), b"abHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.body(), b"ab")
        self.peer = None
        self.again(2)

    def test_connection_whose_body_has_not_come_is_not_used_again(self):
        self.get(head(length=2))
        self.peer = None
        self.again(2)

    def test_connection_after_a_refused_head_is_not_used_again(self):
        self.finish()
        self.raised(DownloadError, self.get, b"HTTP/1.1 200 OK\r\nno header\r\n")
        self.peer = None
        self.again(2)
