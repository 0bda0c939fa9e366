"""What a large fleet does to a broker and a file server that were away: the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from host_tools.bench import device, rules
from host_tools.bench.fleet import Outcome, Scenario, Service, simulate
from host_tools.bench.rules import Rule

Row = dict[str, str | int | float | None]
"""One line of a table; None: not before the simulation ended."""

RESTART = Scenario("restart of 5 s", down_s=5)
LONG = Scenario("outage of 10 min", down_s=600)
MAINS = Scenario("mains failure", boot_s=30)
SCENARIOS = (
    RESTART,
    Scenario("outage of 1 min", down_s=60),
    LONG,
    Scenario("outage of 2 h", down_s=7200),
    MAINS,
)
CONSTANTS = ((8, 32), (32, 4), (32, 8), (32, 16), (64, 8), (256, 1))
"""First bound in seconds, and how many times as long the last one is."""
DOWNLOADING = (0.1, 1.0)
FILE_SERVER_DOWN_S = (5, 60, 300)
REFUSAL_COST = 0.5
"""Where TLS is what limits a broker: the handshake comes before a refusal as before a session."""
END_S = 1800
"""Of a simulation that may not end by itself."""


@dataclass(frozen=True)
class Fleet:
    """Who comes back to whom."""

    boards: int = 100_000
    capacity_per_s: int = 500
    """Connections accepted per second: the published default of a large IoT cloud, for one account."""
    seed: int = 1

    def meets(self, scenario: Scenario, rule: Rule) -> Outcome:
        """Refusing costs the broker nothing."""
        return simulate(scenario, rule, Service(self.capacity_per_s), self.boards, seed=self.seed)

    def burdens(self, scenario: Scenario, rule: Rule) -> Outcome:
        """Refusing costs the broker half of what accepting costs."""
        service = Service(self.capacity_per_s, REFUSAL_COST)
        return simulate(scenario, rule, service, self.boards, seed=self.seed, end_s=END_S)

    def overload(self, outcome: Outcome) -> float:
        """Most attempts in one second, in capacities."""
        return round(outcome.peak_per_s / self.capacity_per_s, 1)

    def x_ideal(self, outcome: Outcome) -> float | None:
        """Until all are online, in times of what the broker needs for as many that come in a row."""
        last_s = outcome.online_s(100)
        return last_s and round(last_s * self.capacity_per_s / self.boards, 2)


def compared() -> tuple[Rule, ...]:
    """The device's rule, what is common, and one without chance."""
    return device.reconnect(), rules.half_random(), rules.no_jitter()


def scenarios(fleet: Fleet) -> list[Row]:
    """Each scenario with each rule."""
    rows: list[Row] = []
    for scenario in SCENARIOS:
        for rule in compared():
            outcome = fleet.meets(scenario, rule)
            rows.append(
                {
                    "scenario": scenario.name,
                    "rule": rule.name,
                    "peak_per_s": outcome.peak_per_s,
                    "peak_x_capacity": fleet.overload(outcome),
                    "attempts_mean": round(outcome.mean_attempts, 2),
                    "attempts_max": outcome.max_attempts,
                    "online_50_s": outcome.online_s(50),
                    "online_99_s": outcome.online_s(99),
                    "online_100_s": outcome.online_s(100),
                    "x_ideal": fleet.x_ideal(outcome),
                }
            )
    return rows


def refusals(fleet: Fleet) -> list[Row]:
    """The two hardest scenarios where refusing costs."""
    rows: list[Row] = []
    for scenario in (RESTART, MAINS):
        for rule in compared():
            outcome = fleet.burdens(scenario, rule)
            rows.append(
                {
                    "scenario": scenario.name,
                    "rule": rule.name,
                    "attempts_mean": round(outcome.mean_attempts, 2),
                    "online_99_s": outcome.online_s(99),
                    "online_100_s": outcome.online_s(100),
                    "x_ideal": fleet.x_ideal(outcome),
                    "offline_percent": round(100 * outcome.waiting / outcome.boards, 1),
                }
            )
    return rows


def constants(fleet: Fleet) -> list[Row]:
    """The device's kind of rule with other constants: what one board pays, and what the broker gets."""
    rows: list[Row] = []
    for spread_s, times in CONSTANTS:
        rule = rules.spread(spread_s, times)
        longest_s = rules.mean_s(rule, waits=times.bit_length())
        restart = fleet.meets(RESTART, rule)
        long = fleet.meets(LONG, rule)
        alone = simulate(LONG, rule, Service(fleet.boards), fleet.boards, seed=fleet.seed)
        rows.append(
            {
                "first_bound_s": spread_s,
                "last_bound_s": spread_s * times,
                "first_wait_s": round(rules.mean_s(rule, waits=0), 1),
                "late_after_10_min_s": round(alone.mean_online_s),
                "all_waiting_x_capacity": round(fleet.boards / longest_s / fleet.capacity_per_s, 2),
                "restart_peak_x_capacity": fleet.overload(restart),
                "restart_x_ideal": fleet.x_ideal(restart),
                "outage_x_ideal": fleet.x_ideal(long),
                "costly_x_ideal": fleet.x_ideal(fleet.burdens(RESTART, rule)),
            }
        )
    return rows


def downloads(fleet: Fleet) -> list[Row]:
    """A file server restarts under a share of the fleet that downloads: how many report step -2 in the end."""
    rule, tries = device.download(), device.download_tries()
    rows: list[Row] = []
    for share in DOWNLOADING:
        part = replace(fleet, boards=int(fleet.boards * share))
        for down_s in FILE_SERVER_DOWN_S:
            outcome = part.meets(Scenario("file server", down_s=down_s, tries=tries), rule)
            rows.append(
                {
                    "share": f"{share:.0%} of the fleet download",
                    "down_s": down_s,
                    "peak_x_capacity": part.overload(outcome),
                    "gave_up_percent": round(100 * outcome.gave_up / part.boards, 1),
                }
            )
    return rows
