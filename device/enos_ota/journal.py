"""What a reset must not lose: one small record in NVS, replaced as a whole."""

import json

from . import board
from .log import log

IDLE = 0
FETCH = 1  # the other slot is being written
VERIFY = 2
TRIAL = 3  # about to be switched to, or on trial
REPORT = 4  # over: the last word is not answered yet

_KEY = "journal"
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
    stored = board.load_blob(_KEY)
    if stored:
        try:
            entry.update(json.loads(stored))
        except (TypeError, ValueError):
            log("E", "the journal is damaged")
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


def clear() -> None:
    """Forget the upgrade."""
    keep(**_EMPTY)
