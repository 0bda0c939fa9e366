"""The broker's end of an MQTT connection: reads whole packets, answers only what it is told to."""

import json
import struct

from enos_ota import identity, session, transport
from enos_ota.session import Session
from helpers import Case, run, together
from net import Net, Server

PREFIX = "/sys/pk_demo/dk_demo/ota/device/"


def varint(size):
    out = bytearray()
    while True:
        out.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return out


def publish(topic, payload, qos=0, packet_id=7):
    """The bytes of a PUBLISH."""
    if isinstance(payload, dict):
        payload = json.dumps(payload)
    if isinstance(payload, str):
        payload = payload.encode()
    topic = topic.encode()
    body = struct.pack("!H", len(topic)) + topic
    if qos:
        body += struct.pack("!H", packet_id)
    body += payload
    return bytes(bytearray([0x30 | qos << 1]) + varint(len(body)) + body)


class Broker(Server):
    """One client at a time; `peer` is its connection."""

    async def packet(self):
        """(first byte, body) of the next packet."""
        first = await self.peer.read(1)
        assert first, "the client closed"
        size = shift = 0
        while True:
            byte = (await self.peer.read(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        return first[0], await self.peer.read(size)

    async def log_in(self, code=0, grants=b"\x01\x01\x01\x01"):
        """Accept a client, answer its CONNECT and its SUBSCRIBE; return both bodies."""
        self.peer = await self.accept()
        _, connect = await self.packet()
        self.peer.send(bytes((0x20, 2, 0, code)))
        if code:
            return connect, b""
        _, subscribe = await self.packet()
        self.peer.send(b"\x90" + bytes((2 + len(grants),)) + subscribe[:2] + grants)
        return connect, subscribe

    async def message(self):
        """(topic tail, dict) of the next PUBLISH."""
        first, body = await self.packet()
        assert first == 0x30, hex(first)
        size = struct.unpack("!H", body[:2])[0]
        topic = body[2 : 2 + size].decode()
        assert topic.startswith(PREFIX), topic
        return topic[len(PREFIX) :], json.loads(body[2 + size :])

    def tell(self, tail, payload, qos=0) -> None:
        """Publish to the device."""
        self.peer.send(publish(PREFIX + tail, payload, qos))

    async def answer(self, kind, data=None, code=200):
        """Await a request of a kind, passing over others; answer it and return its params."""
        while True:
            tail, message = await self.message()
            if tail == kind:
                break
        self.tell(kind + "_reply", {"id": message["id"], "code": code, "data": data})
        return message["params"]


class Config:
    """Settings of the documented demo device."""

    product_key = "pk_demo"
    device_key = "dk_demo"
    device_secret = "s3cr3t"
    keepalive_s = 60
    spread_s = 32
    mqtt = ""


class WithBroker(Case):
    """A session and its broker; `slow` clocks, messages of `upgrade` in `upgrades`, log in `lines`."""

    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(session, "log", lambda level, text: self.lines.append(text))
        self.clock = self.slow(session, transport)
        self.slow_imports(self.clock)
        net = Net.under(self)
        self.broker = Broker(net, 11883)
        self.upgrades = []
        self.session = self.make()

    def tearDown(self) -> None:
        self.session.close()
        super().tearDown()

    def make(self, **settings):
        config = Config()
        config.mqtt = "mqtt://127.0.0.1:%d" % self.broker.port
        for name, value in settings.items():
            setattr(config, name, value)
        login = identity.mqtt_login(config.product_key, config.device_key, config.device_secret)
        return Session(config, login, self.upgrades.append)

    def connect(self, made=None):
        """Open the session; return the bodies of CONNECT and SUBSCRIBE."""
        self.bodies = None

        async def serve():
            self.bodies = await self.broker.log_in()

        self.session = made or self.session
        run(together(self.session.open(None), serve()))
        return self.bodies

    def request(self, *answers, tries=3, kind="inform"):
        """Make a request while the broker sends `answers`, functions of the request's id."""

        async def serve():
            for answer in answers:
                _, message = await self.broker.message()
                answer(message["id"])

        return run(together(self.session.request(kind, {"version": "1"}, tries), serve()))

    def reply(self, message_id, **fields):
        self.broker.tell("inform_reply", dict({"id": message_id, "code": 200}, **fields))
