"""Plans depend on nothing but seed and number, and lead from one upgrade to the next."""

from __future__ import annotations

import itertools

from .act import ACTIONS
from .crew import lives
from .menu import ANEW, BEFORE, FORMER, KINDS
from .plan import CROSSED, life_of
from .releases import BAD, FIRST, GOOD, SOURS

SEEDS = range(20)


def all_plans():
    return [plan for seed in SEEDS for plan in life_of(seed, 0, 99)]


def test_plan_same_seed_and_number_is_the_same_plan():
    assert list(life_of(7, 20, 29)) == list(life_of(7, 20, 29))
    assert list(life_of(7, 20, 24)) == list(life_of(7, 20, 29))[:5]
    assert list(life_of(7, 20, 29)) != list(life_of(8, 20, 29))


def test_plan_each_upgrade_begins_with_what_the_one_before_leaves():
    for seed in SEEDS:
        plans = list(life_of(seed, 30, 39))
        assert plans[0].before == FIRST
        for former, plan in itertools.pairwise(plans):
            assert plan.before == former.lasting
            assert plan.target != plan.before


def test_plan_every_kind_of_trouble_and_release_is_drawn():
    plans = all_plans()
    assert {strike.kind for plan in plans for strike in plan.strikes} == set(KINDS)
    assert {plan.target for plan in plans} == {*GOOD, *BAD, SOURS}


def test_plan_bad_release_is_never_crossed_by_another_command():
    for plan in all_plans():
        if not plan.good:
            assert plan.way != CROSSED
            assert FORMER not in [strike.kind for strike in plan.strikes]


def test_plan_faults_and_switches_strike_before_the_command():
    for kind in KINDS.values():
        assert kind.action in ACTIONS
        assert set(ANEW) < set(KINDS)
        assert (kind.phase == BEFORE) == (kind.action in ("faults", "switch"))


def test_crew_lives_cover_every_upgrade_once():
    assert lives(25, 10) == [(0, 9), (10, 19), (20, 24)]
