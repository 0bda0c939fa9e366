"""What the journal says of an upgrade: where it begins, since nothing that the slot holds is fetched again.

Nothing rests on what flash looks like: the journal counts the blocks that were read back as written, and the
one after them begins with its erase. The digest of the whole is taken in any case.
"""

from micropython import const

from . import board, journal, otadata
from .errors import BurnError, GaveUpError
from .log import log

_RESETS = const(3)  # in a row without a new block


def claim(job) -> int:
    """Make the journal that of an `Upgrade`, and say what it begins with: journal.FETCH or journal.VERIFY.

    Sets the job's position and what belongs to it. Power cut: safe to repeat.
    Raises: GaveUpError (step -7) after three resets that brought nothing; BurnError (step -4) where the other
    slot is selected; OSError when NVS is full or broken.
    """
    otadata.refuse_on_trial()
    if not board.is_selected(board.running()):  # it could not be healed
        raise BurnError("the running slot is not selected")
    entry = journal.load()
    firmware = job.firmware
    slot = board.slot_index(job.target)
    fields = {"slot": slot, "version": firmware.version, "sign": firmware.sign, "desc": ""}
    is_new = entry["state"] not in (journal.FETCH, journal.VERIFY)
    if entry["slot"] != slot or entry["sign"] != firmware.sign:
        is_new = True
        entry["size"] = 0
        journal.save_blocks(0)  # first: a cut in between leaves the former file, with nothing of it
    if is_new:
        fields["repeats"] = fields["resets"] = fields["seen"] = 0
    elif not journal.load_command().get("tries"):  # boots of its own are counted already
        _count(entry, fields)
    state = journal.FETCH
    size_bytes = entry["size"] or firmware.size_bytes or 0
    is_whole = entry["size"] or size_bytes <= journal.blocks() * journal.BLOCK
    if is_whole and 0 < size_bytes <= job.target.info()[3]:
        state = journal.VERIFY
        job.size_bytes = job.position = size_bytes
        job.is_resumed = True
    else:
        _go_on(job)
    journal.save(state=state, size=job.size_bytes, **fields)
    if job.is_resumed:
        log("I", "resumed at byte %d" % job.position)
    return state


def store(job, state: int) -> None:
    """Store the next state of an `Upgrade`, before its act.

    Raises: OSError when NVS is full or broken.
    """
    size = 0 if state == journal.FETCH else job.size_bytes
    journal.save(state=state, size=size, desc="", resets=0, boots=0, wakes=0, alibi=0, back=0)


def _count(entry: dict, fields: dict) -> None:
    seen = journal.blocks()
    resets = entry["resets"] + 1 if entry["seen"] == seen else 1
    if resets > _RESETS:
        raise GaveUpError("%d resets without progress" % _RESETS)
    fields["resets"] = resets
    fields["seen"] = seen


def _go_on(job) -> None:
    known = blocks = journal.blocks()
    if blocks and not job.firmware.size_bytes:
        blocks -= 1  # it may be the last: of nothing behind it a server has no part
    if not 0 <= blocks * journal.BLOCK < job.target.info()[3]:
        blocks = 0
    if blocks != known:
        journal.save_blocks(blocks)
    if blocks:
        head = memoryview(job.buf)[:24]
        job.target.readblocks(0, head, 0)
        job.headers = head[1] + 1  # preflight has passed
        job.next_header = len(head)
        job.position = job.erased = blocks * journal.BLOCK
        job.is_resumed = True
