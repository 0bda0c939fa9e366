"""The MQTT session with EnOS: connect, subscribe, requests matched with their replies.

Requests go out at QoS 0: EnOS acknowledges each by its own `*_reply`, which is what we wait for and repeat.
"""

import asyncio
import random
import struct
import time

from micropython import const
from umqtt.simple import MQTTClient

from . import forget, messages
from .errors import LinkError
from .log import log
from .transport import Transport

_ANSWER_MS = const(10_000)
_LEAST_MS = const(1000)  # EnOS allows one connection per second and device
_DOUBLINGS = const(4)
_PACKETS = const(8)  # taken in by one `poll`: a flood must not keep the loop


def backoff_ms(spread_s: int, failures: int) -> int:
    """A random wait that spreads the devices which lost a server in the same moment.

    At least 1 s, at most `spread_s`, doubled with each of the first `failures` in a row to 16 times as much.
    """
    most_ms = max(spread_s, 1) * 1000 << min(failures - 1, _DOUBLINGS)
    return _LEAST_MS + random.getrandbits(24) % max(most_ms - _LEAST_MS, 1)


class Session(MQTTClient):
    """One connection at a time; `on_upgrade(message)` is called for each `upgrade`.

    login: (client id, user, password). After a LinkError the session must be closed and opened again.
    Attributes: is_open; failures in a row; refused (the broker answered the last `open` by refusing the login);
    prefix of all topics; is_tls.
    """

    def __init__(self, config, login: tuple, on_upgrade) -> None:
        from .url import split_url

        scheme, host, port, _ = split_url(config.mqtt)
        self.is_tls = scheme != "mqtt"
        port = port or (18883 if self.is_tls else 11883)
        super().__init__(login[0], host, port, login[1], login[2], config.keepalive_s or 60)
        self.set_callback(self._on_message)
        self.sock = Transport()
        self.is_open = self.refused = False
        self.prefix = messages.prefix(config.product_key, config.device_key)
        self._on_upgrade = on_upgrade
        self._spread_s = config.spread_s
        self._last_id = self.failures = 0
        self._replies: dict = {}  # id -> None while awaited, then the reply

    async def open(self, context) -> None:
        """Connect, log in, subscribe; `context` is a TLS context that verifies.

        Raises: LinkError when any of it fails or takes too long.
        """
        from .opening import open_session

        self.refused = False
        try:
            await open_session(self, context if self.is_tls else None)
        finally:
            open_session = None  # type: ignore
            forget("opening")
        self.is_open = True
        self._ping_ms = self.sock.received_ms

    def backoff_ms(self) -> int:
        """How long to wait before the next `open`.

        Begins anew once a session has answered a request or a ping: a broker may accept and drop at once.
        """
        self.failures += 1
        return backoff_ms(self._spread_s, self.failures)

    def close(self) -> None:
        """Close the connection; safe to repeat."""
        self.is_open = False
        self.sock.close()

    def poll(self) -> None:
        """Take in messages that wait, eight at most, and keep the connection alive.

        Raises: LinkError.
        """
        for _ in range(_PACKETS):
            self.take()
            if self.sock.idle:
                break
        now = time.ticks_ms()
        if time.ticks_diff(now, self._ping_ms) > self.keepalive * 500:
            answered_ms = time.ticks_diff(self.sock.received_ms, self._ping_ms)
            if answered_ms < 0:
                raise LinkError("no answer to ping")
            if answered_ms:
                self.failures = 0
            self._ping_ms = now
            self.ping()

    def send(self, kind: str, params: dict) -> int:
        """Publish a request without awaiting its reply; return its id."""
        self._last_id += 1
        self.reply(kind, messages.request(self._last_id, kind, params))
        return self._last_id

    def reply(self, tail: str, payload: bytes) -> None:
        """Publish `payload` at the device's topic `tail`, in one write: one TLS record."""
        self.sock.write(packet(0x30, field(self.prefix + tail) + payload))

    async def request(self, kind: str, params: dict, tries: int = 3) -> dict:
        """Publish a request and await its reply, repeating it when none comes.

        Raises: LinkError when `tries` went unanswered; the session stays open then. Or when it is not open.
        """
        if not self.is_open:
            raise LinkError("not connected")
        for _ in range(tries):
            message_id = str(self.send(kind, params))
            self._replies[message_id] = None
            start = time.ticks_ms()
            try:
                while time.ticks_diff(time.ticks_ms(), start) < _ANSWER_MS:
                    self.poll()
                    reply = self._replies[message_id]
                    if reply:
                        self.failures = 0
                        return reply
                    await asyncio.sleep_ms(20)
            finally:
                del self._replies[message_id]
        raise LinkError("no reply to " + kind)

    def _on_message(self, topic, payload) -> None:
        # Nothing may escape: umqtt acknowledges afterwards, and what was not acknowledged comes again.
        tail = "?"
        try:
            tail = topic.decode()[len(self.prefix) :]
            if payload is None:  # the transport had no room for it
                raise MemoryError
            message = messages.parse(payload)
            if tail == "upgrade":
                self._on_upgrade(message)
                return
            if not messages.is_ok(message):
                from .codes import meaning  # no longer than until the next `forget`

                log("W", "%s: %s" % (tail, meaning(message.get("code"))))
            # EnOS echoes the id as the string we sent, or as a number.
            message_id = str(message.get("id"))
            if message_id in self._replies:
                self._replies[message_id] = message
        except Exception as error:
            log("W", "%s: message of %d bytes dropped: %r" % (tail, self.sock.body, error))

    def take(self):
        """Take in one packet, if one waits: (first byte, body) of what umqtt leaves to us, or None.

        Raises: LinkError.
        """
        try:
            op = self.check_msg()
            # umqtt before 1.4 says None of a PUBLISH, later ones its first byte.
            if op is not None and op & 0xF0 != 0x30:
                return op, self.sock.read(self._recv_len())
        except AssertionError:
            raise LinkError("malformed packet") from None
        return None

    def _recv_len(self) -> int:
        self.sock.rest = self.sock.body = size = super()._recv_len()
        return size


def field(text: str) -> bytes:
    """A text as MQTT writes it: its length in two bytes, then its UTF-8."""
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def packet(first: int, body: bytes):
    """A whole MQTT packet."""
    head = bytearray((first,))
    size = len(body)
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return head + body
