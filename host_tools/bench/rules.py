"""Rules of waiting before the next attempt, to compare the device's own with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Wait = Callable[[int], int]
"""Milliseconds before the next attempt, from the number of waits since the last session that answered."""

_DOUBLINGS = 6


@dataclass(frozen=True)
class Rule:
    """A rule of waiting; `make(source)` gives the waits of a whole fleet, drawn from one random source."""

    name: str
    make: Callable[[random.Random], Wait]
    in_step: bool = False
    """No chance in it: boards that begin together stay together."""


def spread(spread_s: int, times: int) -> Rule:
    """At random from 1 s to a bound that doubles from `spread_s` to `times` as much."""
    last = (times - 1).bit_length()
    spans_ms = [1000 * min(spread_s << waits, spread_s * times) - 1000 for waits in range(last + 1)]

    def make(source: random.Random) -> Wait:
        chance = source.random
        return lambda waits: 1000 + int(chance() * spans_ms[waits if waits < last else last])

    return Rule(f"{spread_s} s, at most {times} times", make)


def half_random() -> Rule:
    """2 s, doubling to 128 s, of which half is certain and half random: what is common, and was ours."""
    halves_ms = [1000 << waits for waits in range(_DOUBLINGS + 1)]

    def make(source: random.Random) -> Wait:
        chance = source.random
        return lambda waits: int(
            (1 + chance()) * halves_ms[waits if waits < _DOUBLINGS else _DOUBLINGS]
        )

    return Rule("half random", make)


def no_jitter() -> Rule:
    """2 s, doubling to 128 s, the same for every board."""
    return Rule(
        "no jitter",
        lambda _source: lambda waits: 2000 << min(waits, _DOUBLINGS),
        in_step=True,
    )


def mean_s(rule: Rule, waits: int, draws: int = 20_000) -> float:
    """How long one board waits on average, after so many waits."""
    wait = rule.make(random.Random(1))
    return sum(wait(waits) for _ in range(draws)) / draws / 1000
