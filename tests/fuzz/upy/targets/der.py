"""A server's certificate: the public key in it, by which it is pinned."""

from dice import mutate
from enos_ota.der import public_key
from rig import meter

DECLARED = (ValueError,)
SHARE = 2
_KEY = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"


def make(dice):
    """A certificate, as far as it is looked at."""
    key = element(dice, 0x30, _KEY + element(dice, 0x03, dice.bytes(dice.pick((16, 66, 140, 270)))))
    inner = element(dice, 0xA0, element(dice, 0x02, b"\x02")) if not dice.wrong(8) else b""
    inner += element(dice, 0x02, dice.bytes(dice.between(1, 20)))
    for _ in range(4):
        inner += element(dice, 0x30, dice.bytes(dice.below(60)))
    inner += dice.often(key, key + key, b"") + dice.bytes(dice.few(40))
    whole = element(dice, 0x30, element(dice, 0x30, inner) + dice.bytes(dice.few(80)))
    return [mutate(dice, whole) if dice.wrong(3) else whole]


def element(dice, tag, body) -> bytes:
    """Tag, length, value; in the shortest form or not, or a lie."""
    size = len(body)
    if dice.wrong(25):
        size = dice.pick((0, 1, 127, 128, 255, 256, 65_535, size + 1, max(0, size - 1)))
    lengths = [b"\x82" + bytes((size >> 8 & 0xFF, size & 0xFF))]
    if size < 128:
        lengths = [bytes((size,)), bytes((size,)), b"\x81" + bytes((size,))]
    elif size < 256:
        lengths.append(b"\x81" + bytes((size,)))
    if dice.wrong(25):
        lengths = [b"\x80", b"\x83\x00\x00\x05", b"\x84\xff\xff\xff\xff", b"\xff", b""]
    return bytes((dice.often(tag, 0x31, 0x1F, 0xFF),)) + dice.pick(lengths) + body


def play(parts):
    data = parts[0]
    for certificate in (data, memoryview(data)):
        key = bytes(public_key(certificate))
    if not key or key[0] != 0x30 or key not in data:
        meter.complain("a key of %r" % key[:20])
    return "key"
