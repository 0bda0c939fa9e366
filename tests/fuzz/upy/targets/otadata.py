"""The two entries that the bootloader keeps, whatever they hold."""

import past
from enos_ota import board, forget
from enos_ota.errors import BurnError, UpgradeError
from rig import meter

_LAST = 0xFFFFFFF0  # behind it the bootloader itself does not count on
DECLARED = (BurnError, UpgradeError)

make = past.make


def play(parts):
    past.install(parts)
    from enos_ota import otadata

    other = board.running().get_next_update()
    for index in (0, 1):
        for sequence, state in otadata.entries(index):
            if not 0 <= sequence < 1 << 32 or not 0 <= state < 1 << 32:
                meter.complain("an entry of (%r, %r)" % (sequence, state))
        otadata.was_valid(index)
    sequence = otadata.aborted()
    if not isinstance(sequence, int):
        meter.complain("a sequence of %r" % sequence)
    healed = otadata.heal()
    if otadata.on_trial():
        otadata.confirm()
    otadata.select(other)
    last = max([sequence for index in (0, 1) for sequence, _ in otadata.entries(index)])
    if not board.is_selected(other) and last < _LAST:
        meter.complain("the other slot is not selected")
    return "healed" if healed else "selected"


def reset() -> None:
    forget()
