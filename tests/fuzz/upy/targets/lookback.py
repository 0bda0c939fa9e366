"""What happened before a boot, from any otadata, NVS and slots."""

import machine
import past
from enos_ota import board, forget, messages
from rig import meter

DECLARED = (machine.Reset,)
SHARE = 0.7

make = past.make


def play(parts):
    past.install(parts)
    from enos_ota import otadata, startup

    was_pending = otadata.on_trial()
    for _ in range(2):  # the power may be cut, and it comes again
        version, floor_s, on_trial, word, order = startup.look_back("0", 120)
        if not isinstance(version, str) or not isinstance(floor_s, int):
            meter.complain("version %r, floor %r" % (version, floor_s))
        if word is not None:
            step, desc = word
            messages.request(1, "progress", {"step": str(step), "desc": desc})
        if order is not None and not isinstance(order, dict):
            meter.complain("an order of %r" % order)
    if was_pending and not on_trial and otadata.on_trial() and board.is_selected(board.running()):
        meter.complain("an image on trial, of which the agent knows nothing")
    return "trial" if on_trial else "word" if word else "order" if order else "nothing"


def reset() -> None:
    forget()
