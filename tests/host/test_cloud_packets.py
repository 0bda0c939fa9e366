"""MQTT packets: those that clients of EnOS send pass, all others are refused with a reason."""

from __future__ import annotations

import asyncio
import struct

import pytest

from host_tools.cloud import packets
from host_tools.cloud.packets import PacketError


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def packet(first: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([first, len(body)]) + body


def connect(
    flags: int = 0xC2,
    *,
    protocol: str = "MQTT",
    level: int = 4,
    fields: tuple[str, ...] = ("u", "p"),
) -> bytes:
    body = text(protocol) + bytes([level, flags, 0, 60]) + text("id")
    return packet(0x10, body + b"".join(map(text, fields)))


ID = b"\0\x01"
GOOD = {
    "connect": connect(),
    "connect level 3": connect(protocol="MQIsdp", level=3),
    "connect without login": connect(0x02, fields=()),
    "connect with will": connect(0xC6, fields=("topic", "message", "u", "p")),
    "publish": packet(0x30, text("/t") + b"payload"),
    "publish QoS 1, retained, again": packet(0x3B, text("/t") + ID),
    "publish nothing": packet(0x30, text("/t")),
    "puback": packet(0x40, ID),
    "subscribe": packet(0x82, ID + text("/t") + b"\1" + text("#") + b"\2"),
    "unsubscribe": packet(0xA2, ID + text("/t") + text("/+/x")),
    "ping": packet(0xC0, b""),
    "disconnect": packet(0xE0, b""),
}
BAD = {
    "first is a ping": (packet(0xC0, b""), True, "the first packet is not a CONNECT"),
    "second connect": (connect(), False, "a second CONNECT"),
    "connack": (packet(0x20, b"\0\0"), False, "a packet of kind 2, which no client"),
    "pubrel": (packet(0x62, ID), False, "a packet of kind 6, which no client"),
    "reserved 0": (packet(0x00, b""), False, "a packet of kind 0"),
    "reserved 15": (packet(0xF0, b""), False, "a packet of kind 15"),
    "connect flags": (packet(0x11, connect()[2:]), True, "CONNECT with wrong flags"),
    "subscribe flags": (packet(0x80, ID + text("/t") + b"\1"), False, "SUBSCRIBE with wrong flags"),
    "ping flags": (packet(0xC1, b""), False, "PINGREQ with wrong flags"),
    "connect cut": (packet(0x10, connect()[2:-1]), True, "CONNECT is malformed"),
    "connect too long": (packet(0x10, connect()[2:] + b"x"), True, "CONNECT is malformed"),
    "connect reserved flag": (connect(0xC3), True, "CONNECT is malformed"),
    "password alone": (connect(0x42, fields=("p",)), True, "CONNECT is malformed"),
    "will absent": (connect(0xC6), True, "CONNECT is malformed"),
    "connect not UTF-8": (
        packet(0x10, text("MQTT") + b"\4\2\0\0" + text(b"\xff\xfe")), True, "CONNECT is malformed",
    ),
    "NUL in a topic": (packet(0x30, text("/t\0")), False, "PUBLISH is malformed"),
    "surrogate in a topic": (packet(0x30, text(b"\xed\xa0\x80")), False, "PUBLISH is malformed"),
    "no topic": (packet(0x30, text("")), False, "PUBLISH to no topic, or to a filter"),
    "filter": (packet(0x30, text("/a/#")), False, "PUBLISH to no topic, or to a filter"),
    "plus": (packet(0x30, text("/a/+")), False, "PUBLISH to no topic, or to a filter"),
    "topic cut": (packet(0x30, b"\0\x09/t"), False, "PUBLISH is malformed"),
    "publish empty": (packet(0x30, b""), False, "PUBLISH is malformed"),
    "publish QoS 2": (packet(0x34, text("/t") + ID), False, "PUBLISH with QoS 2: EnOS takes"),
    "publish QoS 3": (packet(0x36, text("/t") + ID), False, "PUBLISH with QoS 3: EnOS takes"),
    "publish id 0": (packet(0x32, text("/t") + b"\0\0"), False, "PUBLISH is malformed"),
    "publish id cut": (packet(0x32, text("/t") + b"\1"), False, "PUBLISH is malformed"),
    "subscribe nothing": (packet(0x82, ID), False, "SUBSCRIBE is malformed"),
    "subscribe no filter": (packet(0x82, ID + text("") + b"\1"), False, "SUBSCRIBE is malformed"),
    "subscribe QoS 3": (packet(0x82, ID + text("/t") + b"\3"), False, "SUBSCRIBE is malformed"),
    "subscribe no QoS": (packet(0x82, ID + text("/t")), False, "SUBSCRIBE is malformed"),
    "unsubscribe nothing": (packet(0xA2, ID), False, "UNSUBSCRIBE is malformed"),
    "unsubscribe id 0": (packet(0xA2, b"\0\0" + text("/t")), False, "UNSUBSCRIBE is malformed"),
    "puback long": (packet(0x40, ID + b"\0"), False, "PUBACK is malformed"),
    "ping with body": (packet(0xC0, b"x"), False, "PINGREQ is malformed"),
    "disconnect with body": (packet(0xE0, b"x"), False, "DISCONNECT is malformed"),
}  # fmt: skip


def check(data: bytes, *, is_first: bool) -> int:
    kind = packets.kind_of(data[0], is_first=is_first)
    packets.check(data)
    return kind


@pytest.mark.parametrize("name", GOOD)
def test_packet_of_a_client_passes(name: str) -> None:
    assert check(GOOD[name], is_first=name.startswith("connect")) == GOOD[name][0] >> 4


@pytest.mark.parametrize("name", BAD)
def test_packet_that_no_client_sends_is_refused(name: str) -> None:
    data, is_first, reason = BAD[name]
    with pytest.raises(PacketError) as error:
        check(data, is_first=is_first)
    assert str(error.value).startswith(reason)


# What is left of a payload is a payload, of a list of filters one with fewer.
STILL_GOOD = {"publish": range(4, 11), "subscribe": (7,), "unsubscribe": (6,)}


@pytest.mark.parametrize("name", GOOD)
def test_packet_cut_anywhere_is_refused(name: str) -> None:
    body = GOOD[name][2:]
    for size in set(range(len(body))) - set(STILL_GOOD.get(name, ())):
        cut = bytes([GOOD[name][0], size]) + body[:size]
        with pytest.raises(PacketError):
            check(cut, is_first=name.startswith("connect"))


# --- read from a stream


def read(data: bytes, limit: int = 1000) -> bytes:
    async def reading() -> bytes:
        stream = asyncio.StreamReader()
        stream.feed_data(data[1:])
        stream.feed_eof()
        return await packets.read(stream, data[:1], limit)

    return asyncio.run(reading())


@pytest.mark.parametrize("size", [0, 127, 128, 1000])
def test_read_takes_one_packet(size: int) -> None:
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    whole = b"\x30" + length + b"x" * size
    assert read(whole + b"next") == whole


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"\x30\xe9\x07", "a packet of 1001 bytes, more than 1000"),
        (b"\x30\xff\xff\xff\x7f", "a packet of 268435455 bytes, more than 1000"),
        (b"\x30\x80\x80\x80\x80\x01", "the length of a packet has more than 4 bytes"),
    ],
)
def test_read_refuses_a_length_before_the_packet_is_there(head: bytes, reason: str) -> None:
    with pytest.raises(PacketError, match=reason):
        read(head)


@pytest.mark.parametrize("data", [b"\x30", b"\x30\x80", b"\x30\x05abc"])
def test_read_of_a_packet_that_ends_is_incomplete(data: bytes) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(data)
