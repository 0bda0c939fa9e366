"""The last act of an upgrade: the switch to what is proven."""

import asyncio

from micropython import const

from . import board, otadata
from .log import log

_FLUSH_MS = const(300)  # for the last progress to leave before the reset
_MAGIC = b"\xe9"  # first byte of an image


async def switch(job) -> None:
    """Arm and select the slot of an `Upgrade`, and reset: does not return.

    Power cut: the former slot or the new one is selected. Safe to repeat.
    Raises: BurnError (step -4) when the chip refuses the image; OSError when flash or NVS fails.
    """
    log("I", "switch to the new slot and reset")
    board.save_blob("why", b" ", board.STUBS)  # what an earlier boot died of
    await asyncio.sleep_ms(_FLUSH_MS)
    job.agent.keep_order()
    job.target.writeblocks(0, _MAGIC, 0)  # until now it was no image for the bootloader
    # Nothing may come between: another command would write the slot that is selected now.
    otadata.select(job.target)
    job.agent.session.close()
    board.reset()
