"""Where an upgrade begins, by any journal: what it says may not lead to a position outside the slot."""

import past
import rig
from enos_ota import board, forget
from enos_ota.errors import OtaError
from rig import meter

DECLARED = (OtaError, OSError)  # NVS is full
SHARE = 0.7
_BUF = bytearray(4096)


class _Agent:
    config = rig.settings()


class _Firmware:
    version = "2.0"
    sign = "cd" * 32
    sign_method = "sha256"
    file_url = "https://files/f.bin"


def make(dice):
    """A past, and the size that EnOS tells, which may be none."""
    sizes = (0, 1, 4096, 65_536, 65_537, 131_072, 1_900_544, 1_900_545, 0x7FFFFFFF, 0xFFFFFFFF)
    return past.make(dice) + [dice.pick(sizes).to_bytes(4, "little")]


def play(parts):
    past.install(parts[:-1])
    firmware = _Firmware()
    firmware.size_bytes = int.from_bytes(parts[-1], "little") or None
    from enos_ota import journal
    from enos_ota.resume import claim
    from enos_ota.upgrade import Upgrade

    job = Upgrade(_Agent, firmware, _BUF)
    state = claim(job)
    room = job.target.info()[3]
    if state not in (journal.FETCH, journal.VERIFY):
        meter.complain("it begins with %r" % state)
    if state == journal.FETCH and not (0 <= job.position < room and job.position % 65_536 == 0):
        meter.complain("it begins at %r of %d" % (job.position, room))
    if state == journal.VERIFY and not 0 < job.size_bytes <= room:
        meter.complain("%r bytes in a slot of %d are verified" % (job.size_bytes, room))
    if board.slot_index(job.target) == board.slot_index(board.running()):
        meter.complain("it writes the running slot")
    return "resumed" if job.position else "begun"


def reset() -> None:
    forget()
