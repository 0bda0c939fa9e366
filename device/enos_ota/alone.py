"""Whether the agent goes first in this boot, without the application.

/main.py calls `first()` before it imports the release's `enos_main`. The agent then has all memory for an upgrade
that did not fit beside the application, or a head start on an application that hung, flooded the memory or
raised: in those seconds EnOS can push a better one. An application that did so three times in a row is not
started for an hour, or a minute where there is no network (safe mode); where the slot's files cannot be used
there is none to start (rescue).
"""

import sys

from micropython import const

from . import board, journal, otadata
from .errors import GaveUpError
from .log import log

_TRIES = const(3)  # boots for one command that bring no new block
_OFFLINE_MS = const(60_000)  # an application must not wait longer for a network
_COMMANDED_MS = const(600_000)  # unless that is what this boot is for
_AFTER_INFORM_MS = const(20_000)  # time for EnOS to push
_SAFE_MS = const(3_600_000)  # then the application has another chance
_FAILS = const(3)  # in a row, as /boot.py counts them
_WAKES = const(10)  # from deep sleep, of an image on trial
_RESETS = const(5)  # in a row without a reason: the application panics, or resets the chip
_FAILS_KEY = "fails"


def first():
    """What this boot must do before the application: a function to call, or None.

    It keeps nothing of this module alive: an upgrade in it needs the memory.
    """
    from .room import make_room

    make_room()  # before the application is imported
    if otadata.on_trial():
        if board.was("DEEPSLEEP_RESET"):
            # Before the application is imported: it may sleep there, where no watchdog runs.
            journal.count_trial(journal.load(), "wakes", _WAKES)
        return None
    is_rescue = "/app" not in sys.path  # /boot.py could not use what the slot holds
    is_safe = is_rescue or board.load_int(_FAILS_KEY, board.STUBS) >= _FAILS
    if is_safe:
        from .rescue import go_back

        go_back()
        del go_back
    command = journal.load_command()
    state = journal.load()["state"]
    if state in (journal.TRIAL, journal.REPORT):
        command = {}  # over
    reason = "the slot's files cannot be used" if is_rescue else _reason(command, state)
    if not (reason or is_safe):
        return None
    log("W", "the agent goes first: " + (reason or "safe mode"))
    if command.get("tries") and not _count(command):
        command = {}
    from .head_start import HeadStart

    limit_ms = _COMMANDED_MS if command.get("tries") else _OFFLINE_MS
    if is_rescue:
        return HeadStart(_SAFE_MS, _SAFE_MS, "+rescue").run
    if is_safe:
        return HeadStart(limit_ms, _SAFE_MS, "+safe").run
    return HeadStart(limit_ms, _AFTER_INFORM_MS, "").run


def _reason(command: dict, state: int) -> str:
    if state == journal.TRIAL:
        return ""  # it was the other image that failed
    if command.get("tries"):
        return "upgrade to %s" % command.get("version")
    why = journal.load_why()
    if why:
        return why
    if board.was("WDT_RESET"):
        return "watchdog"
    if board.load_int("resets", board.STUBS) >= _RESETS:
        return "the board resets again and again"
    return ""


def _count(command: dict) -> bool:
    # Whether the command gets this boot; if not, that is its last word.
    blocks = journal.blocks()
    tries = command["tries"] if command.get("seen", blocks) == blocks else 1
    reason = "given up after %d restarts" % _TRIES
    if tries <= _TRIES:
        try:
            journal.save_command(dict(command, seen=blocks), tries + 1)
            return True
        except OSError as error:  # uncounted it could go on for ever
            reason = "restarts cannot be counted: %s" % error
    journal.owe(GaveUpError.step, "%s: %s" % (command.get("version"), reason))
    return False
