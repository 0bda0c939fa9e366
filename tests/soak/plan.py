"""What is to happen in an upgrade: depends on nothing but the seed and the upgrade's number."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from .menu import ANEW, BEFORE, DOUBLE, FETCH, FORMER, KINDS, POWER
from .releases import BAD, FIRST, GOOD, SOURS

LIFE = 10
"""Upgrades of one board."""
BAD_SHARE = 0.17
BAD_WEIGHTS = (3, 3, 2, 1)
"""The last kind takes two whole trials, and SOURS two minutes."""
SOUR_SHARE = 0.012
PUSH, REQUEST, CROSSED = "pushed", "on request", "older command after a newer one"
REPEATED, LISTED, SILENT = "pushed again", "listed", "silence"
"""What EnOS does about an unfinished upgrade when the board is back."""
RATES_BYTES_PER_S = (0, 3_000_000, 1_500_000)
HOW_MANY = (0, 1, 1, 1, 2, 2, 2, 3, 3, 4)


@dataclass(frozen=True)
class Strike:
    """One trouble to come: `percent` of the file for a download, `after_ms` its phase, for `lasts_s`."""

    kind: str
    phase: str
    percent: int
    after_ms: int
    lasts_s: float

    def __str__(self) -> str:
        at = f"{self.percent} %" if self.phase == FETCH else self.phase
        return f"{self.kind} ({at} + {self.after_ms} ms, {self.lasts_s:g} s)"


@dataclass(frozen=True)
class Plan:
    """One upgrade: from version `before` to `target`; `way` and `back` are how EnOS commands it.

    `crossing` are the versions commanded just before, one after the other, whether they were obeyed or not.
    """

    seed: int
    index: int
    before: str
    target: str
    way: str
    back: str
    crossing: tuple[str, ...]
    rate_bytes_per_s: int
    strikes: tuple[Strike, ...]

    @property
    def good(self) -> bool:
        """Whether the target is a good release."""
        return self.target in GOOD

    @property
    def versions(self) -> set[str]:
        """The releases that it takes."""
        return {self.before, self.target, *self.crossing}

    @property
    def begins_anew(self) -> bool:
        """Whether a download may rightly begin again at its first byte."""
        return bool(self.crossing) or any(strike.kind in ANEW for strike in self.strikes)

    @property
    def lasting(self) -> str:
        """The version that must run in the end."""
        return self.target if self.good else self.before

    def __str__(self) -> str:
        """One line for the log."""
        troubles = "; ".join(map(str, self.strikes)) or "no trouble"
        return f"#{self.index} {self.before} -> {self.target}, {self.way}, {self.back}: {troubles}"


def life_of(seed: int, first: int, last: int) -> Iterator[Plan]:
    """The plans of one board's life, upgrades `first` to `last`."""
    before = FIRST
    for index in range(first, last + 1):
        plan = _draw(random.Random(f"soak {seed} {index}"), seed, index, before)
        yield plan
        before = plan.lasting


def _draw(rng: random.Random, seed: int, index: int, before: str) -> Plan:
    others = [version for version in GOOD if version != before]
    target, older, newer = rng.sample(others, 3)
    way = rng.choices((PUSH, REQUEST, CROSSED), (80, 14, 6))[0]
    # A board that is told nothing waits for 60 s: rarely.
    back = rng.choices((REPEATED, LISTED, SILENT), (55, 41, 4))[0]
    rate = rng.choice(RATES_BYTES_PER_S)
    strikes = tuple(_strikes(rng))
    kind = rng.random()
    if kind < BAD_SHARE:
        target = rng.choices(BAD, BAD_WEIGHTS)[0]
        # Which version would be the last one commanded is clear only among good ones.
        way = PUSH if way == CROSSED else way
        strikes = tuple(strike for strike in strikes if strike.kind != FORMER)
    elif kind < BAD_SHARE + SOUR_SHARE:
        target, way, strikes = SOURS, PUSH, ()
    crossing = (older, newer, older) if way == CROSSED else ()
    return Plan(seed, index, before, target, way, back, crossing, rate, strikes)


def _strikes(rng: random.Random) -> list[Strike]:
    names = [name for name in KINDS if name != DOUBLE]
    weights = [KINDS[name].weight for name in names]
    strikes: list[Strike] = []
    for _ in range(rng.choice(HOW_MANY)):
        name = rng.choices(names, weights)[0]
        if any(name == strike.kind and strike.phase == BEFORE for strike in strikes):
            continue
        strikes.append(_strike(rng, name))
        if KINDS[name].action == "power" and rng.random() < KINDS[DOUBLE].weight / 20:
            strikes.append(_strike(rng, DOUBLE))
    return strikes


def _strike(rng: random.Random, name: str) -> Strike:
    kind = KINDS[name]
    percent, after_ms = rng.randint(*kind.percent), rng.randint(*kind.after_ms)
    return Strike(name, kind.phase, percent, after_ms, round(rng.uniform(*kind.lasts_s), 2))


def power_strikes(strikes: tuple[Strike, ...]) -> list[int]:
    """For each strike the one before it whose power-on it waits for, -1 for none."""
    return [number - 1 if strike.phase == POWER else -1 for number, strike in enumerate(strikes)]
