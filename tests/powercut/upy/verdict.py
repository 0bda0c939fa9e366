"""What must be true once a board has come to rest after cuts, whatever was cut."""

import esp32
from chip import otadata
from chip.nor import SECTOR_BYTES
from plot import BACK, FETCH, REPORTED, SAFE, UPGRADED
from rig import TABLE

BLOCK_BYTES = 65_536
_COMMAND = ("enos_ota", "command")


class Left:
    """What a cut left: the `journal`, whether the slot with number `selected` is `confirmed`, or at least `stays`.

    Where otadata says nothing, as on a new board, the first slot is selected, and stays. pending: the slots whose
    trial had begun, and that the next reset thus ends.
    """

    def __init__(self, state) -> None:
        self.journal = state.journal()
        self.has_command = _COMMAND in state.nvs
        entries = state.entries()
        active = otadata.active(entries)
        self.selected = otadata.slot_of(entries[active], 2) if active >= 0 else 0
        self.confirmed = active >= 0 and entries[active].state == otadata.VALID
        self.pending = [
            otadata.slot_of(entry, 2)
            for entry in entries
            if entry.crc_right and entry.state == otadata.PENDING_VERIFY
        ]
        self.stays = active < 0 or self.confirmed

    def is_(self, state) -> bool:
        """Whether the journal is in a state."""
        return self.journal.get("state") == state


def judge(rig, scenario, left, is_wiped):
    """The problems of a board that lived through cuts; `left` is what was at first, and after each of them.

    What a boot may not do is judged while it runs: see `Rig.problem`. is_wiped: NVS did not survive the cuts.
    """
    problems = list(rig.problems)
    if problems:
        return problems
    end = Left(rig.state)
    if not end.stays:
        problems.append("the active entry is not VALID: %s" % rig.otadata())
    elif "ota_%d" % end.selected != esp32.chip.running:
        problems.append("%s runs, but is not what the next reset starts" % rig.version)
    if [place for place in rig.state.flash.fading if _is_in_running(place[0] * SECTOR_BYTES)]:
        problems.append("the running slot rests on sectors whose erase was cut")
    if not scenario.is_damaged and rig.version == scenario.to:
        former = rig.version_in("ota_0" if esp32.chip.running == "ota_1" else "ota_1")
        if former in (None, scenario.to):
            problems.append("the way back is gone: the other slot holds %s" % former)
    problems.extend(_judge_bytes(rig, scenario, left, is_wiped))
    problems.extend(_judge_ending(rig, scenario, left, is_wiped))
    return problems


def _judge_bytes(rig, scenario, left, is_wiped):
    name = scenario.to + ".bin"
    twice = rig.files.twice(name)
    limit = BLOCK_BYTES * len([1 for one in left if one.is_(FETCH)])
    if scenario.digest_is_wrong:
        limit += rig.files.size(name)
    if is_wiped:
        limit = rig.files.size(name) * len(left)
    limit += rig.resets * SECTOR_BYTES  # by the first fast erase, when the first sector was there
    return ["%d bytes were fetched twice, more than %d" % (twice, limit)] if twice > limit else []


def _judge_ending(rig, scenario, left, is_wiped):
    problems = []
    found = ending(rig, scenario)
    wanted = scenario.endings(left)
    if is_wiped:
        wanted += (REPORTED,) if UPGRADED in wanted else (SAFE,) if BACK in wanted else ()
    elif found == UPGRADED and ("step", 100, scenario.to) not in rig.enos.heard:
        problems.append("EnOS was never told 100")
    if found not in wanted:
        problems.append("ended %s, not %s" % (found, " or ".join(wanted)))
    return problems


def ending(rig, scenario):
    """How it ended: upgraded, reported, back on the former release, safe; or else in words."""
    heard = rig.enos.heard
    told = [word[1] for word in heard if word[0] == "step" and word[2] == scenario.to]
    informed = [word[1] for word in heard if word[0] == "inform"]
    last = informed[-1] if informed else ""
    if last == rig.version == scenario.to:
        return UPGRADED
    version, plus, _ = last.partition("+")
    if version in scenario.was and rig.version in (version, None):
        if [step for step in told if step < 0]:
            return REPORTED
        if not plus:
            return BACK
    if last in (scenario.to + "+safe", scenario.to + "+rescue"):
        return SAFE
    return "as %s, which informed %s and told %s" % (rig.version, informed, told)


def judge_next(rig, before):
    """The problems of a board that was at rest, and lives on: nothing may have happened but an inform."""
    if rig.problems:
        return ["once more: " + problem for problem in rig.problems]
    if before == memory_of(rig):
        return []
    return ["not at rest: %s became %s" % (before, memory_of(rig))]


def memory_of(rig):
    """What must not change any more."""
    steps = [word for word in rig.enos.heard if word[0] == "step"]
    end = Left(rig.state)
    return rig.version, end.selected, end.stays, rig.files.knows(), steps


def _is_in_running(address) -> bool:
    for entry in TABLE:
        if entry.label == esp32.chip.running:
            return entry.address <= address < entry.end
    return False
