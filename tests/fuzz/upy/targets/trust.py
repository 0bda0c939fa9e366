"""What a release says about whom to trust: no such file keeps an agent with right settings from starting."""

import json
import os

import grammar
import rig
from dice import mutate
from enos_ota import forget
from helpers import SCRATCH
from rig import meter

DECLARED = ()
_PATH = SCRATCH + "/enos.json"
_OWN = SCRATCH + "/own-"
_KEPT = SCRATCH + "/kept-"
_FILE = "enos_trust.json"
_CA = "enos-1a2b3c4d.der"
_HEX = b"0123456789abcdef"
_SETTINGS = {
    "product_key": "pk",
    "device_key": "dk",
    "device_secret": rig.SECRET,
    "mqtt": "mqtts://broker",
    "keys": ["ab" * 32],
    "ca": ["/ca.der"],
}


def make(dice):
    """The release's file, the copy of an earlier one, and a CA."""
    parts = []
    for _ in range(2):
        fields = []
        for name, most in ((b"keys", 3), (b"revoked", 5), (b"pins", 3)):
            count = dice.often(dice.below(most), 9, 40)
            digests = [_digest(dice) for _ in range(count)]
            fields.append((name, b"[" + b",".join(digests) + b"]"))
        names = (
            b'"' + _CA.encode() + b'"',
            b'"missing.der"',
            b'"../x"',
            b'""',
            b'".."',
            b"5",
            b'"' + b"n" * 300 + b'"',
        )
        fields.append(
            (b"ca", b"[" + b",".join([dice.often(*names) for _ in range(dice.few(2))]) + b"]")
        )
        fields.append((b"hosts", dice.often(b'["a:1"]', b'["*"]', b'[""]', b"[[]]")))
        for name, text in (
            (b"mqtt", b'"mqtts://new"'),
            (b"http_broker", b'"https://new"'),
            (b"ntp", b'"ntp"'),
        ):
            fields.append(
                (name, dice.often(text, b'""', b'"mqtt://plain"', b'"x"', b'"https://h:1:2"'))
            )
        while dice.one_in(2) and fields:
            fields.pop(dice.below(len(fields)))
        data = grammar.broken(dice, grammar.members(dice, fields, 12), 8)
        parts.append(dice.often(data, b"", mutate(dice, data)))
    return parts + [dice.bytes(dice.few(40))]


def _digest(dice) -> bytes:
    digits = bytes([dice.pick(_HEX)]) * 64
    return b'"' + dice.often(digits, b"ab" * 32, b"AB" * 32, b"zz" * 32, b"", digits[:63]) + b'"'


def play(parts):
    os.mkdir(SCRATCH)
    with open(_PATH, "w") as file:
        file.write(json.dumps(_SETTINGS))
    for path, data in zip((_OWN + _FILE, _KEPT + _FILE, _OWN + _CA), parts):
        if data or path.endswith(_CA):
            with open(path, "wb") as file:
                file.write(data)
    try:
        return _read()
    finally:
        for name in os.listdir(SCRATCH):
            os.remove(SCRATCH + "/" + name)
        os.rmdir(SCRATCH)


def _read():
    from enos_ota import trust

    trust._OWN, trust._KEPT = _OWN, _KEPT
    from enos_ota.settings import load

    settings = load(_PATH)
    for folder in (_OWN, _KEPT):
        for one in trust._read(folder).get("revoked", ()):
            if one not in settings.revoked:
                meter.complain("what is revoked is trusted")
    if settings.signature != "required" or not settings.keys or "/ca.der" not in settings.ca:
        meter.complain("%s by %r, %r" % (settings.signature, settings.keys, settings.ca))
    try:
        trust.keep(settings)
    except OSError:  # no room, or a CA that is not there: it is tolerated
        return "not kept"
    again = load(_PATH)
    if again.keys != settings.keys or again.mqtt != settings.mqtt:
        meter.complain("the copy says something else")
    return "extended" if settings.mqtt != "mqtts://broker" or len(settings.keys) > 1 else "as set"


def reset() -> None:
    forget()
