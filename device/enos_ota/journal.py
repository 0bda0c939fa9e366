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
    "digest": "",
    "from": "",  # version that was running
    "step": 0,  # the last word
    "desc": "",
    "tries": 0,
}


class Journal:
    """The record as attributes of `entry`; what is not saved is lost by a reset."""

    def __init__(self) -> None:
        self.entry = dict(_EMPTY)
        stored = board.load_blob(_KEY)
        if stored:
            try:
                self.entry.update(json.loads(stored))
            except ValueError:
                log("E", "journal is damaged: forgotten")

    def save(self, **changes) -> None:
        """Change fields and store the whole. Power cut: the old or the new record remains.

        Raises: OSError when NVS is full or broken.
        """
        self.entry.update(changes)
        board.save_blob(_KEY, json.dumps(self.entry).encode())

    def clear(self) -> None:
        """Forget the upgrade."""
        self.save(**_EMPTY)

    @property
    def state(self):
        """One of IDLE, FETCH, VERIFY, TRIAL, REPORT."""
        return self.entry["state"]
