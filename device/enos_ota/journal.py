"""What a reset must not lose: one small record in NVS, replaced as a whole, and a command not yet obeyed."""

import errno
import json

from micropython import const

from . import board
from .log import log

IDLE = 0
FETCH = 1  # the other slot is being written
VERIFY = 2
TRIAL = 3  # about to be switched to, or on trial
REPORT = 4  # over: the last word is not answered yet

_KEY = "journal"
_COMMAND = "command"
_COMMAND_BYTES = const(2048)
_EMPTY: dict = {
    "state": IDLE,
    "slot": 0,  # index of the slot written to
    "version": "",  # commanded
    "step": 0,  # the last word
    "desc": "",
    "tries": 0,
}


def load() -> dict:
    """The record: state, slot, version, step, desc, tries."""
    entry = dict(_EMPTY)
    entry.update(_parse(board.load_blob(_KEY)))
    return entry


def save(**changes) -> None:
    """Change fields of the record. Power cut: the old or the new record remains.

    Raises: OSError when NVS is full or broken.
    """
    entry = load()
    entry.update(changes)
    board.save_blob(_KEY, json.dumps(entry).encode())


def keep(**changes) -> None:
    """Like `save`, but a full NVS is only logged: what matters now is to go on."""
    try:
        save(**changes)
    except OSError as error:
        log("E", "journal: %s" % error)


def owe(step: int, desc: str) -> tuple:
    """Keep the last word of an upgrade, in at most 100 characters; return it."""
    desc = desc[:100]
    keep(state=REPORT, step=step, desc=desc, tries=0)
    return step, desc


def clear() -> None:
    """Forget the upgrade."""
    keep(**_EMPTY)


def save_command(params: dict, tries: int) -> None:
    """Keep what EnOS commands: `tries` counts boots that are for it alone; 0 keeps it for the next one.

    Raises: OSError when NVS has no room for it.
    """
    data = json.dumps(dict(params, tries=tries)).encode()
    if len(data) > _COMMAND_BYTES:
        raise OSError(errno.ENOMEM)
    board.save_blob(_COMMAND, data)


def keep_command(params: dict) -> None:
    """Keep a command for the next boot that may obey it; a full NVS is only logged."""
    try:
        save_command(params, 0)
    except OSError as error:
        log("E", "command not kept: %s" % error)


def load_command() -> dict:
    """The command kept, with `tries`; empty when there is none."""
    return _parse(board.load_blob(_COMMAND, size_bytes=_COMMAND_BYTES))


def clear_command() -> None:
    """Forget the command."""
    board.erase_blob(_COMMAND)


def _parse(stored: bytes) -> dict:
    try:
        return dict(json.loads(stored)) if stored else {}
    except (TypeError, ValueError):
        log("E", "the journal is damaged")
        return {}
