"""What others send, in a line of the log, and in the last word about an upgrade."""

import json

import grammar
from enos_ota.errors import VerifyError
from enos_ota.log import log

DECLARED = ()
SHARE = 0.5
_MOST = 600


def make(dice):
    """A text, as JSON has it, or bytes that become one."""
    return [
        dice.pick(
            (grammar.text(dice, 400), grammar.value(dice), b'"' + dice.bytes(dice.few(200)) + b'"')
        )
    ]


def play(parts):
    try:
        text = json.loads(parts[0])
    except ValueError:
        text = "".join([chr(byte) for byte in parts[0][:_MOST]])
    log("W", "upgrade: %s" % text)
    log("E", "%s: %s" % (VerifyError("the file holds version %s" % text), text))
    str(text)[:100].encode()
    return "shown"
