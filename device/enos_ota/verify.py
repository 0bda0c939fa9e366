"""The last acts of an upgrade: the proof of what is in the slot, and the switch to it."""

import asyncio
import binascii
import hashlib

from micropython import const

from . import board, otadata
from .errors import VerifyError
from .image import Image, has_record, read_record
from .log import log

_SECTOR = const(4096)
_YIELD_SECTORS = const(2)  # of reading and hashing: 40 ms on a chip
_ERASE = const(6)  # ioctl
_FLUSH_MS = const(300)  # for the last progress to leave before the reset


async def digest(slot, size_bytes: int, buf: bytearray, method: str) -> bytes:
    """Digest (`md5` or `sha256`) of a slot's first bytes as the flash gives them back, read through `buf`."""
    state = hashlib.md5() if method == "md5" else hashlib.sha256()
    for sector in range(size_bytes // _SECTOR):
        slot.readblocks(sector, buf)
        state.update(buf)
        if sector % _YIELD_SECTORS == 0:
            await asyncio.sleep_ms(0)
    tail = memoryview(buf)[: size_bytes % _SECTOR]
    if len(tail):
        slot.readblocks(size_bytes // _SECTOR, tail)
        state.update(tail)
    return state.digest()


async def verify(job) -> None:
    """Prove that the slot of an `Upgrade` holds what was commanded.

    Raises: VerifyError (step -3).
    """
    firmware = job.firmware
    method = firmware.sign_method
    found = await digest(job.target, job.size_bytes, job.buf, method)
    if binascii.hexlify(found).decode() != firmware.sign:
        raise VerifyError("%s is not the commanded one" % method)
    job.is_resumed = False  # its pieces fit together: what is wrong now stays wrong
    image = Image(job.target)
    if image.length_bytes > job.size_bytes:
        raise VerifyError("the file ends before its image")
    record = None
    if image.behind < job.size_bytes:
        record = read_record(job.target, image)
    elif has_record(job.target, image):
        # Of a former release around the same VM: it would be taken for this one's.
        job.target.ioctl(_ERASE, image.behind // _SECTOR)
    if record is None:
        board.save_blob(
            "plain%d" % board.slot_index(job.target),
            image.elf_digest + firmware.version.encode(),
        )
    elif record[0] != firmware.version:
        raise VerifyError("the file holds version " + record[0])
    log("I", "verified: %d bytes, %s" % (job.size_bytes, method))


async def switch(job) -> None:
    """Select the slot and reset: does not return."""
    log("I", "switch to the new slot and reset")
    board.save_blob("why", b" ", board.STUBS)  # what an earlier boot died of
    await asyncio.sleep_ms(_FLUSH_MS)
    job.agent.keep_order()
    # Nothing may come between: another command would write the slot that is selected now.
    otadata.select(job.target)
    job.agent.session.close()
    board.reset()
