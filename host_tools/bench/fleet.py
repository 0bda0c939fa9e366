"""A fleet of boards that comes back to a service, in modelled time.

The service accepts so many connections in each second and refuses the others at once. An attempt takes no
time, and all sessions are lost in the same instant: both are worse than life.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from host_tools.bench.rules import Rule, Wait


@dataclass(frozen=True)
class Scenario:
    """What happens to a fleet at second 0."""

    name: str
    down_s: int = 0
    """The service is away for so long, and every session is lost as it goes."""
    boot_s: int = 0
    """Instead, all boards boot within this time, and connect at once."""
    tries: int = 0
    """Attempts in a row after which a board gives up; 0: never."""


@dataclass(frozen=True)
class Service:
    """What the boards connect to."""

    capacity_per_s: int = 500
    """Connections accepted per second: the published default of a large IoT cloud, for one account."""
    refusal_cost: float = 0.0
    """What a refusal takes of the capacity; an accepted connection takes 1."""


@dataclass
class Outcome:
    """What the service saw from the moment it was there (second 0), until every board was settled."""

    boards: int
    ideal_s: float
    """How long it takes if boards come exactly as fast as they are accepted."""
    asked: Counter[int] = field(default_factory=Counter)
    """Attempts in each second."""
    accepted: Counter[int] = field(default_factory=Counter)
    """Boards that were online again, in each second."""
    attempts: Counter[int] = field(default_factory=Counter)
    """How many boards had made so many attempts when they were settled."""
    gave_up: int = 0
    waiting: int = 0
    """Boards that were neither online nor had given up when the simulation ended."""

    @property
    def online(self) -> int:
        """Boards that have a session again."""
        return self.accepted.total()

    @property
    def peak_per_s(self) -> int:
        """Most attempts in one second."""
        return max(self.asked.values(), default=0)

    @property
    def mean_attempts(self) -> float:
        """Attempts per board."""
        return self.asked.total() / self.boards

    @property
    def max_attempts(self) -> int:
        """Attempts of the board that needed most."""
        return max(self.attempts, default=0)

    @property
    def mean_online_s(self) -> float:
        """Seconds until a board was online again, on average over those that are."""
        return sum((second + 0.5) * n for second, n in self.accepted.items()) / self.online

    def online_s(self, percent: float) -> int | None:
        """Seconds until so much of the fleet was online again; None: never."""
        missing = self.boards * percent / 100
        for second in sorted(self.accepted):
            missing -= self.accepted[second]
            if missing <= 0:
                return second + 1
        return None


_Due = tuple[int, int, int, int]
"""(when, waits since the last session, attempts since the service is there, boards that act as one)."""


def simulate(
    scenario: Scenario,
    rule: Rule,
    service: Service,
    boards: int,
    *,
    seed: int = 1,
    end_s: int = 24 * 3600,
) -> Outcome:
    """Play a scenario until every board is online or has given up, or to `end_s` of modelled time."""
    source = random.Random(seed)
    wait = rule.make(source)
    outcome = Outcome(boards, boards / service.capacity_per_s)
    due: list[_Due] = []
    if scenario.boot_s:
        span_ms = scenario.boot_s * 1000
        due = [(int(source.random() * span_ms), 0, 0, 1) for _ in range(boards)]
    else:
        together = boards if rule.in_step else 1
        for _ in range(boards // together):
            first = _first_after(scenario, wait)
            if first is None:
                outcome.gave_up += together
            else:
                due.append((*first, 0, together))
    _Play(service, scenario.tries, wait, outcome).run(due, end_s)
    return outcome


def _first_after(scenario: Scenario, wait: Wait) -> tuple[int, int] | None:
    # (when, waits) of the first attempt that meets the service; until then boards do not meet each other.
    up_ms = scenario.down_s * 1000
    due_ms, waits = wait(0), 1
    while due_ms < up_ms:
        if waits == scenario.tries:
            return None
        due_ms += wait(waits)
        waits += 1
    return due_ms - up_ms, waits


class _Play:
    def __init__(self, service: Service, tries: int, wait: Wait, outcome: Outcome) -> None:
        self._service = service
        self._tries = tries
        self._wait = wait
        self._outcome = outcome
        self._seconds: list[int] = []  # a heap of those in which somebody is due
        self._due: dict[int, list[_Due]] = defaultdict(list)
        self._room = float(service.capacity_per_s)

    def run(self, due: list[_Due], end_s: int) -> None:
        self._add(due)
        capacity = self._service.capacity_per_s
        before = 0
        while self._seconds:
            second = heapq.heappop(self._seconds)
            due = self._due.pop(second)
            if second >= end_s:
                self._outcome.waiting += sum(count for *_, count in due)
                continue
            # What refusing took is missing in the seconds to come; what is left of a second is lost.
            self._room = min(capacity, self._room + capacity * (second - before))
            before = second
            self._add(self._serve(second, sorted(due)))

    def _serve(self, second: int, due: list[_Due]) -> list[_Due]:
        # First come, first served; the next attempts of the others.
        outcome, wait = self._outcome, self._wait
        room = unused = max(0, int(self._room))
        again = []
        total = 0
        for now_ms, waits, attempts, count in due:
            total += count
            accepted = min(unused, count)
            refused = count - accepted
            if accepted:
                unused -= accepted
                outcome.attempts[attempts + 1] += accepted
            if not refused:
                continue
            if waits == self._tries != 0:
                outcome.gave_up += refused
                outcome.attempts[attempts + 1] += refused
            else:
                again.append((now_ms + wait(waits), waits + 1, attempts + 1, refused))
        served = room - unused
        outcome.asked[second] += total
        outcome.accepted[second] += served
        self._room -= served + self._service.refusal_cost * (total - served)
        return again

    def _add(self, due: list[_Due]) -> None:
        for item in due:
            second = item[0] // 1000
            if second not in self._due:
                heapq.heappush(self._seconds, second)
            self._due[second].append(item)
