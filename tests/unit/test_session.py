"""MQTT: bytes against MQTT 3.1.1, log-in, requests and their replies."""

import json
import sys

from broker import PREFIX, WithBroker, publish
from enos_ota import log, session, transport
from enos_ota.errors import LinkError, OtaError
from helpers import run, together

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/"


def vector(name):
    with open(VECTORS + name, "rb") as file:
        return file.read()


class TestOpen(WithBroker):
    def refused(self, *words, **answer):
        async def serve():
            await self.broker.log_in(**answer)

        text = str(self.raised(LinkError, run, together(self.session.open(None), serve())))
        for word in words:
            self.assertIn(word, text)
        self.assertFalse(self.session.is_open)

    def test_open_sends_connect_as_another_library_encodes_it(self):
        connect, _ = self.connect()
        self.assertEqual(connect, vector("mqtt-connect.bin")[3:])
        self.assertTrue(self.session.is_open)

    def test_open_subscribes_to_the_four_downlinks_in_one_packet(self):
        _, subscribe = self.connect()
        self.assertEqual(subscribe, vector("mqtt-subscribe.bin")[3:])

    def test_open_lengths_count_bytes_not_characters(self):
        connect, _ = self.connect(self.make(device_key="gerät-ü"))
        user = "gerät-ü&pk_demo".encode()
        self.assertIn(bytes((0, len(user))) + user, connect)

    def test_open_refused_login_names_the_code(self):
        for code in (1, 2, 3, 4, 5, 200):
            self.refused(str(code), code=code)
            self.assertTrue(self.session.refused is True)

    def test_open_that_fails_otherwise_is_not_said_to_be_refused(self):
        self.refused("4", code=4)

        async def serve():
            (await self.broker.accept()).close()

        self.raised(LinkError, run, together(self.session.open(None), serve()))
        self.assertTrue(self.session.refused is False)

    def test_open_that_succeeds_is_not_said_to_be_refused(self):
        self.assertTrue(self.session.refused is False)
        self.refused("5", code=5)
        self.connect()
        self.assertTrue(self.session.refused is False)

    def test_open_leaves_nothing_loaded_that_only_it_needs(self):
        self.refused("5", code=5)
        self.assertFalse("enos_ota.opening" in sys.modules)
        self.connect()
        self.assertFalse("enos_ota.opening" in sys.modules)

    def test_open_refused_subscription_is_a_link_error(self):
        for at in range(4):
            grants = bytearray(b"\x01\x01\x01\x01")
            grants[at] = 0x80
            self.refused("subscri", grants=bytes(grants))

    def test_open_granted_at_a_lower_qos_is_accepted(self):
        async def serve():
            await self.broker.log_in(grants=b"\x00\x00\x00\x00")

        run(together(self.session.open(None), serve()))
        self.assertTrue(self.session.is_open)

    def test_open_without_connack_or_suback_ends_in_time(self):
        async def no_connack():
            self.broker.peer = await self.broker.accept()

        async def no_suback():
            await no_connack()
            await self.broker.packet()
            self.broker.peer.send(b"\x20\x02\x00\x00")

        for silent in (no_connack, no_suback):
            start = self.clock.now_ms
            self.raised(LinkError, run, together(self.session.open(None), silent()))
            self.assertTrue(self.clock.now_ms - start < 20_000)
            self.session.close()

    def test_open_with_a_server_of_another_protocol_ends_in_an_error(self):
        async def serve():
            peer = await self.broker.accept()
            await peer.read(10)
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()

        start = self.clock.now_ms
        self.assertIsNotNone(self.trouble(run, together(self.session.open(None), serve())))
        self.assertTrue(self.clock.now_ms - start < 30_000)
        self.assertFalse(self.session.is_open)

    def test_open_acknowledgements_without_content_are_a_link_error(self):
        async def serve(*answers):
            self.broker.peer = await self.broker.accept()
            for answer in answers:
                await self.broker.packet()
                self.broker.peer.send(answer)

        for answers in ((b"\x20\x00",), (b"\x20\x02\x00\x00", b"\x90\x00")):
            self.raised(LinkError, run, together(self.session.open(None), serve(*answers)))
            self.assertFalse(self.session.is_open)
            self.session.close()

    def test_open_a_message_before_suback_is_delivered(self):
        async def serve():
            self.broker.peer = await self.broker.accept()
            await self.broker.packet()
            self.broker.peer.send(b"\x20\x02\x01\x00" + publish(PREFIX + "upgrade", {"id": "1"}))
            await self.broker.packet()
            self.broker.peer.send(
                publish(PREFIX + "upgrade", {"id": "2"}) + b"\x90\x06\x00\x01" + b"\x01" * 4
            )

        run(together(self.session.open(None), serve()))
        self.assertEqual([m["id"] for m in self.upgrades], ["1", "2"])

    def test_open_again_after_close_works(self):
        self.connect()
        self.session.close()
        self.session.close()
        self.connect()
        self.assertTrue(self.session.is_open)

    def test_default_ports_are_those_of_enos(self):
        self.assertEqual(self.make(mqtt="mqtts://iot.example").port, 18883)
        self.assertEqual(self.make(mqtt="mqtt://iot.example").port, 11883)

    def test_what_is_no_address_is_refused(self):
        for url in ("", "h:11883", "mqtts://", "mqtts://:18883", "mqtts://h:x"):
            self.assertRaises(OtaError, self.make, mqtt=url)


class TestTls(WithBroker):
    def test_only_mqtt_goes_without_tls(self):
        for scheme, used in (("mqtts", True), ("mqtt", False), ("tcp", True), ("MQTT", True)):
            seen = []

            class Link(transport.Transport):
                async def open(self, host, port, context, timeout_ms):
                    seen.append(context)  # noqa: B023 - used before the loop goes on
                    raise LinkError("enough")

            self.patch(session, "Transport", Link)
            self.raised(LinkError, run, self.make(mqtt=scheme + "://h").open("context"))
            self.assertEqual(seen, ["context" if used else None])


class TestRequest(WithBroker):
    def setUp(self) -> None:
        super().setUp()
        self.connect()

    def test_request_is_one_qos0_publish_on_its_topic(self):
        self.session.send("inform", {"version": "1.0.0"})
        packet = self.broker.peer.waiting()
        payload = packet[packet.index(b"{") :]
        self.assertEqual(packet, publish(PREFIX + "inform", payload))
        self.assertEqual(json.loads(payload)["params"], {"version": "1.0.0"})

    def test_request_longer_than_127_bytes_has_a_length_of_two_bytes(self):
        self.session.send("progress", {"step": "1", "desc": "x" * 300})
        packet = self.broker.peer.waiting()
        self.assertEqual(packet, publish(PREFIX + "progress", packet[packet.index(b"{") :]))

    def test_request_ids_differ(self):
        ids = [self.session.send("inform", {}) for _ in range(3)]
        self.assertEqual(len(set(ids)), 3)

    def test_reply_with_the_id_as_string_is_matched(self):
        self.assertEqual(self.request(self.reply)["code"], 200)

    def test_reply_with_the_id_as_number_is_matched(self):
        self.assertEqual(self.request(lambda i: self.reply(int(i)))["code"], 200)

    def test_reply_of_another_id_or_none_is_not_taken(self):
        def answers(message_id):
            for other in (str(int(message_id) + 1), "", None, [], {}, "x", 1.5, -1):
                self.reply(other, data="wrong")
            self.broker.tell("inform_reply", {"code": 200, "data": "wrong"})
            self.reply(message_id, data="right")

        self.assertEqual(self.request(answers)["data"], "right")

    def test_reply_with_an_endless_number_as_id_is_passed_over(self):
        def answers(message_id):
            self.broker.tell("inform_reply", '{"id":1e999,"code":200}')
            self.reply(message_id, data="right")

        self.assertEqual(self.request(answers)["data"], "right")

    def test_reply_with_another_code_is_logged_with_its_meaning_and_given(self):
        reply = self.request(lambda i: self.reply(i, code=1009))
        self.assertEqual(reply["code"], 1009)
        self.assertIn("1009", self.lines[-1])
        self.assertIn("permission", self.lines[-1])

    def test_reply_with_the_code_200_as_number_or_string_is_no_warning(self):
        for code in (200, "200"):
            self.assertEqual(self.request(lambda i: self.reply(i, code=code))["code"], code)  # noqa: B023
        self.assertEqual(self.lines, [])
        self.request(lambda i: self.reply(i, code="1009"))
        self.assertIn("permission", self.lines[-1])

    def test_reply_with_lines_in_its_code_is_logged_in_one(self):
        printed = []
        log.print = printed.append
        try:
            self.patch(session, "log", log.log)
            self.request(lambda i: self.reply(i, code="1\n12:00:00 I enos: all is well"))
        finally:
            del log.print
        self.assertEqual(len(printed), 1)
        self.assertFalse("\n" in printed[0])

    def test_reply_with_a_code_that_is_a_list_does_not_end_the_session(self):
        # A TypeError out of `poll` would make the agent connect anew, to get the same reply again.
        self.assertEqual(self.request(lambda i: self.reply(i, code=[1]))["code"], [1])

    def test_no_reply_is_asked_again_with_a_new_id(self):
        seen = []
        reply = self.request(seen.append, seen.append, lambda i: self.reply(i, data=i))
        self.assertEqual(len(set(seen)), 2)
        self.assertFalse(reply["data"] in seen)

    def test_no_reply_to_all_tries_is_a_link_error_and_the_session_stays_open(self):
        start = self.clock.now_ms
        seen = []
        error = self.raised(LinkError, self.request, seen.append, seen.append, seen.append)
        self.assertIn("inform", str(error))
        self.assertEqual(len(seen), 3)
        self.assertTrue(30_000 <= self.clock.now_ms - start <= 31_000)
        self.assertTrue(self.session.is_open)
        self.assertEqual(self.request(self.reply)["code"], 200)

    def test_message_in_the_middle_of_a_request_is_delivered(self):
        def answers(message_id):
            self.broker.tell("upgrade", {"id": "9", "params": {}})
            self.reply(message_id)

        self.request(answers)
        self.assertEqual(self.upgrades, [{"id": "9", "params": {}}])

    def test_end_of_the_connection_in_a_request_is_a_link_error(self):
        self.raised(LinkError, self.request, lambda i: self.broker.peer.close())

    def test_send_and_poll_after_the_end_are_link_errors(self):
        self.broker.peer.abort()
        self.raised(LinkError, self.session.poll)
        self.raised(LinkError, self.session.poll)
        self.raised(LinkError, self.session.send, "inform", {})
