"""`/enos.json`, its copy, and what a session makes of settings that pass."""

import os

import grammar
import rig
from dice import mutate
from enos_ota import forget
from enos_ota.errors import OtaError
from helpers import SCRATCH
from rig import meter

DECLARED = (ValueError,)  # config.ConfigError, whose module is loaded anew by each case
_PATH = SCRATCH + ".json"
_COPY = SCRATCH + ".bak"
_FIELDS = (
    (b"product_key", b'"pk"'),
    (b"device_key", b'"dk"'),
    (b"device_secret", b'"' + rig.SECRET.encode() + b'"'),
    (b"mqtt", b'"mqtts://broker:18883"'),
    (b"http_broker", b'"https://enos"'),
    (b"hosts", b'["a:1","b"]'),
    (b"ca", b'["/ca.der"]'),
    (b"wifi", b'[{"ssid":"air","password":"' + rig.PASSWORD.encode() + b'"}]'),
    (b"network", b'"wifi"'),
    (b"keys", b'["' + b"ab" * 32 + b'"]'),
    (b"pins", b'["' + b"ab" * 32 + b'","' + b"cd" * 32 + b'"]'),
    (b"plain", b"[]"),
    (b"signature", b'"required"'),
    (b"downgrade", b"false"),
    (b"watchdog_s", b"120"),
    (b"check_s", b"0"),
    (b"keepalive_s", b"60"),
    (b"spread_s", b"32"),
)


def make(dice):
    """Both files."""
    parts = []
    for _ in range(2):
        count = dice.between(4, len(_FIELDS))
        fields = list(_FIELDS[:count] if dice.one_in(2) else _FIELDS)
        if dice.wrong(4):
            # Of the right type, and with the wrong content.
            name = dice.pick((b"hosts", b"ca", b"plain", b"wifi", b"keys", b"pins", b"revoked"))
            fields.append((name, b"[" + grammar.value(dice) + b"]"))
            name = dice.pick((b"watchdog_s", b"check_s", b"keepalive_s", b"spread_s", b"trial_s"))
            fields.append((name, b"%d" % (dice.word() - dice.below(3))))
        data = grammar.members(dice, fields, 25)
        if dice.wrong(20):
            others = (b"", b"[]", b"null", grammar.value(dice), grammar.nested(dice), b"\x00" * 200)
            data = dice.pick(others)
        parts.append(mutate(dice, data) if dice.wrong(12) else data)
    return parts


def play(parts):
    for path, data in zip((_PATH, _COPY), parts):
        with open(path, "wb") as file:
            file.write(data)
    try:
        return _read()
    finally:
        os.remove(_PATH)
        os.remove(_COPY)


def _read():
    from enos_ota import settings as known
    from enos_ota.config import ConfigError

    try:
        settings = known.load(_PATH)
    except ConfigError as error:
        for secret in (rig.SECRET, rig.PASSWORD):
            if secret in str(error):
                meter.complain("the text shows a secret")
        return "refused"
    rig.check_secret(repr(settings))
    _check(settings)
    login = known.login(settings)
    from enos_ota.session import Session

    try:
        session = Session(settings, login, None)
    except OtaError:
        return "no address"
    if not 0 < session.keepalive < 1 << 16:
        meter.complain("a keepalive that MQTT has no room for")
    return "settings"


def _check(settings) -> None:
    # What others take for granted.
    for name in ("hosts", "ca", "plain", "keys", "pins", "revoked"):
        for one in getattr(settings, name):
            if not isinstance(one, str):
                meter.complain("%s holds what is no text" % name)
    for one in settings.wifi:
        if not isinstance(one, dict):
            meter.complain("wifi holds what is no network")


def reset() -> None:
    forget()
