"""MQTT: messages and topics of every size, floods of them, and what finds no memory."""

from broker import PREFIX, WithBroker, publish, varint
from enos_ota import transport
from enos_ota.errors import LinkError

FIELD = 8192
LARGEST = 16_384
TOPIC = (PREFIX + "upgrade").encode()


class Sizes(WithBroker):
    def setUp(self) -> None:
        super().setUp()
        self.connect()

    def tearDown(self) -> None:
        if hasattr(transport, "bytearray"):
            del transport.bytearray
        super().tearDown()

    def ids(self):
        return [message["id"] for message in self.upgrades]

    def stream(self, head, size, tail=b"", step=1000):
        """Have the broker send `head`, `size` blanks and `tail`, a piece whenever the client waits."""
        left = [size]

        def go_on():
            count = min(step, left[0])
            left[0] -= count
            if count:
                self.broker.peer.send(b" " * count)
                if not left[0]:
                    self.broker.peer.send(tail)

        self.broker.peer.send(head)
        self.clock.on_sleep = go_on

    def head(self, payload_bytes, qos=1, topic=TOPIC):
        """A PUBLISH as far as its payload."""
        topic_bytes = bytes((len(topic) >> 8, len(topic) & 0xFF)) + topic
        packet_id = b"\x00\x07" if qos else b""
        size = len(topic_bytes) + len(packet_id) + payload_bytes
        return bytes((0x30 | qos << 1,)) + varint(size) + topic_bytes + packet_id

    def without_memory_for(self, most_bytes):
        """Let no field larger than this be allocated."""
        self.allocated = []

        def allocate(size):
            self.allocated.append(size)
            if isinstance(size, int) and size > most_bytes:
                raise MemoryError
            return bytearray(size)

        transport.bytearray = allocate

    def lives_on(self, *ids):
        """Whether another message is delivered after these."""
        self.clock.on_sleep = None
        self.broker.tell("upgrade", {"id": "next"})
        self.session.poll()
        self.assertEqual(self.ids(), list(ids) + ["next"])

    def is_refused(self, start_ms, within_ms=0):
        self.raised(LinkError, self.session.poll)
        self.assertTrue(self.clock.now_ms - start_ms <= within_ms, self.clock.now_ms - start_ms)
        self.assertEqual(self.upgrades, [])


class TestPayloads(Sizes):
    def test_payload_of_8_kib_is_delivered_whole(self):
        self.stream(self.head(FIELD) + b'{"id": "1"}', FIELD - 11)
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
        self.lives_on("1")

    def test_payload_larger_than_8_kib_is_dropped_acknowledged_and_the_session_lives(self):
        for size in (FIELD + 1, 10_000, LARGEST - 1, LARGEST):
            self.lines.clear()
            self.upgrades.clear()
            self.without_memory_for(FIELD)
            self.stream(self.head(size), size)
            self.session.poll()
            self.assertEqual(max(self.allocated), max(64, len(TOPIC)))
            self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
            self.assertEqual(len(self.lines), 1)
            text = "upgrade: message of %d bytes dropped: MemoryError"
            self.assertIn(text % (size + len(TOPIC) + 4), self.lines[0])
            self.lives_on()

    def test_payload_dropped_takes_no_byte_of_the_message_behind_it(self):
        self.stream(self.head(9000), 9000, publish(PREFIX + "upgrade", {"id": "1"}))
        self.session.poll()
        self.session.poll()
        self.lives_on("1")

    def test_payload_dropped_at_qos_0_is_not_acknowledged(self):
        self.stream(self.head(9000, 0), 9000)
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"")
        self.lives_on()

    def test_payload_dropped_that_stalls_ends_by_the_packets_deadline(self):
        start = self.clock.now_ms
        self.stream(self.head(9000), 8999)
        self.is_refused(start, 5010)

    def test_payload_dropped_that_trickles_ends_by_the_packets_deadline(self):
        start = self.clock.now_ms
        self.stream(self.head(9000), 9000, step=1)  # a byte for each 2 ms
        self.is_refused(start, 5010)

    def test_payload_dropped_that_ends_the_connection_is_a_link_error(self):
        self.broker.peer.send(self.head(9000) + bytes(500))
        self.broker.peer.close()
        self.is_refused(self.clock.now_ms)

    def test_payload_larger_than_16_kib_ends_the_session_unread(self):
        for size in (LARGEST + 1, 65_535, 200_000_000):
            start = self.clock.now_ms
            self.broker.peer.send(self.head(size))
            self.is_refused(start)
            self.session.close()
            self.connect()

    def test_payload_that_finds_no_memory_is_dropped_and_the_session_lives(self):
        self.without_memory_for(100)
        self.broker.tell("upgrade", '{"id": "1"}' + " " * 200, 1)
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
        self.assertIn("bytes dropped", self.lines[-1])
        self.lives_on()

    def test_payload_whose_parsed_form_finds_no_memory_is_dropped_and_the_session_lives(self):
        # 3 KB of JSON become 70 KB of lists, more than the heap of this test has left.
        self.broker.tell("upgrade", '{"id": "1", "x":[' + "[]," * 1000 + "1]}", 1)
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
        self.assertEqual(len(self.lines), 1, self.lines)
        self.assertIn("MemoryError", self.lines[0])
        self.lives_on()

    def test_payload_nested_without_end_costs_no_session(self):
        for text in ("[" * 3000, '{"id":' + "[" * 700 + "]" * 700 + "}"):
            self.broker.tell("inform_reply", text, 1)
            self.session.poll()
            self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
        self.lives_on()


class TestFields(Sizes):
    def test_topic_larger_than_8_kib_is_refused_and_not_dropped(self):
        for qos in (0, 1):
            start = self.clock.now_ms
            self.broker.peer.send(self.head(0, qos, b"")[:1] + varint(9002 + 2 * qos) + b"\x23\x28")
            self.is_refused(start)
            self.session.close()
            self.connect()

    def test_topic_that_finds_no_memory_is_refused_and_not_dropped(self):
        self.without_memory_for(20)
        self.broker.peer.send(publish(PREFIX + "upgrade", ""))
        self.is_refused(self.clock.now_ms)

    def test_topic_longer_than_its_packet_is_refused_unread(self):
        for packet in (
            b"\x30\x02\x00\x50",
            b"\x30\x03\x00\x02",
            b"\x30\x01",
            b"\x32\x04\x00\x02",
            b"\x30\x00",
        ):
            start = self.clock.now_ms
            self.broker.peer.send(packet + bytes(90))
            self.is_refused(start)
            self.session.close()
            self.connect()

    def test_acknowledgement_larger_than_8_kib_is_refused_and_not_dropped(self):
        for first in (b"\x20", b"\x40", b"\x90"):
            start = self.clock.now_ms
            self.broker.peer.send(first + varint(9000))
            self.is_refused(start)
            self.session.close()
            self.connect()

    def test_acknowledgement_that_finds_no_memory_is_refused_and_not_dropped(self):
        self.without_memory_for(1)
        self.broker.peer.send(b"\x20\x02\x00\x00")
        self.is_refused(self.clock.now_ms)

    def test_length_of_more_than_four_bytes_is_refused(self):
        start = self.clock.now_ms
        self.broker.peer.send(b"\x30\xff\xff\xff\xff\x01" + bytes(50))
        self.is_refused(start)


class TestTopics(Sizes):
    def test_topics_of_200_bytes_work_both_ways(self):
        for product, device in ((64, 64), (94, 81)):
            self.session.close()
            keys = {"product_key": "p" * product, "device_key": "d" * device}
            _, subscribe = self.connect(self.make(**keys))
            topic = "/sys/%(product_key)s/%(device_key)s/ota/device/" % keys
            for tail in ("upgrade", "inform_reply", "progress_reply", "getversion_reply"):
                name = (topic + tail).encode()
                self.assertIn(bytes((0, len(name))) + name + b"\x01", subscribe)
            self.upgrades.clear()
            self.broker.peer.send(publish(topic + "upgrade", {"id": "1"}, 1))
            self.session.poll()
            self.assertEqual(self.ids(), ["1"])
            self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
            self.session.send("inform", {})
            packet = self.broker.peer.waiting()
            self.assertEqual(packet, publish(topic + "inform", packet[packet.index(b"{") :]))
        self.assertEqual(len(topic + "upgrade"), 200)


class TestFloods(Sizes):
    def test_flood_of_packets_keeps_poll_for_eight_at_most(self):
        one = publish(PREFIX + "upgrade", {"id": "1"})
        for _ in range(20):
            self.broker.peer.send(one)
        for most in (8, 16, 20, 20):
            self.session.poll()
            self.assertEqual(len(self.upgrades), most)

    def test_flood_of_acknowledgements_keeps_poll_no_longer(self):
        self.broker.peer.send(b"\x40\x02\x00\x01" * 20)
        self.broker.tell("upgrade", {"id": "1"})
        for count in (0, 0, 1):
            self.session.poll()
            self.assertEqual(len(self.upgrades), count)

    def test_flood_does_not_keep_a_ping_from_being_sent(self):
        for _ in range(40):
            self.clock.sleep_ms(1000)
            for _ in range(10):
                self.broker.peer.send(b"\x40\x02\x00\x01")
            self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"\xc0\x00")

    def test_replies_to_requests_of_nobody_are_not_kept(self):
        for n in range(100):
            self.reply(n)
            self.session.poll()
        self.assertEqual(self.session._replies, {})

    def test_replies_that_come_twice_are_kept_once(self):
        def answers(message_id):
            for n in range(5):
                self.reply(message_id, data=n)

        self.assertIn("data", self.request(answers))
        self.assertEqual(self.session._replies, {})
