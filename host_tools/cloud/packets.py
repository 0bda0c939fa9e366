"""MQTT 3.1.1 packets as a client of EnOS may send them: whole, well formed, of a permitted kind."""

from __future__ import annotations

import asyncio

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 10, 12, 14
NAMES = {
    CONNECT: "CONNECT",
    PUBLISH: "PUBLISH",
    PUBACK: "PUBACK",
    SUBSCRIBE: "SUBSCRIBE",
    UNSUBSCRIBE: "UNSUBSCRIBE",
    PINGREQ: "PINGREQ",
    DISCONNECT: "DISCONNECT",
}
# [MQTT-2.2.2-1]: all but PUBLISH, whose flags mean something.
FLAGS = {SUBSCRIBE: 2, UNSUBSCRIBE: 2}
LONGEST_LENGTH_BYTES = 4
WILL, PASSWORD, USER = 0x04, 0x40, 0x80


class PacketError(Exception):
    """A packet cannot be served; the text says why and holds nothing of the packet."""


async def read(stream: asyncio.StreamReader, first: bytes, limit_bytes: int) -> bytes:
    """The packet that begins with `first`, one byte.

    Raises: PacketError for a longer one, before it is read; asyncio.IncompleteReadError.
    """
    head, length = bytearray(first), 0
    for shift in range(0, 7 * LONGEST_LENGTH_BYTES, 7):
        head += await stream.readexactly(1)
        length |= (head[-1] & 0x7F) << shift
        if not head[-1] & 0x80:
            break
    else:
        raise PacketError("the length of a packet has more than 4 bytes")
    if length > limit_bytes:
        raise PacketError(f"a packet of {length} bytes, more than {limit_bytes}")
    return bytes(head) + await stream.readexactly(length)


def kind_of(first: int, *, is_first: bool) -> int:
    """The kind of the packet that begins with this byte. Raises: PacketError."""
    kind, flags = first >> 4, first & 0x0F
    if is_first and kind != CONNECT:
        raise PacketError("the first packet is not a CONNECT")
    if not is_first and kind == CONNECT:
        raise PacketError("a second CONNECT")
    if kind not in NAMES:
        raise PacketError(f"a packet of kind {kind}, which no client of EnOS sends")
    if kind != PUBLISH and flags != FLAGS.get(kind, 0):
        raise PacketError(f"{NAMES[kind]} with wrong flags")
    return kind


def check(packet: bytes) -> None:
    """Raises: PacketError for a whole packet that is not well formed."""
    kind = packet[0] >> 4
    _Body(packet, NAMES[kind]).check(kind, packet[0] & 0x0F)


class _Body:
    """What follows the fixed header, read from front to end."""

    def __init__(self, packet: bytes, name: str) -> None:
        start = 2
        while packet[start - 1] & 0x80:
            start += 1
        self._left, self._name = memoryview(packet)[start:], name

    def check(self, kind: int, flags: int) -> None:
        """Raises: PacketError."""
        if kind == CONNECT:
            self._connect()
        elif kind == PUBLISH:
            self._publish(qos=flags >> 1 & 3)
        elif kind in (SUBSCRIBE, UNSUBSCRIBE):
            self._filters(with_qos=kind == SUBSCRIBE)
        elif kind == PUBACK:
            self._take(2)
        if self._left and kind != PUBLISH:
            raise self._malformed()

    def _connect(self) -> None:
        self._text()
        flags = self._take(4)[1]
        self._text()
        if flags & WILL:
            self._text()
            self._data()
        if flags & USER:
            self._text()
        if flags & PASSWORD:
            self._text()
        if (flags & PASSWORD and not flags & USER) or flags & 1:
            raise self._malformed()

    def _publish(self, qos: int) -> None:
        if qos > 1:
            raise PacketError(f"PUBLISH with QoS {qos}: EnOS takes 0 and 1")
        topic = self._text()
        if not topic or set("+#") & set(topic):
            raise PacketError("PUBLISH to no topic, or to a filter")
        if qos:
            self._packet_id()

    def _filters(self, with_qos: bool) -> None:
        self._packet_id()
        if not self._left:
            raise self._malformed()
        while self._left:
            if not self._text() or (with_qos and self._take(1)[0] > 2):
                raise self._malformed()

    # --- pieces

    def _malformed(self) -> PacketError:
        return PacketError(f"{self._name} is malformed")

    def _take(self, size: int) -> bytes:
        if len(self._left) < size:
            raise self._malformed()
        taken, self._left = self._left[:size], self._left[size:]
        return bytes(taken)

    def _packet_id(self) -> None:
        if self._take(2) == b"\0\0":
            raise self._malformed()

    def _data(self) -> bytes:
        return self._take(int.from_bytes(self._take(2), "big"))

    def _text(self) -> str:
        try:
            text = self._data().decode()
        except UnicodeDecodeError:
            raise self._malformed() from None
        # [MQTT-1.5.3-2]
        if "\0" in text:
            raise self._malformed()
        return text
