"""The boot state that the bootloader keeps: which slot it will start, and how far it trusts it.

Two sectors, one 32-byte entry each: u32 sequence, 20 unused bytes, u32 state, u32 CRC-32 of the sequence alone
(ESP-IDF, esp_flash_partitions.h). Slot = (sequence - 1) mod number of slots.
"""

import binascii
import struct

from micropython import const

from . import board
from .errors import BurnError, UpgradeError

_SECTORS = (0, 1)
_VALID = const(2)
_INVALID = const(3)
_ABORTED = const(4)  # rolled back
_PENDING = const(1)  # started once, and rolled back by the next reset unless marked valid


def entries(slot_index: int) -> list:
    """(sequence, state) of all intact entries that name the slot, first sector first."""
    partition = board.otadata()
    slots = board.slot_count()
    entry = bytearray(32)
    found = []
    for sector in _SECTORS:
        partition.readblocks(sector, entry)
        sequence, state, crc = struct.unpack("<I20xII", entry)
        if crc == binascii.crc32(entry[:4], 0xFFFFFFFF) and (sequence - 1) % slots == slot_index:
            found.append((sequence, state))
    return found


def states(slot_index: int) -> list:
    """The states of these entries."""
    return [state for _, state in entries(slot_index)]


def was_valid(slot_index: int) -> bool:
    """Whether an image in the slot was confirmed; what the slot holds by now may be another one."""
    return _VALID in states(slot_index)


def aborted() -> int:
    """The sequence with which the other slot was tried in vain, or 0."""
    other = board.slot_index(board.running().get_next_update())
    for sequence, state in entries(other):
        if state in (_PENDING, _ABORTED):  # pending and not running: it could not be started
            return sequence
    return 0


def on_trial() -> bool:
    """Whether the running image is rolled back by the next reset."""
    # As the bootloader chooses, the newest of those it has not given up; of two as new it may be either.
    newest = [
        entry
        for entry in entries(board.slot_index(board.running()))
        if entry[1] not in (_INVALID, _ABORTED)
    ]
    return (max(newest)[0], _PENDING) in newest if newest else False


def refuse_on_trial() -> None:
    """Guard of everything that touches the other slot: in a trial it is the only way back.

    Raises: UpgradeError (step -1).
    """
    if on_trial():
        raise UpgradeError("the running image is still on trial")


def select(slot) -> None:
    """Make `slot` the one that the next reset starts; the chip verifies its image first (0.9 s).

    Power cut: the old slot or the new one is selected. Safe to repeat.
    Raises: BurnError (step -4) when the chip refuses the image; UpgradeError (step -1) in a trial.
    """
    refuse_on_trial()
    if board.is_selected(slot):
        return  # IDF 5.3 to 5.5.5 would overwrite the entry of the way back
    try:
        slot.set_boot()
    except OSError as error:
        raise BurnError("set_boot: %s" % error) from None


def confirm() -> None:
    """Mark the running image valid: from here on it stays.

    Power cut: the mark is there, or the next boot returns to the former slot. Safe to repeat.
    Raises: BurnError (step -4) when another slot is selected: that one would be marked.
    """
    running = board.running()
    if not board.is_selected(running):
        raise BurnError("another slot is selected")
    running.mark_app_valid_cancel_rollback()


def heal() -> bool:
    """Select the running slot again where the bootloader fell back to it; say whether it had to.

    The entry of an image that turned out broken stays selected, and would be tried at every reset.
    Raises: BurnError (step -4) when the chip refuses.
    """
    running = board.running()
    if board.is_selected(running):
        return False
    select(running)
    confirm()
    return True
