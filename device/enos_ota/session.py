"""The MQTT session with EnOS: connect, subscribe, requests matched with their replies.

Requests go out at QoS 0: EnOS acknowledges each by its own `*_reply`, which is what we wait for and repeat.
"""

import asyncio
import random
import struct
import time

from micropython import const
from umqtt.simple import MQTTClient

from . import messages
from .errors import LinkError
from .log import log
from .transport import Transport

_CONNECT_MS = const(15_000)  # TCP and TLS; a handshake takes an ESP32 0.6-1.3 s
_ANSWER_MS = const(10_000)
_BACKOFF_MS = const(2000)  # half of it: EnOS allows one connection per second and device
_BACKOFF_DOUBLINGS = const(6)  # to 128 s
_DOWNLINKS = ("upgrade", "inform_reply", "progress_reply", "getversion_reply")


class Session(MQTTClient):
    """One connection at a time; `on_upgrade(message)` is called for each `upgrade`.

    login: (client id, user, password). After a LinkError the session must be closed and opened again.
    """

    def __init__(self, config, login: tuple, on_upgrade) -> None:
        scheme, host, port, _ = messages.split_url(config.mqtt)
        self._tls = scheme != "mqtt"
        port = port or (18883 if self._tls else 11883)
        super().__init__(login[0], host, port, login[1], login[2], config.keepalive_s or 60)
        self.set_callback(self._on_message)
        self.is_open = False
        self._prefix = messages.prefix(config.product_key, config.device_key)
        self._on_upgrade = on_upgrade
        self._last_id = self._failures = 0
        self._ping_ms = time.ticks_ms()
        self._replies: dict = {}  # id -> None while awaited, then the reply

    async def open(self, context) -> None:
        """Connect, log in, subscribe; `context` is a TLS context that verifies.

        Raises: LinkError when any of it fails or takes too long.
        """
        sock = self.sock = Transport()
        await sock.open(self.server, self.port, context if self._tls else None, _CONNECT_MS)
        # MQTT 3.1.1, clean session, user name and password, no will.
        body = b"\x00\x04MQTT\x04\xc2" + struct.pack("!H", self.keepalive)
        for text in (self.client_id, self.user, self.pswd):
            body += _field(text)
        await sock.send(_packet(0x10, body), _CONNECT_MS)
        code = (await self._answer(0x20, 3))[2]
        if code:
            raise LinkError("login refused: CONNACK %d" % code)
        # One packet for all; umqtt before 1.8 cannot subscribe to topics of 123 bytes or more.
        body = b"\x00\x01"
        for tail in _DOWNLINKS:
            body += _field(self._prefix + tail) + b"\x01"
        await sock.send(_packet(0x82, body), _ANSWER_MS)
        if 0x80 in bytes(await self._answer(0x90, 3 + len(_DOWNLINKS))):
            raise LinkError("subscription refused")
        self.is_open = True
        self._failures = 0
        self._ping_ms = time.ticks_ms()

    def backoff_ms(self) -> int:
        """How long to wait before the next `open`: doubling, half of it random."""
        half_ms = _BACKOFF_MS << min(self._failures, _BACKOFF_DOUBLINGS) >> 1
        self._failures += 1
        return half_ms + random.getrandbits(17) % half_ms

    def close(self) -> None:
        """Close the connection; safe to repeat."""
        self.is_open = False
        if self.sock:
            self.sock.close()

    def poll(self) -> None:
        """Take in all messages that wait, and keep the connection alive.

        Raises: LinkError, or what umqtt trips over in a malformed packet (OSError, IndexError, …).
        """
        while True:
            # One call is one packet; a PUBLISH yields None or its op, depending on umqtt's version.
            op = self.check_msg()
            if self.sock.idle:
                break
            if op and op & 0xF0 != 0x30:
                self.sock.read(self._recv_len())
        now = time.ticks_ms()
        if time.ticks_diff(now, self._ping_ms) > self.keepalive * 500:
            if time.ticks_diff(now, self.sock.received_ms) > self.keepalive * 1500:
                raise LinkError("no answer to pings")
            self._ping_ms = now
            self.ping()

    def send(self, kind: str, params: dict) -> int:
        """Publish a request without waiting; return its id."""
        self._last_id += 1
        self.reply(kind, messages.request(self._last_id, kind, params))
        return self._last_id

    def reply(self, tail: str, payload: bytes) -> None:
        """Publish `payload` at the device's topic `tail`, in one write: one TLS record."""
        self.sock.write(_packet(0x30, _field(self._prefix + tail) + payload))

    async def request(self, kind: str, params: dict, tries: int = 3) -> dict:
        """Publish a request and await its reply, repeating it when none comes.

        Raises: LinkError when `tries` went unanswered; the session stays open then. Or when it is not open.
        """
        if not self.is_open:
            raise LinkError("not connected")
        for _ in range(tries):
            message_id = self.send(kind, params)
            self._replies[message_id] = None
            start = time.ticks_ms()
            try:
                while time.ticks_diff(time.ticks_ms(), start) < _ANSWER_MS:
                    self.poll()
                    reply = self._replies[message_id]
                    if reply:
                        return reply
                    await asyncio.sleep_ms(20)
            finally:
                del self._replies[message_id]
        raise LinkError("no reply to " + kind)

    def _on_message(self, topic, payload) -> None:
        tail = topic.decode()[len(self._prefix) :]
        try:
            message = messages.parse(payload)
        except ValueError:
            log("W", tail + ": payload is not JSON")
            return
        if tail == "upgrade":
            self._on_upgrade(message)
            return
        code = message.get("code")
        if code != messages.OK:
            log("W", "%s: %s" % (tail, messages.meaning(code)))
        # EnOS echoes the id as the string we sent, or as a number.
        message_id = str(message.get("id"))
        for awaited in self._replies:
            if str(awaited) == message_id:
                self._replies[awaited] = message

    async def _answer(self, kind: int, rest_bytes: int):
        # Await one packet of the given type while connecting; its bytes after the first.
        start = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), start) < _ANSWER_MS:
            if self.check_msg() == kind:
                return self.sock.read(rest_bytes)
            await asyncio.sleep_ms(20)
        raise LinkError("no answer to packet %x" % kind)


def _field(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first: int, body: bytes):
    head = bytearray((first,))
    size = len(body)
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return head + body
