"""What a broker may send: acknowledgements, messages of any length and form, and what is no MQTT at all."""

import json

import grammar
import rig
import wire
from dice import mutate
from enos_ota import forget, identity
from enos_ota.errors import LinkError
from enos_ota.firmware import firmwares
from enos_ota.messages import prefix, upgrade_reply
from enos_ota.session import Session

DECLARED = (LinkError,)
STEPS = 60_000  # a flood: eight packets each 20 ms
LIMIT_MS = 70_000  # 15 s and two answers to open, two requests, and a packet's 5 s
SHARE = 1.5
_CONFIG = rig.settings()
_LOGIN = identity.mqtt_login(_CONFIG.product_key, _CONFIG.device_key, _CONFIG.device_secret)
_PREFIX = prefix(_CONFIG.product_key, _CONFIG.device_key)
_CONNACK = b"\x20\x02\x00\x00"
_SUBACK = b"\x90\x06\x00\x01\x01\x01\x01\x01"
_TAILS = ("upgrade", "inform_reply", "progress_reply", "getversion_reply")
_POLLS = 6
_LONG_BYTES = 2000  # to look at it would take the memory of the case


def make(dice):
    """How the network is; then what the broker sends after CONNECT, SUBSCRIBE, the requests and other packets."""
    opening = _CONNACK
    if dice.wrong(12):
        opening = dice.pick(
            (_packet(dice), mutate(dice, _CONNACK), b"", b"\x20\x00", b"\x20\x80\x80\x80\x00")
        )
    ack = _SUBACK
    if dice.wrong(12):
        ack = dice.pick((_packet(dice), mutate(dice, _SUBACK), b"\x90\x00", b"\x90\x02\x00\x01"))
    pushed = b"".join([_packet(dice) for _ in range(dice.few(4))])
    parts = [wire.mode(dice, wire.SILENCE), opening, ack + pushed]
    for number in (1, 2):
        packets = [_packet(dice) for _ in range(dice.few(3))]
        packets.append(_publish(dice, _TAILS[1 + 2 * (number - 1)], b'"%d"' % number))
        if dice.wrong(8):
            packets.append(mutate(dice, _packet(dice))[: dice.below(40)])
        parts.append(b"".join(packets))
    return parts


def _packet(dice) -> bytes:
    kind = dice.below(8) if dice.wrong(2) else 0
    if kind < 5:
        return _publish(dice)
    if kind == 5:
        return dice.pick(
            (b"\xd0\x00", b"\xd0\x01", b"\xd0\x80", b"\x40\x02\x00\x07", b"\x90\x03\x00\x01\x80")
        )
    if kind == 6:
        first = dice.often(
            0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0x20, 0xE0, 0xF0, 0x00, dice.below(256)
        )
        return bytes((first,)) + _sized(dice, dice.bytes(dice.few(12)))
    return dice.bytes(dice.few(30))


def _publish(dice, tail=None, message_id=None) -> bytes:
    topic = (_PREFIX + (tail or dice.pick(_TAILS))).encode()
    if dice.wrong(12):
        topic = dice.pick(
            (b"", b"/", b"\xff\xfe", topic + b"\x00", topic * 40, mutate(dice, topic))
        )
    flags = dice.often(dice.pick((0, 2)), 4, 6, 8, 10, 1, 15)
    size = len(topic)
    if dice.wrong(12):
        size = dice.word() & 0xFFFF
    body = bytes((size >> 8, size & 0xFF)) + topic
    if flags & 6:
        body += b"\x00\x07" if not dice.wrong(12) else b""
    return bytes((0x30 | flags,)) + _sized(dice, body + _payload(dice, message_id))


def _payload(dice, message_id) -> bytes:
    if dice.wrong(20):
        # Around the sizes from which on a payload is dropped, or ends the connection.
        return b" " * (dice.pick((4096, 8192, 16_384)) + dice.between(-3, 3))
    if dice.wrong(20):
        return grammar.nested(dice, 2500)
    others = (b'"1"', b"1", b"2", b"null", grammar.value(dice))
    message_id = dice.often(message_id, *others) if message_id else dice.pick(others)
    if dice.one_in(3):
        fields = ((b"id", message_id), (b"version", b'"1.0"'), (b"params", grammar.firmware(dice)))
    else:
        data = b"[" + b",".join([grammar.firmware(dice) for _ in range(dice.few(3))]) + b"]"
        code = dice.often(b"200", b'"200"', b"1009", b"1e400")
        fields = ((b"id", message_id), (b"code", code), (b"data", dice.often(data, b"null", b"{}")))
    return grammar.broken(dice, grammar.members(dice, fields))


def varint(size) -> bytes:
    """A length as MQTT writes it."""
    out = bytearray()
    while size > 0x7F:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    return bytes(out)


def _sized(dice, body) -> bytes:
    """The body with its length before it, which may be a lie."""
    size = len(body)
    if dice.wrong(8):
        size = dice.pick((0, 1, 2, size + 1, max(0, size - 1), size + 100, 268_435_455, 20_000))
    length = varint(size)
    if dice.wrong(16):
        length = dice.pick(
            (length[:-1] + bytes((length[-1] | 0x80, 0)), b"\xff\xff\xff\xff\x7f", b"\x80" * 6)
        )
    return length + body


class _Upgrades:
    """Answers as the agent does."""

    def __init__(self) -> None:
        self.count = 0

    def arrived(self, message) -> None:
        self.session.reply("upgrade_reply", upgrade_reply(message))
        self.count += 1


def play(parts):
    made = wire.install(parts)
    made.on_write = _check_packet
    upgrades = _Upgrades()
    upgrades.session = session = Session(_CONFIG, _LOGIN, upgrades.arrived)
    try:
        found = rig.run(_life(session))
    finally:
        session.close()
    return "upgrade" if upgrades.count else "offers" if found else "served"


async def _life(session):
    await session.open(None)
    for _ in range(_POLLS):
        session.poll()
        rig.clock.sleep_ms(20)
    await session.request("inform", {"version": "1.0"}, 1)
    return firmwares(await session.request("getversion", {}, 1))


def _check_packet(data) -> bool:
    # One whole packet, and JSON in each that is a message. What it acknowledges is not answered.
    if len(data) > _LONG_BYTES:
        return False
    data = bytes(data)
    size = shift = 0
    for at in range(1, 5):
        size |= (data[at] & 0x7F) << shift
        shift += 7
        if data[at] < 0x80:
            break
    if at + 1 + size != len(data):
        rig.meter.complain("a packet of another length than it says was sent: %r" % data[:40])
    if data[0] == 0x30:
        payload = data[at + 3 + (data[at + 1] << 8 | data[at + 2]) :]
        rig.check_secret(payload)
        try:
            message = json.loads(payload)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            rig.meter.complain("what was sent is no JSON object: %r" % payload[:80])
    return data[0] != 0x40 and b"upgrade_reply" not in data[:80]


def reset() -> None:
    forget()
