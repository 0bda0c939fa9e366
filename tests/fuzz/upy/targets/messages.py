"""JSON from EnOS, and each of its fields."""

import json

import grammar
from enos_ota import codes, messages
from enos_ota.errors import UpgradeError, VerifyError
from enos_ota.firmware import firmwares, params_of, read
from rig import meter

DECLARED = (UpgradeError, VerifyError)
SHARE = 3


def make(dice):
    """One payload."""
    kind = dice.below(4)
    if kind == 0:
        return [grammar.broken(dice, grammar.firmware(dice), 3)]
    if kind == 1:
        return [grammar.broken(dice, grammar.value(dice), 3)]
    data = b"[" + b",".join([grammar.firmware(dice) for _ in range(dice.few(4))]) + b"]"
    fields = (
        (b"id", dice.often(b'"1"', b"7", grammar.value(dice))),
        (b"code", dice.often(b"200", b'"200"', b"1009")),
        (b"params", grammar.firmware(dice)),
        (b"data", dice.often(data, b"null", grammar.value(dice))),
    )
    return [grammar.broken(dice, grammar.members(dice, fields))]


def play(parts):
    try:
        message = messages.parse(parts[0])
    except (ValueError, MemoryError):  # the session drops either
        return "no JSON"
    json.loads(messages.upgrade_reply(message))
    codes.meaning(message.get("code"))
    found = firmwares(message)
    for firmware in found:
        _check(firmware)
    if "version" in message or "sign" in message:
        _check(read(message))
        return "firmware"
    return "offers" if found else "message"


def _check(firmware) -> None:
    # What other modules take for granted.
    for text in (firmware.version, firmware.sign, firmware.file_url):
        if not isinstance(text, str) or not text:
            meter.complain("a field that is no text: %r" % text)
    if firmware.size_bytes is not None and not isinstance(firmware.size_bytes, int):
        meter.complain("a size of %r" % firmware.size_bytes)
    if firmware.sign_method not in ("md5", "sha256"):
        meter.complain("signMethod %r" % firmware.sign_method)
    json.loads(json.dumps(params_of(firmware)))
