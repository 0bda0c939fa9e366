"""The way back to the former release, where the present one fails at each start."""

import hashlib

from micropython import const

from . import board, journal, otadata
from .image import Image, read_record
from .log import log

_PIECE = const(1024)


def go_back() -> None:
    """Once per release: select the other slot and reset, if it holds a whole release that was confirmed once.

    It is on trial again. Returns where there is no such way: after a trial that failed, too, which otadata shows.
    Power cut: safe to repeat; what it tore of the other slot's entry is written once more.
    """
    entry = journal.load()
    if entry["state"] not in (journal.IDLE, journal.REPORT):
        return  # an upgrade at work is a better way out
    other = board.running().get_next_update()
    try:
        version = _whole(other, entry)
        if version is None:
            return
        journal.save(boots=0, wakes=0, heal=0, back=2)
        log("W", "back to the former release " + version)
        otadata.select(other)
        # Not before: a cut in between would lose the return. Where it comes now, the trial makes it 1.
        journal.keep(back=1)
        board.save_blob("why", b" ", board.STUBS)  # that is over
    except Exception as error:
        log("W", "no way back: %r" % error)
        return
    board.reset()


def _whole(slot, entry: dict):
    # The version of what the slot holds, if it ran before and is all there; `select` looks at the image.
    index = board.slot_index(slot)
    if entry["slot"] == index and (entry["size"] or journal.blocks()):
        return None  # never tried
    # In a return, an entry that is gone was being written as the power was cut: a trial that failed left one.
    is_cut = entry["back"] and not otadata.states(index)
    if not is_cut and (entry["back"] == 1 or not otadata.was_valid(index)):
        return None
    record = read_record(slot, Image(slot))
    running = board.running()
    present = read_record(running, Image(running))
    if present and (record.sequence if record else 0) < present.min_sequence:
        return None  # whoever can make the application fail would get it
    if not record:
        return "?"  # a plain image
    if (
        record.app_offset
        and _digest(slot, record.app_offset, record.app_bytes) != record.app_digest
    ):
        return None
    return record.version


def _digest(slot, offset: int, size: int) -> bytes:
    state = hashlib.sha256()
    buf = memoryview(bytearray(_PIECE))
    for done in range(0, size, _PIECE):
        piece = buf[: size - done]
        slot.readblocks(0, piece, offset + done)
        state.update(piece)
    return state.digest()
