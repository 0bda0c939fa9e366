"""What a reset must not lose, in NVS: a record of the upgrade, how much of its file the slot holds, and commands.

An upgrade of 1.7 MB writes about 100 NVS entries of 32 bytes, 27 of them for its blocks: less than the 126 of a
page. A 16 KiB partition has four pages, each of which can be erased 100,000 times.
"""

import errno
import json

from micropython import const

from . import board
from .log import log

IDLE = 0
FETCH = 1  # the other slot is being written
VERIFY = 2  # all of the file is there
TRIAL = 3  # about to be switched to, or on trial
REPORT = 4  # over: the last word is not answered yet

BLOCK = const(65_536)

COMMAND = "command"  # the upgrade at work, with its address
NEXT = "next"  # to be obeyed after it: put off, or come in a trial
_KEY = "journal"
_BLOCKS = "blocks"
_TOLD = "told"
_COMMAND_BYTES = const(2048)
_INT = const(0x7FFFFFFF)  # what an NVS integer holds of a sequence
# Only what differs from these is stored.
_EMPTY: dict = {
    "state": IDLE,
    "slot": 0,  # index of the slot written to
    "version": "",  # commanded
    "sign": "",  # the digest of what that slot holds, as far as `blocks` says
    "size": 0,  # bytes of the file, once all of it is in the slot
    "resets": 0,  # in a row that brought no new block
    "seen": 0,  # blocks there were at the last of them
    "repeats": 0,  # trials that are the last one once more
    "boots": 0,  # of the image on trial
    "wakes": 0,  # of it, from deep sleep
    "alibi": 0,  # 1: it had no link when its time was over
    "rolled": "",  # the digest that rolled back last
    "rolls": 0,  # how often in a row
    "back": 0,  # 1: the former release was returned to; 2: about to be
    "heal": 0,  # 1: the running slot is being selected again
    "step": 0,  # the last word
    "desc": "",  # of it; before, why the trial failed
    "tries": 0,  # to say it
}


def load() -> dict:
    """The record: all fields of `_EMPTY`."""
    entry = dict(_EMPTY)
    for name, value in _parse(board.load_blob(_KEY)).items():
        if name not in _EMPTY or type(value) is type(_EMPTY[name]):  # a later release's are kept
            entry[name] = value
    return entry


def save(**changes) -> None:
    """Change fields of the record. Power cut: the old or the new record remains.

    Raises: OSError when NVS is full or broken.
    """
    entry = load()
    entry.update(changes)
    kept = {name: value for name, value in entry.items() if value != _EMPTY.get(name)}
    board.save_blob(_KEY, json.dumps(kept).encode())


def keep(**changes) -> bool:
    """Like `save`, but a full NVS is only logged: what matters now is to go on. Whether it was kept."""
    return _tolerate(save, **changes)


def count_trial(entry: dict, field: str, most: int, **changes) -> None:
    """Count `boots` or `wakes` of an image on trial in the record `entry`; more than `most` end it by a reset."""
    count = entry[field] + 1
    if count > most:
        if entry["state"] == TRIAL:
            keep(desc="no proof within %d %s" % (most, field))
        board.reset()
    changes[field] = count
    keep(**changes)


def owe(step: int, desc: str, **changes) -> tuple:
    """Keep the last word of an upgrade, in at most 100 characters, with other changes; return it.

    What its slot holds stays known: the same file commanded again goes on from there.
    """
    desc = desc[:100]
    keep(state=REPORT, step=step, desc=desc, tries=0, **changes)
    clear_command(COMMAND)
    return step, desc


def clear() -> None:
    """Forget the upgrade, but not what its slot holds."""
    keep(state=IDLE, step=0, desc="", tries=0)
    clear_command(COMMAND)


def blocks() -> int:
    """How many whole blocks of 64 KiB the slot holds, each read back as written."""
    return board.load_int(_BLOCKS)


def save_blocks(count: int) -> None:
    """Set the number of blocks: to 0 before the first one is erased again.

    Raises: OSError when NVS is full or broken.
    """
    board.save_int(_BLOCKS, count)


def is_told(sequence: int) -> bool:
    """Whether the rollback that this otadata sequence shows has had its last word."""
    return not sequence or board.load_int(_TOLD) == sequence & _INT


def tell(sequence: int) -> None:
    """Remember that; 0 changes nothing."""
    if sequence:
        _tolerate(board.save_int, _TOLD, sequence & _INT)


def load_why() -> str:
    """What an earlier boot died of, as the stubs kept it, in ASCII; "" when there is nothing."""
    why = board.load_blob("why", board.STUBS)
    return bytes([byte if byte < 127 else 63 for byte in why]).decode().strip()


def save_command(params: dict, tries: int) -> None:
    """Keep what is at work; `tries` counts boots that are for it alone.

    Raises: OSError when NVS has no room for it.
    """
    _save_params(COMMAND, dict(params, tries=tries))


def keep_command(key: str, params: dict) -> None:
    """Keep a command under `COMMAND` or `NEXT`; a full NVS is only logged."""
    _tolerate(_save_params, key, params)


def load_command(key: str = COMMAND) -> dict:
    """The command kept; empty when there is none."""
    params = _parse(board.load_blob(key, size_bytes=_COMMAND_BYTES))
    for name in ("tries", "seen", "at"):
        if not isinstance(params.get(name, 0), int):
            del params[name]
    return params


def clear_command(key: str) -> None:
    """Forget the command."""
    board.erase_blob(key)


def _save_params(key: str, params: dict) -> None:
    data = json.dumps(params).encode()
    if len(data) > _COMMAND_BYTES:
        raise OSError(errno.ENOMEM)
    board.save_blob(key, data)


def _tolerate(function, *arguments, **changes) -> bool:
    try:
        function(*arguments, **changes)
        return True
    except OSError as error:
        log("E", "journal: %s" % error)
        return False


def _parse(stored: bytes) -> dict:
    # Flat, as it was written: what is nested would take memory, and cannot be stored again.
    try:
        fields = dict(json.loads(stored)) if stored else {}
    except (TypeError, ValueError, MemoryError):
        log("E", "the journal is damaged")
        return {}
    return {name: value for name, value in fields.items() if isinstance(value, (str, int))}
