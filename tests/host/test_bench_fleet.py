"""The simulated fleet: by hand where it is small, by its invariants where it is not."""

from __future__ import annotations

import random

import pytest

from host_tools.bench import device, rules
from host_tools.bench.fleet import Outcome, Scenario, Service, simulate
from host_tools.bench.rules import Rule, Wait
from host_tools.bench.stampede import LONG, MAINS, RESTART, SCENARIOS

BOARDS = 5000
SERVICE = Service(capacity_per_s=25)
COSTLY = Service(capacity_per_s=25, refusal_cost=0.5)
IDEAL_S = BOARDS / SERVICE.capacity_per_s
RULES = [device.reconnect(), rules.half_random(), rules.no_jitter(), rules.spread(64, 4)]

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def always(wait_ms: int) -> Rule:
    def make(_source: random.Random) -> Wait:
        return lambda _waits: wait_ms

    return Rule("always the same", make)


def last_x_ideal(outcome: Outcome) -> float:
    last_s = outcome.online_s(100)
    assert last_s is not None
    return last_s / IDEAL_S


def test_refused_boards_come_back_after_their_wait_by_hand() -> None:
    outcome = simulate(Scenario("three", down_s=3), always(2000), Service(1), 3)
    # Attempts at 2 s meet nobody; those at 4 s are second 1 of the service, then every other second.
    assert dict(outcome.accepted) == {1: 1, 3: 1, 5: 1}
    assert dict(outcome.asked) == {1: 3, 3: 2, 5: 1}
    assert dict(outcome.attempts) == {1: 1, 2: 1, 3: 1}
    assert (outcome.peak_per_s, outcome.mean_attempts, outcome.max_attempts) == (3, 2.0, 3)
    assert [outcome.online_s(percent) for percent in (30, 50, 100)] == [2, 4, 6]


def test_boards_of_one_second_are_served_in_the_order_they_come() -> None:
    def make(_source: random.Random) -> Wait:
        first_ms = iter((2900, 2100))
        return lambda waits: 1500 if waits else next(first_ms)

    outcome = simulate(Scenario("two"), Rule("first waits differ", make), Service(1), 2)
    assert dict(outcome.accepted) == {2: 1, 4: 1}


def test_refusal_that_costs_is_missing_in_the_seconds_to_come() -> None:
    scenario, service = Scenario("two"), Service(1, refusal_cost=1.0)
    assert dict(simulate(scenario, always(2000), service, 2).accepted) == {2: 1, 4: 1}
    # Each attempt of the second board, once a second, takes all there is.
    outcome = simulate(scenario, always(1000), service, 2, end_s=100)
    assert (outcome.online, outcome.waiting) == (1, 1)


def test_board_that_has_spent_its_tries_gives_up() -> None:
    for down_s, online in ((4, 5), (8, 0)):
        outcome = simulate(Scenario("", down_s=down_s, tries=3), always(2000), Service(9), 5)
        assert (outcome.online, outcome.gave_up) == (online, 5 - online)
    outcome = simulate(Scenario("", tries=3), always(2000), Service(1), 5)
    assert (outcome.online, outcome.gave_up) == (3, 2)


def test_boards_in_step_are_the_same_as_boards_one_by_one() -> None:
    grouped = rules.no_jitter()
    single = Rule(grouped.name, grouped.make)
    for scenario in (RESTART, MAINS):
        assert simulate(scenario, grouped, Service(9), 300) == simulate(
            scenario, single, Service(9), 300
        )


@every_rule
@every_scenario
def test_every_board_ends_online_and_the_capacity_is_never_exceeded(
    scenario: Scenario, rule: Rule
) -> None:
    outcome = simulate(scenario, rule, SERVICE, BOARDS)
    assert (outcome.online, outcome.gave_up, outcome.waiting) == (BOARDS, 0, 0)
    assert outcome.attempts.total() == BOARDS
    assert max(outcome.accepted.values()) <= SERVICE.capacity_per_s
    assert last_x_ideal(outcome) >= 1
    told = sum(number * boards for number, boards in outcome.attempts.items())
    assert told == outcome.asked.total()


@every_rule
@every_scenario
def test_no_board_is_lost_where_refusing_costs_and_time_ends(
    scenario: Scenario, rule: Rule
) -> None:
    outcome = simulate(scenario, rule, COSTLY, BOARDS, end_s=400)
    assert outcome.online + outcome.waiting == BOARDS
    assert max(outcome.accepted.values()) <= COSTLY.capacity_per_s


@every_rule
def test_same_seed_gives_the_same_outcome(rule: Rule) -> None:
    first, again, other = (simulate(MAINS, rule, SERVICE, BOARDS, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_boards_without_jitter_stampede() -> None:
    outcome = simulate(RESTART, rules.no_jitter(), SERVICE, BOARDS)
    assert outcome.peak_per_s == BOARDS
    assert last_x_ideal(outcome) > 50


@every_scenario
def test_boards_with_the_devices_rule_do_not_stampede(scenario: Scenario) -> None:
    outcome = simulate(scenario, device.reconnect(), SERVICE, BOARDS)
    assert outcome.peak_per_s < BOARDS / 10
    assert outcome.mean_attempts < 4
    assert last_x_ideal(outcome) < 4


def test_broker_to_which_refusing_is_work_recovers_with_the_devices_rule_only() -> None:
    ours = simulate(RESTART, device.reconnect(), COSTLY, BOARDS, end_s=1800)
    common = simulate(RESTART, rules.half_random(), COSTLY, BOARDS, end_s=1800)
    assert ours.waiting == 0
    assert common.waiting > BOARDS * 0.9


def test_single_board_is_back_after_its_first_wait() -> None:
    for rule in (device.reconnect(), rules.half_random()):
        alone = simulate(Scenario("its session is lost"), rule, Service(BOARDS), BOARDS)
        assert alone.max_attempts == 1
        assert alone.mean_online_s == pytest.approx(rules.mean_s(rule, waits=0), abs=1)


def test_longer_bound_is_later_after_an_outage() -> None:
    late_s = [
        simulate(LONG, rules.spread(32, times), Service(BOARDS), BOARDS).mean_online_s
        for times in (4, 8, 16)
    ]
    assert late_s == sorted(late_s)
