"""What is seen of the board since an upgrade was commanded, as it comes."""

from __future__ import annotations

import time
from dataclasses import dataclass

from host_tools.demo.rig import Json

from .menu import BEFORE, COMMAND, CONFIRM, FETCH, POWER, TRIAL
from .plan import Strike
from .releases import MARKED, SAYS_RUNNING, SAYS_TESTED
from .stage import SLOTS, Stage

FRESH_S = 3.0
"""Releases say once a second which they are; busy machines say it later."""


@dataclass
class Boot:
    """One boot: when, from which slot, and the versions that its code said it is."""

    at: float
    slot: str
    said: list[tuple[float, str]]


class Watch:
    """Boots and phases since it was made; `look` takes in what is new."""

    def __init__(self, stage: Stage, size_bytes: int) -> None:
        self._stage, self._size_bytes = stage, size_bytes
        self._seen, self.slot = 0, ""
        self.boots: list[Boot] = []
        self.reached: dict[str, float] = {}
        self.look()
        # Of what was before, only the boot that goes on counts.
        self.boots = self.boots[-1:]
        self.slot = self.boots[-1].slot if self.boots else ""
        self._fetched_bytes = stage.fetched_bytes()
        self.commanded = time.time()
        self.reached = {COMMAND: self.commanded}

    def look(self) -> None:
        """Take in what the board did since the last look."""
        events = self._stage.events[self._seen :]
        self._seen += len(events)
        for event in events:
            if event["source"] == "console":
                self._line(event)
            elif event["event"] == "boot":
                self._boot(event)

    def _boot(self, event: Json) -> None:
        self.boots.append(Boot(event["t"], event["slot"], []))
        if self.reached and event["slot"] != self.slot:
            self.reached.setdefault(TRIAL, event["t"])

    def _line(self, event: Json) -> None:
        line = event["line"]
        if line.startswith(SAYS_RUNNING) and self.boots:
            version = str(MARKED.get(line.removeprefix(SAYS_RUNNING), line))
            self.boots[-1].said.append((event["t"], version))
        elif line.startswith(SAYS_TESTED):
            self.reached.setdefault(CONFIRM, event["t"])

    def bytes_down(self) -> int:
        """What came down over HTTP since the command."""
        return self._stage.fetched_bytes() - self._fetched_bytes

    def since(self, strike: Strike, former_end: float | None) -> float | None:
        """When a strike's phase was reached, None before; `former_end` of the strike before it."""
        if strike.phase == BEFORE:
            return 0
        if strike.phase == POWER:
            return former_end
        if strike.phase != FETCH:
            return self.reached.get(strike.phase)
        name = f"{FETCH} {strike.percent}"
        if (
            name not in self.reached
            and self.bytes_down() * 100 >= self._size_bytes * strike.percent
        ):
            self.reached[name] = time.time()
        return self.reached.get(name)

    @property
    def other_slot(self) -> str:
        """The slot that did not run at the command: the one to be written."""
        return next(name for name in SLOTS if name != self.slot)

    @property
    def running(self) -> str:
        """The version whose code speaks now, empty for none."""
        said = self.boots[-1].said if self.boots else []
        fresh = said and said[-1][0] >= time.time() - FRESH_S
        return said[-1][1] if fresh else ""
