"""Whether the agent goes first in a boot with any past, and the way back to the former release."""

import sys

import machine
import past
from enos_ota import forget
from rig import meter

DECLARED = (machine.Reset,)
SHARE = 0.7


class _Module:
    """Stands for the module `agent`, which goes first but is not what is tried."""

    Agent = select_first = None


def make(dice):
    """A past, and whether /boot.py could use the slot's files."""
    parts = past.make(dice)
    parts[0] += bytes((dice.often(1, 0),))
    return parts


def play(parts):
    past.install(parts)
    sys.modules["enos_ota.agent"] = _Module
    if parts[0][3]:
        sys.path.insert(0, "/app")
    try:
        from enos_ota import alone

        found = alone.first()
    finally:
        sys.path[:] = [name for name in sys.path if name != "/app"]
    if found is not None and not callable(found):
        meter.complain("%r goes first" % found)
    return "agent" if found else "application"


def reset() -> None:
    sys.modules.pop("enos_ota.agent", None)
    forget()
