"""A connection that never waits past its deadline, against peers that do everything else."""

import socket

import esp32
from enos_ota import transport
from enos_ota.errors import DownloadError, LinkError, StarvedError
from enos_ota.transport import Transport
from helpers import Case, run
from peer import Server

HOST = "127.0.0.1"
BLOCK = bytes(2048)


class Context:
    """Stands for a TLS context: the wrapped socket is `stream`, or `error` is raised."""

    def __init__(self, stream=None, error=None) -> None:
        self.stream = stream
        self.error = error
        self.asked = []

    def wrap_socket(self, sock, **options):
        self.asked.append(options)
        if self.error:
            raise self.error
        return self.stream or sock


class Stream:
    """Stands for a TLS stream whose every operation raises `error`."""

    def __init__(self, error) -> None:
        self.error = error
        self.closed = 0

    def _fail(self, buf):
        assert not self.closed, "used after close"
        raise self.error

    write = readinto = read = _fail

    def close(self) -> None:
        self.closed += 1


class Connected(Case):
    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        self.clock = self.slow(transport)
        self.server = Server()
        self.link = Transport()

    def tearDown(self) -> None:
        self.link.close()
        self.server.close()
        super().tearDown()

    async def connect(self, context=None):
        """Open the connection; return its other end."""
        await self.link.open(HOST, self.server.port, context, 1000)
        return await self.server.accept()

    def fails(self, coroutine, *words, kind=LinkError):
        """Run a coroutine that ends in an error of a kind whose text holds the words."""
        text = str(self.raised(kind, run, coroutine))
        for word in words:
            self.assertIn(word, text)


class TestOpen(Connected):
    def test_open_connects_and_bytes_go_both_ways(self):
        async def both():
            peer = await self.connect()
            await self.link.send(b"ping", 1000)
            self.assertEqual(await peer.read(4), b"ping")
            peer.send(b"pong")
            buf = bytearray(10)
            self.assertEqual(await self.link.receive(buf), 4)
            self.assertEqual(buf[:4], b"pong")

        run(both())

    def test_open_refused_is_said_at_once(self):
        self.server.close()
        for context in (None, Context()):  # that nobody listens is no refusal by TLS
            self.fails(self.link.open(HOST, self.server.port, context, 60_000), HOST + ": refused")
        self.assertTrue(self.clock.now_ms < 10_000)

    def test_open_without_an_answer_ends_at_the_deadline(self):
        server = Server(backlog=0)
        waiting = []
        for _ in range(4):  # more than the kernel queues for it: the next SYN is not answered
            sock = socket.socket()
            sock.setblocking(False)
            try:
                sock.connect(socket.getaddrinfo(HOST, server.port)[0][-1])
            except OSError:
                pass
            waiting.append(sock)
        self.fails(self.link.open(HOST, server.port, None, 3000), "connect", "timed out")
        self.assertTrue(3000 <= self.clock.now_ms - 5000 <= 3010, self.clock.now_ms)
        for sock in waiting:
            sock.close()
        server.close()

    def test_open_unknown_host_is_named(self):
        class NoNames:
            SOCK_STREAM = socket.SOCK_STREAM

            @staticmethod
            def getaddrinfo(*arguments):
                raise OSError(-202)

        self.stand_in("socket", NoNames)
        self.fails(self.link.open("iot.example", 1, None, 1000), "iot.example")

    def test_open_without_a_socket_left_is_a_link_error(self):
        # An OSError would end an upgrade with step -4, "NVS or flash".
        class NoSockets:
            SOCK_STREAM = socket.SOCK_STREAM
            getaddrinfo = staticmethod(socket.getaddrinfo)

            @staticmethod
            def socket():
                raise OSError(23)

        self.stand_in("socket", NoSockets)
        self.fails(self.link.open(HOST, self.server.port, None, 1000))

    def test_open_tls_checks_the_name_and_does_not_shake_hands_yet(self):
        context = Context()
        run(self.connect(context))
        self.assertEqual(
            context.asked, [{"server_hostname": HOST, "do_handshake_on_connect": False}]
        )

    def test_open_tls_with_too_small_a_block_says_memory(self):
        esp32.chip.largest_block = 39_999
        context = Context()
        self.fails(self.connect(context), "memory", kind=StarvedError)
        self.assertEqual(context.asked, [])
        esp32.chip.largest_block = 40_000
        run(self.connect(context))

    def test_open_tls_that_cannot_be_set_up_says_why(self):
        # On 1.23 a second session without memory is OSError(12); an OSError would be step -4 instead of -2.
        for error, kind in (
            (OSError(12), StarvedError),
            (OSError(-12), StarvedError),
            (OSError(-32512), LinkError),
            (ValueError("invalid"), DownloadError),
        ):
            context = Context(error=error)
            self.fails(self.link.open(HOST, self.server.port, context, 1000), kind=kind)
            run(self.server.accept()).close()


class TestReceive(Connected):
    def test_receive_gives_what_is_there_and_at_most_the_buffer(self):
        async def act():
            peer = await self.connect()
            peer.send(b"abcdef")
            buf = bytearray(4)
            self.assertEqual(await self.link.receive(buf), 4)
            self.assertEqual(await self.link.receive(buf), 2)
            self.assertEqual(buf, b"efcd")

        run(act())

    def test_receive_now_without_data_is_none(self):
        async def act():
            await self.connect()
            self.assertIsNone(self.link.receive_now(bytearray(4)))

        run(act())

    def test_receive_from_a_silent_server_ends_at_the_deadline(self):
        async def act():
            await self.connect()
            self.start = self.clock.now_ms
            self.link.allow(2000)
            await self.link.receive(bytearray(4))

        self.fails(act(), "read", "timed out")
        self.assertTrue(2000 <= self.clock.now_ms - self.start <= 2010)

    def test_receive_at_the_end_is_a_link_error(self):
        async def act():
            (await self.connect()).close()
            await self.link.receive(bytearray(4))

        self.fails(act(), "closed by the server")

    def test_receive_after_a_reset_is_a_link_error(self):
        async def act():
            (await self.connect()).abort()
            await self.link.receive(bytearray(4))

        self.fails(act(), "connection")

    def test_received_ms_is_the_time_of_the_last_byte(self):
        async def act():
            peer = await self.connect()
            self.clock.sleep_ms(500)
            peer.send(b"x")
            await self.link.receive(bytearray(4))
            at = self.clock.now_ms
            self.clock.sleep_ms(500)
            self.link.receive_now(bytearray(4))
            self.assertEqual(self.link.received_ms, at)

        run(act())


class TestSend(Connected):
    def test_send_to_a_peer_that_does_not_read_ends_at_the_deadline(self):
        async def act():
            await self.connect()
            while True:
                self.start = self.clock.now_ms
                await self.link.send(BLOCK, 2000)

        self.fails(act(), "write", "timed out")
        self.assertTrue(2000 <= self.clock.now_ms - self.start <= 2010)

    def test_write_to_a_peer_that_does_not_read_ends_within_a_second(self):
        run(self.connect())

        def act():
            while True:
                self.start = self.clock.now_ms
                self.link.write(BLOCK)

        self.assertIn("timed out", str(self.raised(LinkError, act)))
        self.assertTrue(1000 <= self.clock.now_ms - self.start <= 1010)

    def test_send_and_write_larger_than_the_kernels_buffer_arrive_whole(self):
        async def act():
            peer = await self.connect()
            self.got = 0

            def drain():
                self.got += peer.drain()

            self.clock.on_sleep = drain
            for _ in range(2000):
                self.link.write(BLOCK)
            for _ in range(2000):
                await self.link.send(BLOCK, 5000)
            while self.got < 4000 * len(BLOCK):
                drain()
            self.assertEqual(self.got, 4000 * len(BLOCK))

        run(act())

    def test_tls_refusal_names_reason_and_clock_closes_and_is_not_tried_again(self):
        # Not a LinkError: those are tried again.
        stream = Stream(ValueError("The certificate validity starts in the future"))

        async def act():
            await self.connect(Context(stream))
            await self.link.send(b"x", 1000)

        text = "TLS refused: the certificate is not valid yet (clock %04d-" % self.clock.gmtime()[0]
        self.fails(act(), text, kind=DownloadError)
        self.assertEqual(stream.closed, 1)

    def test_server_that_shows_no_certificate_to_who_has_pins_is_refused(self):
        for matched, text in ((None, "TLS refused: no certificate"), (True, None)):

            async def act():
                context = Context()
                context.matched = matched  # noqa: B023 - awaited before the loop goes on
                peer = await self.connect(context)
                await self.link.send(b"x", 1000)
                return await peer.read(1)

            if text:
                self.fails(act(), text, kind=DownloadError)
                self.raised(LinkError, self.link.write, b"x")
            else:
                self.assertEqual(run(act()), b"x")

    def test_what_breaks_behind_the_handshake_is_no_refusal(self):
        stream = Stream(None)
        stream.write = len

        async def act():
            context = Context(stream)
            context.matched = True
            await self.connect(context)
            await self.link.send(b"x", 1000)
            context.matched = False
            stream.error = ValueError("The certificate validity has expired")
            await self.link.receive(bytearray(1))

        self.fails(act(), "connection: The certificate")

    def test_pin_of_the_session_before_is_no_reason_of_this_one(self):
        context = Context()
        context.matched = False
        self.server.close()
        self.fails(self.link.open(HOST, self.server.port, context, 1000), HOST + ": refused")

    def test_errors_through_tls_are_link_errors_and_close(self):
        for error in (OSError(-104), OSError(-28928), OSError(-32512)):
            stream = Stream(error)

            async def act():
                await self.connect(Context(stream))  # noqa: B023 - awaited before the loop goes on
                await self.link.receive(bytearray(1))

            self.fails(act(), str(error.errno))
            self.assertEqual(stream.closed, 1)
            self.link.setblocking(False)
            self.raised(LinkError, self.link.read, 1)


class TestPacket(Connected):
    """The face that umqtt sees: `setblocking(True)` begins a packet."""

    def begin(self):
        return run(self.connect())

    def packet(self, size, rest=None):
        """A packet of `size` bytes after its length begins; `rest` of them are not read yet."""
        self.link.setblocking(True)
        self.link.body = size
        self.link.rest = size if rest is None else rest

    def test_read_without_data_outside_a_packet_is_none_and_idle(self):
        self.begin()
        self.link.setblocking(False)
        self.assertIsNone(self.link.read(1))
        self.assertTrue(self.link.idle)

    def test_read_with_data_is_not_idle(self):
        peer = self.begin()
        peer.send(b"x")
        self.link.setblocking(False)
        self.assertEqual(bytes(self.link.read(1)), b"x")
        self.assertFalse(self.link.idle)

    def test_read_in_a_packet_waits_for_all_bytes(self):
        peer = self.begin()
        rest = [b"c", b"de"]
        self.clock.on_sleep = lambda: rest and peer.send(rest.pop(0))
        peer.send(b"ab")
        self.packet(5)
        self.assertEqual(bytes(self.link.read(5)), b"abcde")
        self.assertFalse(self.link.idle)

    def test_read_of_nothing_is_empty(self):
        self.begin()
        self.link.setblocking(True)
        self.assertEqual(bytes(self.link.read(0)), b"")

    def test_silence_in_a_packet_ends_at_its_deadline(self):
        peer = self.begin()
        peer.send(b"ab")
        self.packet(5)
        start = self.clock.now_ms
        self.assertIn("timed out", str(self.raised(LinkError, self.link.read, 5)))
        self.assertTrue(5000 <= self.clock.now_ms - start <= 5010)

    def test_trickle_in_a_packet_does_not_renew_the_deadline(self):
        peer = self.begin()
        start = self.clock.now_ms
        sent = [start]

        def trickle():
            if self.clock.now_ms - sent[0] >= 400:
                sent[0] = self.clock.now_ms
                peer.send(b"x")

        self.clock.on_sleep = trickle
        self.packet(100)

        def packet():
            while True:
                self.link.read(2)  # as header, topic and payload are read apart

        self.assertIn("timed out", str(self.raised(LinkError, packet)))
        self.assertTrue(5000 <= self.clock.now_ms - start <= 5010, self.clock.now_ms - start)

    def test_end_in_a_packet_gives_no_short_data(self):
        peer = self.begin()
        peer.send(b"ab")
        peer.close()
        self.packet(5)
        self.assertIn("closed by the server", str(self.raised(LinkError, self.link.read, 5)))

    def test_end_while_idle_is_a_link_error(self):
        self.begin().close()
        self.link.setblocking(False)
        self.assertIn("closed by the server", str(self.raised(LinkError, self.link.read, 1)))

    def test_reset_while_idle_is_a_link_error(self):
        self.begin().abort()
        self.link.setblocking(False)
        self.raised(LinkError, self.link.read, 1)


class TestClose(Connected):
    def test_close_before_open_and_twice_is_safe(self):
        self.link.close()
        run(self.connect())
        self.link.close()
        self.link.close()

    def test_after_close_every_use_is_a_link_error_and_setblocking_harmless(self):
        # On the chip `setblocking` of a closed TLS socket panics; umqtt's check_msg begins with it.
        run(self.connect())
        self.link.close()
        self.link.setblocking(False)
        self.raised(LinkError, self.link.read, 1)
        self.raised(LinkError, self.link.write, b"x")
        self.raised(LinkError, self.link.receive_now, bytearray(1))
        self.fails(self.link.send(b"x", 10), "closed")
        self.fails(self.link.receive(bytearray(1)), "closed")

    def test_error_closes_the_socket(self):
        async def act():
            peer = await self.connect()
            try:
                await self.link.receive(bytearray(1))
            except LinkError:
                pass
            self.assertEqual(await peer.read(1), b"")

        run(act())

    def test_transport_opens_again_after_close(self):
        run(self.connect())
        self.link.close()
        peer = run(self.connect())
        self.link.write(b"again")
        self.assertEqual(run(peer.read(5)), b"again")
