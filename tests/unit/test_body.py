"""The body of an HTTP answer: its length, its deadlines, and that it goes on without the rest of the client."""

import gc

from enos_ota.body import Body
from enos_ota.errors import DownloadError, LinkError
from enos_ota.http import Http
from helpers import run
from httpcase import BODY, Settings, Slow, WithServer, head

CHUNKED = head(200, "Transfer-Encoding: chunked", length=None)


class Still:
    """A transport that costs nothing: what it is asked for is there."""

    def receive_now(self, buf):
        return len(buf)

    def allow(self, timeout_ms):
        pass

    def close(self):
        pass


class TestBody(WithServer):
    def test_body_is_read_to_its_length(self):
        for size in (1, 7, len(BODY) - 1, len(BODY), 4096):
            self.get(head(), BODY)
            self.assertEqual(self.body(size), BODY)
            self.assertEqual(self.http.left_bytes, 0)

    def test_body_longer_than_announced_is_not_taken(self):
        self.get(head(length=5), b"12345678")
        try:
            self.assertEqual(self.body(), b"12345")
        except DownloadError:
            pass

    def test_body_cut_short_is_a_link_error(self):
        self.get(head(), BODY[:-1], None)
        self.raised(LinkError, self.body)

    def test_body_that_stops_is_a_link_error(self):
        self.get(head(), BODY[:-1])
        self.raised(LinkError, self.body)

    def test_receive_now_takes_what_is_there_without_waiting(self):
        self.get(head(), BODY[:5])
        buf = bytearray(64)
        start = self.clock.now_ms
        self.assertEqual(self.http.receive_now(buf), 5)
        self.assertEqual(self.http.receive_now(buf), 0)
        self.assertEqual(self.clock.now_ms, start)
        self.peer.send(BODY[5:])
        taken = 5
        while self.http.left_bytes >= len(buf):
            taken += self.http.receive_now(buf)
        self.assertEqual(taken + self.http.left_bytes, len(BODY))

    def test_receive_now_leaves_the_last_piece_to_receive(self):
        # It could only cut `buf` to what is to come by allocating.
        self.get(head(length=5), b"12345")
        buf = bytearray(64)
        self.assertEqual(self.http.receive_now(buf), 0)
        self.assertEqual(run(self.http.receive(buf)), 5)
        self.assertEqual(self.http.receive_now(buf), 0)

    def test_receive_now_allocates_nothing(self):
        self.get(head(length=200_000))
        self.http._transport = Still()
        receive_now = self.http.receive_now
        buf = memoryview(bytearray(1000))
        gc.collect()
        before = gc.mem_alloc()
        receive_now(buf)
        receive_now(buf)
        receive_now(buf)
        receive_now(buf)
        receive_now(buf)
        self.assertEqual(gc.mem_alloc() - before, 0)
        self.assertEqual(self.http.left_bytes, 195_000)

    def test_receive_now_at_the_end_of_the_connection_is_a_link_error(self):
        self.get(head(), None)
        self.raised(LinkError, self.http.receive_now, bytearray(4))


class TestDeadlines(Slow):
    def test_body_that_stops_ends_after_30_s(self):
        self.get(head(), BODY[:-1])
        took = self.elapsed(self.raised, LinkError, self.body)
        self.assertTrue(29_900 <= took <= 30_100)

    def test_body_has_30_s_of_its_own(self):
        answer = [head()]

        def late():
            if answer and self.clock.now_ms > 25_000:
                self.peer.send(answer.pop())

        self.clock.on_sleep = late
        self.get()
        took = self.elapsed(self.raised, LinkError, self.body)
        self.assertTrue(29_900 <= took <= 30_100)

    def test_body_that_trickles_ends_after_30_s(self):
        self.get(head(length=5000))
        self.trickle(b"x" * 5000, 1000)
        took = self.elapsed(self.raised, LinkError, self.body)
        self.assertTrue(29_900 <= took <= 30_100)

    def test_chunks_that_trickle_end_after_30_s(self):
        self.get(head(200, "Transfer-Encoding: chunked", length=None) + b"1\r\n")
        self.trickle(b"x\r\n1\r\n" * 500, 1000)
        took = self.elapsed(self.raised, LinkError, self.body)
        self.assertTrue(29_900 <= took <= 30_100)

    def test_body_of_4_kib_in_less_than_30_s_goes_on(self):
        self.get(head(length=13_000))
        self.trickle(b"x" * 13_000, 7)

        async def read():
            buf = bytearray(64)
            while self.http.left_bytes:
                await self.http.receive(buf)

        self.assertTrue(self.elapsed(run, read()) > 90_000)


class TestDetached(TestBody):
    is_detached = True


class TestDetachedDeadlines(TestDeadlines):
    is_detached = True


class TestDetach(WithServer):
    def detach(self):
        made, self.http = self.http, self.http.detach()
        self.assertTrue(type(self.http) is Body)
        return made

    def test_what_was_read_before_is_not_delivered_again(self):
        for start, whole in (
            (head(), BODY),
            (CHUNKED + b"12c\r\n", BODY + b"\r\n0\r\n\r\n"),
        ):
            self.anew()
            self.http = Http(None, Settings)
            self.get(start + whole)
            buf = bytearray(100)
            self.assertEqual(run(self.http.receive(buf)), 100)
            left_bytes = self.http.left_bytes
            self.detach()
            self.assertEqual(self.http.left_bytes, left_bytes)
            self.assertEqual(self.body(), BODY[100:])
            self.assertEqual(self.net.connections, 1)
            self.net.connections = 0

    def test_empty_body_has_ended(self):
        self.get(head(length=0))
        self.detach()
        self.assertEqual(self.http.left_bytes, 0)

    def test_deadline_begins_with_it(self):
        self.get(head())
        self.clock.now_ms += 29_000
        self.detach()
        start = self.clock.now_ms
        self.raised(LinkError, self.body)
        self.assertTrue(29_900 <= self.clock.now_ms - start <= 30_100)

    def test_close_closes_the_connection_and_is_safe_to_repeat(self):
        self.get(head(), BODY[:5])
        self.detach()
        self.http.close()
        self.http.close()
        self.assertEqual(self.http.left_bytes, 0)
        self.assertEqual(run(self.peer.read(1)), b"")

    def test_rest_of_the_client_is_not_kept(self):
        self.get(head())
        made = self.detach()
        kept = [name for name in dir(self.http) if getattr(self.http, name) in (made, made.headers)]
        self.assertEqual(kept, [])
