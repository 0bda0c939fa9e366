"""The hazards of sockets and TLS on the chip, one test each.

The same with real TLS and sockets that forget their time-outs: tests/host/test_simboard_hazards.py.
"""

import net
from broker import PREFIX, publish
from enos_ota import board
from enos_ota.errors import DownloadError, LinkError, StarvedError
from hazard import Context, Hazard


class TestConnection(Hazard):
    def test_hazard_closed_tls_stream_is_never_touched_again(self):
        context = Context()

        async def serve():
            await self.broker.log_in()

        self.open(serve(), context)
        stream = context.stream
        stream.error = OSError(-104)
        self.raised(LinkError, self.session.send, "inform", {})
        self.assertTrue(stream.is_closed)
        for use in (
            self.session.poll,
            self.session.check_msg,
            self.session.ping,
            self.session.wait_msg,
        ):
            self.raised(LinkError, use)
        self.session.sock.setblocking(True)
        self.session.close()

    def test_hazard_publish_cut_in_the_middle_ends_by_the_packets_deadline(self):
        data = publish(PREFIX + "upgrade", {"id": "1"}, 1)
        for size in (1, 2, 3, 20, len(data) - 1):
            self.broker.peer.send(data[:size])
            text, waited_ms = self.lost(self.session.poll)
            self.assertIn("timed out", text)
            self.assertTrue(5000 <= waited_ms <= 5010, waited_ms)
            self.session.close()
            self.connect()
        self.assertEqual(self.upgrades, [])

    def test_hazard_message_trickled_has_one_deadline_for_header_topic_and_payload(self):
        data = bytearray(publish(PREFIX + "upgrade", {"id": "1"}))
        sent = [0]

        def trickle():
            if self.clock.now_ms - sent[0] >= 400 and data:
                sent[0] = self.clock.now_ms
                self.broker.peer.send(data[:1])
                data[:] = data[1:]

        trickle()
        self.clock.on_sleep = trickle
        text, waited_ms = self.lost(self.session.poll)
        self.assertIn("timed out", text)
        self.assertTrue(5000 <= waited_ms <= 5010, waited_ms)
        self.assertEqual(self.upgrades, [])

    def test_hazard_handshake_without_end_is_bounded(self):
        context = Context(rounds=1_000_000)  # each write takes a byte and is not done
        text, waited_ms = self.lost(self.open, self.accept(), context)
        self.assertIn("timed out", text)
        self.assertTrue(15_000 <= waited_ms <= 15_010, waited_ms)

    def test_hazard_silence_after_accept_is_bounded(self):
        self.assertTrue(self.lost(self.open, self.accept())[1] <= 25_000)

    def test_hazard_no_connack_and_no_suback_are_bounded(self):
        text, waited_ms = self.lost(self.open, self.accept(b""))
        self.assertIn("no answer to CONNECT", text)
        self.assertTrue(10_000 <= waited_ms <= 10_100, waited_ms)
        text, waited_ms = self.lost(self.open, self.accept(b"\x20\x02\x00\x00", b""))
        self.assertIn("no answer to SUBSCRIBE", text)
        self.assertTrue(10_000 <= waited_ms <= 10_100, waited_ms)

    def test_hazard_connack_cut_in_the_middle_is_bounded(self):
        for size in (1, 2, 3):
            self.assertTrue(
                self.lost(self.open, self.accept(b"\x20\x02\x00\x00"[:size]))[1] <= 15_100
            )

    def test_hazard_peer_that_does_not_read_stalls_the_loop_for_a_second_at_most(self):
        self.patch(net, "_WINDOW_BYTES", 2048)

        def flood():
            while True:
                self.start = self.clock.now_ms
                self.session.send("progress", {"desc": "x" * 500})

        self.assertIn("write timed out", self.lost(flood)[0])
        self.assertTrue(1000 <= self.clock.now_ms - self.start <= 1010)

    def test_hazard_half_a_tls_record_is_found_by_the_keepalive(self):
        # It reads as None, as if nothing were there; bytes below the record are no sign of life.
        real = net.Socket.readinto
        self.patch(net.Socket, "readinto", lambda sock, buf: None if sock._net else real(sock, buf))
        self.broker.tell("upgrade", {"id": "1"})

        def wait():
            while True:
                self.clock.sleep_ms(100)
                self.session.poll()

        text, waited_ms = self.lost(wait)
        self.assertIn("ping", text)
        self.assertTrue(waited_ms <= 90_000)

    def refused(self, error, block_bytes, kind):
        """Open with TLS that ends in `error`, or never, with such a block left; the text of what is raised."""
        context = Context(error=error, rounds=1_000_000)
        left = lambda: block_bytes if context.stream else 100_000  # noqa: E731
        self.patch(board, "largest_free_block", left)
        text = str(self.raised(kind, self.open, self.accept(), context))
        self.assertTrue(context.stream.is_closed)
        return text

    def test_hazard_shortage_of_memory_is_said_whatever_it_looks_like(self):
        unlike = ValueError("certificate is not correctly signed by the trusted CA")
        for error in (unlike, OSError(-32512), None):  # the last: a write that never ends
            text = self.refused(error, 11_999, StarvedError)
            self.assertEqual(text, "not enough memory for a TLS session")

    def test_hazard_shortage_that_is_over_by_then_is_no_fault_of_the_certificate(self):
        unlike = ValueError("certificate is not correctly signed by the trusted CA")
        for least, kind in ((3_999, StarvedError), (4_000, DownloadError)):
            self.patch(board, "least_free_bytes", lambda least=least: least)
            self.refused(unlike, 50_000, kind)

    def test_hazard_failure_without_tls_is_no_shortage(self):
        self.patch(board, "largest_free_block", lambda: 100)
        self.broker.peer.close()
        self.assertIn("closed by the server", self.lost(self.session.poll)[0])

    def test_hazard_refusal_with_memory_enough_is_no_shortage_and_one_line(self):
        reasons = ValueError("\nname does not match\nvalidity has expired\n")
        text = self.refused(reasons, 12_000, DownloadError)
        self.assertEqual(text, "TLS refused: the certificate names another host")
        other = ValueError("\nkey is\n  too short\n")
        self.assertEqual(
            self.refused(other, 12_000, DownloadError), "TLS refused: key is too short"
        )
