"""CA files, and the device's own certificate and key: damaged, or anything else."""

import os

import rig
from dice import mutate
from enos_ota import forget
from enos_ota.errors import LinkError
from helpers import SCRATCH

DECLARED = (LinkError,)
SHARE = 0.6
_NAMES = ("ca.der", "cert.der", "key.der")
with open("tests/vectors/ca.der", "rb") as _file:
    _CA = _file.read()
_PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def make(dice):
    """A CA, a certificate and a key; and whether there are any of one's own."""
    parts = [bytes((dice.below(2),))]
    for _ in _NAMES:
        data = dice.often(_CA, b"", _PEM, _CA + _CA, dice.bytes(dice.few(200)))
        parts.append(mutate(dice, data) if dice.one_in(2) else data)
    return parts


def play(parts):
    os.mkdir(SCRATCH)
    names = [SCRATCH + "/" + name for name in _NAMES]
    for name, data in zip(names, parts[1:]):
        with open(name, "wb") as file:
            file.write(data)
    try:
        own = {"cert": names[1], "key": names[2]} if parts[0][0] else {}
        config = rig.settings(ca=[names[0], SCRATCH + "/missing.der"], **own)
        from enos_ota.contexts import make as context_for

        context_for(config)
        return "context"
    finally:
        for name in names:
            os.remove(name)
        os.rmdir(SCRATCH)


def reset() -> None:
    forget()
