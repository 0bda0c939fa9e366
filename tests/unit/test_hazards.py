"""The hazards of umqtt: what it does to a device that uses it as it is, one test each.

Those of sockets and TLS are in `test_hazards_link`, those of sizes in `test_sizes`.
"""

import net
from broker import PREFIX, publish
from enos_ota.errors import LinkError
from hazard import Hazard
from helpers import run


class TestUmqtt(Hazard):
    def test_hazard_lost_timeout_no_socket_is_ever_told_to_block(self):
        self.broker.tell("upgrade", {"id": "1"}, 1)
        self.session.poll()
        self.session.send("inform", {})
        self.assertEqual(self.called("setblocking"), [(False,)])

    def test_hazard_late_acks_are_consumed_and_the_stream_stays_whole(self):
        # 0x30 in a packet id is a PUBLISH to whoever reads on after the type alone.
        for ack in (
            b"\x40\x02\x30\x30",
            b"\x90\x03\x30\x02\x01",
            b"\x00\x02\x30\x05",
            b"\xb0\x02\x30\x00",
        ):
            self.broker.peer.send(ack)
        self.broker.tell("upgrade", {"id": "1"})
        self.session.poll()
        self.assertEqual(self.upgrades, [{"id": "1"}])
        self.assertTrue(self.session.is_open)

    def test_hazard_unsolicited_ack_while_opening_is_not_taken_for_the_awaited_one(self):
        early = b"\x40\x02\x20\x20" + b"\xd0\x00" + b"\x90\x03\x00\x01\x80"
        granted = b"\x90\x06\x00\x01\x01\x01\x01\x01"
        self.open(self.accept(early + b"\x20\x02\x00\x00", b"\x40\x02\x90\x06" + granted))
        self.assertTrue(self.session.is_open)

    def test_hazard_end_in_a_packet_is_a_link_error_at_every_byte_and_delivers_nothing(self):
        data = publish(PREFIX + "upgrade", {"id": "1"}, 1)
        for size in range(1, len(data)):
            self.broker.peer.send(data[:size])
            self.broker.peer.close()
            self.assertIn("closed by the server", self.lost(self.session.poll)[0])
            self.session.close()
            self.connect()
        self.assertEqual(self.upgrades, [])

    def test_hazard_end_while_opening_is_a_link_error_at_every_byte(self):
        async def serve(size):
            await self.accept()
            self.broker.peer.send(b"\x20\x02\x00\x00"[:size])
            self.broker.peer.close()

        for size in range(4):
            self.assertIn("closed by the server", self.lost(self.open, serve(size))[0])

    def test_hazard_reentrancy_a_write_that_waits_runs_no_callback(self):
        self.patch(net, "_WINDOW_BYTES", 2048)
        depth = []

        def drain():
            depth.append(len(self.upgrades))
            self.broker.peer.drain()

        for n in range(3):
            self.broker.tell("upgrade", {"id": str(n)})
        self.clock.on_sleep = drain
        for _ in range(20):
            self.session.reply("progress", bytes(1000))
        self.assertTrue(depth, "no write had to wait")
        self.assertEqual(self.upgrades, [])
        self.session.poll()
        self.assertEqual(len(self.upgrades), 3)

    def test_hazard_reentrancy_a_callback_that_publishes_is_not_called_within_itself(self):
        log = []

        def on_upgrade(message):
            log.append(("begin", message["id"]))
            self.session.send("inform", {})
            log.append(("end", message["id"]))

        self.session.close()
        self.session = self.make()
        self.session._on_upgrade = on_upgrade
        self.connect(self.session)
        for n in (1, 2, 3):
            self.broker.tell("upgrade", {"id": n}, 1)
        self.session.poll()
        self.assertEqual(log, [(word, n) for n in (1, 2, 3) for word in ("begin", "end")])

    def test_hazard_packet_ids_requests_have_none_and_subscribe_always_the_same(self):
        for used in (0, 65_534, 65_535, 70_000):
            self.session.close()
            self.session.pid = self.session._last_id = used
            _, subscribe = self.connect()
            self.assertEqual(subscribe[:2], b"\x00\x01")
            self.assertEqual(self.session.send("inform", {}), used + 1)
            packet = self.broker.peer.waiting()
            self.assertEqual(packet, publish(PREFIX + "inform", packet[packet.index(b"{") :]))

    def test_hazard_callback_that_raises_is_acknowledged_logged_and_costs_no_session(self):
        # umqtt acknowledges after the callback: what never is acknowledged comes again for ever.
        for error in (ValueError("v"), LinkError("l"), MemoryError(), KeyError("k"), OSError(5)):

            def on_upgrade(message):
                raise error  # noqa: B023 - called before the loop goes on

            self.session._on_upgrade = on_upgrade
            self.lines.clear()
            self.broker.tell("upgrade", {"id": "1"}, 1)
            self.session.poll()
            self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
            self.assertEqual(len(self.lines), 1, self.lines)
            self.assertIn("upgrade", self.lines[0])

    def test_hazard_tiny_writes_each_packet_is_one_write_without_nagle(self):
        self.assertEqual(self.called("setsockopt"), [(6, 1, 1)])
        self.assertEqual(len(self.called("write")), 2)  # CONNECT and SUBSCRIBE
        self.session.send("inform", {"version": "1"})
        self.session.ping()
        self.broker.tell("upgrade", {"id": "1"}, 1)
        self.session.poll()
        self.assertEqual(len(self.called("write")), 5)

    def test_hazard_idle_poll_asks_the_socket_once(self):
        self.spy("readinto")
        self.session.poll()
        self.assertEqual(len(self.called("readinto")), 1)

    def test_hazard_keepalive_an_unanswered_ping_ends_the_session(self):
        start = self.clock.now_ms

        def wait():
            while True:
                self.clock.sleep_ms(100)
                self.session.poll()

        self.assertIn("ping", self.lost(wait)[0])
        self.assertTrue(self.clock.now_ms - start <= 90_000)  # 1.5 keepalives
        self.assertEqual(self.broker.peer.waiting(), b"\xc0\x00")

    def test_hazard_dns_that_fails_is_a_link_error_that_names_the_host(self):
        self.session.close()
        made = self.make(mqtt="mqtt://iot.example")
        self.assertIn("iot.example", self.lost(run, made.open(None))[0])
