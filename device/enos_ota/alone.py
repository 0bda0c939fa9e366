"""Whether the agent goes first in this boot, without the application.

/main.py calls `first()` before it imports the release's `enos_main`. The agent then has all memory for an upgrade
that did not fit beside the application, or a head start on an application that hung, flooded the memory or
raised: in those seconds EnOS can push a better one.
"""

from micropython import const

from . import board, journal, otadata
from .errors import GaveUpError
from .log import log

_TRIES = const(3)  # boots for one command
_OFFLINE_MS = const(60_000)  # an application must not wait longer for a network
_COMMANDED_MS = const(600_000)  # unless that is what this boot is for


def first():
    """What this boot must do before the application: a function to call, or None.

    It keeps nothing of this module alive: an upgrade in it needs the memory.
    """
    command = journal.load_command()
    reason = _reason(command)
    if not reason:
        return None
    log("W", "the agent goes first: " + reason)
    if command.get("tries") and not _count(command):
        command = {}
    from .head_start import HeadStart

    return HeadStart(_COMMANDED_MS if command else _OFFLINE_MS).run


def _reason(command: dict) -> str:
    if otadata.on_trial():
        return ""
    if command.get("tries"):
        return "upgrade to %s" % command.get("version")
    if journal.load()["state"] == journal.TRIAL:
        return ""  # it was the other image that failed
    why = board.load_blob("why", board.STUBS).decode().strip()
    return why or ("watchdog" if board.was_watchdog() else "")


def _count(command: dict) -> bool:
    # Whether the command gets this boot; if not, that is its last word.
    reason = "given up after %d restarts" % _TRIES
    if command["tries"] <= _TRIES:
        try:
            journal.save_command(command, command["tries"] + 1)
            return True
        except OSError as error:  # uncounted it could go on for ever
            reason = "restarts cannot be counted: %s" % error
    journal.clear_command()
    journal.owe(GaveUpError.step, "%s: %s" % (command.get("version"), reason))
    return False
