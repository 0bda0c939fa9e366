"""The troubles of one upgrade: each strikes at its moment and ends after its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from host_tools.cloud.client import CloudNotRunningError

from . import act
from .menu import BEFORE, KINDS
from .plan import Plan, Strike, power_strikes
from .releases import Release
from .stage import Stage
from .twice import Cut
from .watch import Watch

Say = Callable[[str], None]


class Troubles:
    """The strikes of a plan: each begins when its moment has come, and ends after its time."""

    def __init__(self, stage: Stage, watch: Watch, plan: Plan, target: Release, say: Say) -> None:
        self._stage, self._watch, self._target, self._say = stage, watch, target, say
        self._waiting = dict(enumerate(plan.strikes))
        self._follows = power_strikes(plan.strikes)
        self._on: dict[int, tuple[float, act.End]] = {}
        self._ended: dict[int, float] = {}
        self.struck: list[str] = []
        self.cuts: list[Cut] = []
        self._has_rests = stage.has_rests(watch.other_slot, target)

    def look(self) -> None:
        """Begin and end what is due."""
        for number, strike in list(self._waiting.items()):
            if (self._due(number, strike) or float("inf")) <= time.time():
                del self._waiting[number]
                self._say(f"strikes: {strike}")
                self.struck.append(strike.kind)
                end = act.begin(self._stage, strike)
                self._on[number] = (time.time() + strike.lasts_s, end)
                if KINDS[strike.kind].action == "power":
                    self._note_cut()
        for number, (until, end) in list(self._on.items()):
            if until <= time.time():
                with contextlib.suppress(CloudNotRunningError):
                    end()
                del self._on[number]
                self._ended[number] = time.time()
                self._say(f"ends: strike {number}")

    def _note_cut(self) -> None:
        # A slot that held some of the file before the command does not tell what came since.
        if not self._has_rests:
            held_bytes = self._stage.held_bytes(self._watch.other_slot, self._target)
            self.cuts.append(Cut(time.time(), held_bytes))

    def stop(self) -> None:
        """Let nothing more strike."""
        self._waiting.clear()
        self._on.clear()

    def _due(self, number: int, strike: Strike) -> float | None:
        since = self._watch.since(strike, self._ended.get(self._follows[number]))
        if strike.phase == BEFORE:
            return time.time()
        return None if since is None else since + strike.after_ms / 1000

    @property
    def pending(self) -> bool:
        """Whether something is on, or certain to come."""
        coming = (self._due(number, strike) for number, strike in self._waiting.items())
        return bool(self._on) or any(due is not None for due in coming)
