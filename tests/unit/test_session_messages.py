"""MQTT: messages that arrive, whole and otherwise; keepalive and backoff."""

from broker import PREFIX, WithBroker, publish
from enos_ota.errors import LinkError


class TestMessages(WithBroker):
    def setUp(self) -> None:
        super().setUp()
        self.connect()

    def ids(self):
        return [message["id"] for message in self.upgrades]

    def test_three_messages_in_one_segment_are_all_taken_by_one_poll(self):
        self.broker.peer.send(
            b"".join([publish(PREFIX + "upgrade", {"id": n}) for n in ("1", "2", "3")])
        )
        self.session.poll()
        self.assertEqual(self.ids(), ["1", "2", "3"])

    def test_message_in_two_segments_is_taken_whole(self):
        data = publish(PREFIX + "upgrade", {"id": "1"})
        for at in (1, 2, 3, 20, len(data) - 1):
            parts = [data[at:]]
            self.clock.on_sleep = lambda: parts and self.broker.peer.send(parts.pop())  # noqa: B023
            self.broker.peer.send(data[:at])
            self.session.poll()
        self.assertEqual(self.ids(), ["1"] * 5)

    def test_message_cut_by_the_end_is_not_delivered(self):
        data = publish(PREFIX + "upgrade", {"id": "1"})
        self.broker.peer.send(data[:-1])
        self.broker.peer.close()
        self.raised(LinkError, self.session.poll)
        self.assertEqual(self.upgrades, [])

    def test_message_trickled_for_ever_ends_within_the_packets_deadline(self):
        start = self.clock.now_ms
        self.broker.peer.send(b"\x30\xff\x3f\x00\x27")
        self.clock.on_sleep = lambda: (
            self.broker.peer.send(b"x") if self.clock.now_ms % 400 < 2 else None
        )
        self.raised(LinkError, self.session.poll)
        self.assertTrue(self.clock.now_ms - start <= 5100)

    def test_qos1_message_is_acknowledged_with_its_id(self):
        self.broker.peer.send(publish(PREFIX + "upgrade", {"id": "1"}, 1, 0x1234))
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x12\x34")
        self.assertEqual(self.ids(), ["1"])

    def test_qos0_message_is_not_acknowledged(self):
        self.broker.tell("upgrade", {"id": "1"})
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"")

    def test_topic_longer_than_8_kib_is_refused_unread(self):
        self.broker.peer.send(b"\x30\xff\xff\x03\xff\xff")  # a topic of 65535 bytes follows
        start = self.clock.now_ms
        self.raised(LinkError, self.session.poll)
        self.assertEqual(self.clock.now_ms, start)

    def test_payload_that_is_no_json_object_is_logged_and_passed_over(self):
        for payload in (b"", b"{", b"\xff\xfe", b"[]", b"7", b"null", b"nonsense"):
            self.lines.clear()
            self.broker.tell("upgrade", payload)
            self.session.poll()
            self.assertEqual(len(self.lines), 1, payload)
        self.broker.tell("upgrade", {"id": "1"})
        self.session.poll()
        self.assertEqual(self.ids(), ["1"])

    def test_message_on_a_topic_of_nobody_is_passed_over(self):
        for topic in ("", "x", "/sys/a/b/ota/device/upgrade", PREFIX + "downgrade", "ü" * 40):
            self.broker.peer.send(publish(topic, {"id": "1"}))
        self.session.poll()
        self.assertEqual(self.upgrades, [])

    def test_late_acknowledgements_do_not_desynchronise_the_stream(self):
        self.broker.peer.send(b"\x40\x02\x30\x30" + b"\x90\x03\x00\x01\x01" + b"\xd0\x00")
        self.broker.tell("upgrade", {"id": "1"})
        self.session.poll()
        self.assertEqual(self.ids(), ["1"])

    def test_malformed_packets_end_in_an_error_within_the_deadline(self):
        for data in (
            b"\x30\xff\xff\xff\xff\xff\xff",  # a length without end
            b"\x30\x02\x00\x50" + bytes(80),  # a topic longer than the packet
            b"\x32\x02\x00\x00",  # QoS 1 without room for an id
            b"\xd0\x05hello",  # a ping response with a body
            publish(PREFIX + "upgrade", {"id": "1"}, 2),  # QoS 2, which nobody asked for
        ):
            start = self.clock.now_ms
            self.broker.peer.send(data)
            self.raised(LinkError, self.session.poll)
            self.assertTrue(self.clock.now_ms - start <= 5100)
            self.session.close()
            self.connect()

    def test_idle_poll_allocates_nothing(self):
        from micropython import heap_lock, heap_unlock

        heap_lock()
        try:
            self.session.poll()
            self.session.poll()
        finally:
            heap_unlock()


class TestKeepalive(WithBroker):
    def setUp(self) -> None:
        super().setUp()
        self.connect(self.make(keepalive_s=10))

    def pings(self, duration_ms, answer=True):
        """Poll each 100 ms; the number of pings, each answered or not."""
        count = 0
        for _ in range(duration_ms // 100):
            self.clock.sleep_ms(100)
            self.session.poll()
            for byte in self.broker.peer.waiting():
                if byte == 0xC0:
                    count += 1
                    if answer:
                        self.broker.peer.send(b"\xd0\x00")
        return count

    def test_no_ping_before_half_the_keepalive(self):
        self.assertEqual(self.pings(4900), 0)

    def test_ping_is_sent_after_half_the_keepalive_and_repeated(self):
        self.assertEqual(self.pings(5200), 1)
        self.assertTrue(18 <= self.pings(100_000) <= 20)

    def test_dead_link_is_found_within_one_and_a_half_keepalives(self):
        start = self.clock.now_ms
        self.raised(LinkError, self.pings, 60_000, False)
        self.assertTrue(5000 < self.clock.now_ms - start <= 15_000, self.clock.now_ms - start)

    def test_dead_link_is_found_as_soon_though_it_lived_before(self):
        self.pings(33_000)
        start = self.clock.now_ms
        self.raised(LinkError, self.pings, 60_000, False)
        self.assertTrue(5000 < self.clock.now_ms - start <= 15_000, self.clock.now_ms - start)

    def test_messages_count_as_life(self):
        for _ in range(20):
            self.pings(4800, answer=False)
            self.broker.tell("upgrade", {"id": "1"})
            self.session.poll()

    def test_something_is_sent_within_each_keepalive_though_the_broker_talks(self):
        sent = 0
        for _ in range(100):
            self.broker.tell("inform_reply", {"code": 200})
            self.clock.sleep_ms(200)
            self.session.poll()
            sent += len(self.broker.peer.waiting())
        self.assertTrue(sent >= 2 * 2, sent)

    def test_keepalive_zero_means_the_default(self):
        # Without pings a dead link would never be noticed.
        self.session.close()
        self.connect(self.make(keepalive_s=0))
        self.assertEqual(self.session.keepalive, 60)
        self.assertEqual(self.pings(29_000, answer=False), 0)
