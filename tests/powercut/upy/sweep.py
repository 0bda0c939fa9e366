"""Cuts power at each recorded operation of a scenario, and again in what follows, and judges where it ends.

A scenario is played once, with its operations on tape. What flash and NVS hold after a cut is then made from the
tape, and only what the board does afterwards is played: its recovery. That is taped too, and cut again.
"""

import binascii
import random

import memory
import mishaps
import rig as rigs
import upgrades
import verdict
from memory import AFTER, BEFORE, State, Tape

_DARK_MS = 10_000  # without power


class Cut:
    """Power fails before, after or inside operation number `at`."""

    def __init__(self, at, how) -> None:
        self.at = at
        self.how = how


def cuts_of(ops, first, end):
    """All cuts of operations `first` to `end`; what is the same for board and EnOS is one."""
    found = []
    for at in range(first, end):
        for how in (BEFORE,) + memory.torn(ops[at]):
            found.append(Cut(at, how))
        if at + 1 == len(ops) or ops[at + 1][3].tells_more(ops[at][3]):
            found.append(Cut(at, AFTER))
    return found


class Sweep:
    """One scenario on one board. is_wiped: NVS does not survive a cut.

    What the board keeps, at four moments: `start` of the scenario, moved on along its tape; `middle`, where power
    comes back after a cut, moved on along the tape of the recovery; `origin`, where it comes back after the second
    cut; and what it lives with, the rig's own.
    """

    def __init__(self, rig, name, is_wiped=False) -> None:
        base = name.split("@")[0]
        self.rig = rig
        self.name = name
        self.is_wiped = is_wiped
        self.scenario = (upgrades.ALL.get(base) or mishaps.ALL[base])()
        self.start = State(rigs.FLASH_BYTES)
        self.middle = State(rigs.FLASH_BYTES)
        self.origin = State(rigs.FLASH_BYTES)
        self.tape = Tape()
        self.recovery = Tape()
        self._spare = Tape()

    def record(self):
        """Play the scenario without a cut, which must end well, and tape it; return all its cuts."""
        rig = self.rig
        self.scenario.begin(rig)
        rig.begin()
        self.start.sync(rig.state)
        self._began = [verdict.Left(self.start)]
        rig.rested = self.scenario.rested
        rig.is_damaged = self.scenario.is_damaged
        rig.tape = self.tape
        rigs.seed(0)
        rig.live()
        problems = verdict.judge(rig, self.scenario, self._began, self.is_wiped)
        if problems:
            raise ValueError("%s does not even work without a cut: %s" % (self.name, problems))
        ops = self.tape.ops
        rig.tape = self.recovery
        return cuts_of(ops, *self.scenario.span(ops))

    def singles(self, cuts):
        """Play the recovery after each of the `cuts`, which are in order; yield (id, problems)."""
        for cut in _walk(self.start, self.middle, self.tape, cuts, self.is_wiped):
            self.origin.sync(self.middle)
            name = "%s:k%d:%s" % (self.name, cut.at, cut.how)
            self._left = self._began + [verdict.Left(self.middle)]
            problems = self._recover(name, self.tape.ops[cut.at], self._left)
            yield name, problems or self._live_on()

    def seconds(self, name, cuts):
        """After a recovery that was played last: cut it, too; yield (id, problems)."""
        first = self.recovery
        self.rig.tape = self._spare
        for cut in _walk(self.middle, self.origin, first, cuts, self.is_wiped):
            pair = "%s+r%d:%s" % (name, cut.at, cut.how)
            left = self._left + [verdict.Left(self.origin)]
            problems = self._recover(pair, first.ops[cut.at], left)
            yield pair, problems or self._live_on()
        self.rig.tape = first

    def storm(self, choose):
        """Cut, then cut each recovery; `choose(operations, number)` says where, or None. Yield (id, problems)."""
        tape = self.tape
        self.middle.sync(self.start)
        name, self._left, number = self.name, self._began, 0
        while cut := choose(tape.ops, number):
            for op in tape.ops[: cut.at]:
                self.middle.apply(op, tape)
            op = tape.ops[cut.at]
            self.middle.tear(op, cut.how, tape)
            self.origin.sync(self.middle)
            name += "%s%d:%s" % ("+r" if number else ":k", cut.at, cut.how)
            self._left = self._left + [verdict.Left(self.middle)]
            problems = self._recover(name, op, self._left) or self._live_on()
            yield name, problems
            if problems:
                return
            tape = self.recovery
            number += 1

    def _recover(self, name, op, left):
        rig = self.rig
        rig.state.sync(self.origin)
        rig.enos.remember(op[3].enos)
        rig.files.remember(op[3].files)
        rig.enos.mode = self.scenario.mode
        rig.clock.now_ms = op[3].now_ms + _DARK_MS
        rig.boots = 0
        rig.resets = op[3].resets
        rig.tape.clear()
        rigs.seed(binascii.crc32(name.encode()))
        rig.live()
        return verdict.judge(rig, self.scenario, left, self.is_wiped)

    def _live_on(self):
        # Whoever is at rest stays there; what happens now is no part of the recovery.
        rig = self.rig
        before = verdict.memory_of(rig)
        rig.tape, tape = self._spare, rig.tape
        rig.live()
        self._spare.clear()
        rig.tape = tape
        return verdict.judge_next(rig, before)


def _walk(state, after, tape, cuts, is_wiped):
    # `after` is what `state` becomes by each cut, while it goes along the tape.
    at = 0
    for cut in cuts:
        while at < cut.at:
            state.apply(tape.ops[at], tape)
            at += 1
        after.sync(state)
        after.tear(tape.ops[at], cut.how, tape)
        if is_wiped:
            after.nvs.clear()
        yield cut


def sample(cuts, count):
    """Some of the cuts, in order; the dice are `seed`ed by the caller."""
    chosen = list(range(len(cuts)))
    while len(chosen) > count:
        chosen.pop(random.getrandbits(30) % len(chosen))
    return [cuts[number] for number in chosen]
