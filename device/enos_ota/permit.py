"""Whether a release may follow the one that runs, by what its record says: judged from the tail of the file before
anything is erased, and again from what is in flash.
"""

from . import board
from .errors import RefusedError, UpgradeError, VerifyError
from .image import Image, read_record

_STUBS = "/boot.py"
_HEAD = "# Stub ABI "
_ABI = 1


def permit(config, record, version: str) -> None:
    """Judge the `record` of a release, None for a plain image, by the running one's and the commanded version.

    Only `sequence` orders releases; a plain image has 0. The floor is the `min_sequence` of what runs, which is
    confirmed by now.
    Raises: VerifyError (step -3) for another version; UpgradeError (step -1) for another chip or product;
    RefusedError (step -5) for other stubs or an older release.
    """
    slot = board.running()
    sequence = 0
    try:
        running = read_record(slot, Image(slot))
    except VerifyError:
        running = None
    if record:
        sequence = record.sequence
        if record.version != version:
            raise VerifyError("the file holds version " + record.version)
        head = bytearray(14)
        slot.readblocks(0, head, 0)
        if record.chip_id != head[12] | head[13] << 8:
            raise UpgradeError("a release for chip id %d" % record.chip_id)
        if running and record.product and running.product not in ("", record.product):
            raise UpgradeError("for product %s, not %s" % (record.product, running.product))
        if record.stub_abi != _stub_abi():
            raise RefusedError("needs stub ABI %d: deploy by USB" % record.stub_abi)
    if running and sequence < running.sequence:
        if sequence < running.min_sequence:
            raise RefusedError(
                "sequence %d is below the least, %d" % (sequence, running.min_sequence)
            )
        if not config.downgrade:
            raise RefusedError("sequence %d is older than %d" % (sequence, running.sequence))


def _stub_abi() -> int:
    # Of /boot.py as deployed; where it is frozen, it is of the firmware's age.
    try:
        with open(_STUBS) as file:
            head = file.read(16)
        if head.startswith(_HEAD):
            return int(head[len(_HEAD) :].split(" ")[0].rstrip("."))
    except (OSError, ValueError):
        pass
    return _ABI
