"""One upgrade amid its troubles, from the command to the calm after it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from host_tools.cloud.client import AdminError, CloudNotRunningError

from . import act
from .judge import History
from .menu import FORMER
from .plan import LISTED, REPEATED, REQUEST, Plan
from .releases import SOURS, Release
from .stage import Stage
from .troubles import Troubles
from .twice import fetched_twice, starts
from .watch import Watch

TICK_S = 0.02
ASK_S = 0.2
GENEROUS_S = 150
"""From the end of the trouble: a minute of silence, a trial repeated, and as much again."""
HOPELESS_S = 60
"""What a command that another one overtook may stay open in EnOS."""
SOON_S = 1
"""A task as short-lived as that crosses the next one."""
SETTLED_S = 30
SOUR_S = 300
"""For three watchdog resets, each followed by a minute of the agent alone."""
TROUBLE_S = 120
"""Trouble that has not struck by then does not come."""


class Play:
    """Plays one plan on a stage; `run` returns what was seen."""

    def __init__(
        self, stage: Stage, releases: dict[str, Release], plan: Plan, say: Callable[[str], None]
    ) -> None:
        self._stage, self._releases, self._plan, self._say = stage, releases, plan, say
        self._size_bytes = releases[plan.target].path.stat().st_size
        self._watch = Watch(stage, self._size_bytes)
        self._troubles = Troubles(stage, self._watch, plan, releases[plan.target], say)
        self._seq = stage.last_seq()
        self._seen = History(plan.seed, plan.index, plan.before, plan.target, plan.lasting)
        self._seen.crossed = bool(plan.crossing)
        self._asked = 0.0

    def run(self) -> History:
        """The whole upgrade. Raises: what the host's own parts raise; never for the board's sake."""
        began, seen = time.time(), self._seen
        self._say(str(self._plan))
        self._prepare()
        job = self._command()
        self._wait(lambda: self._is_final(job) and not self._troubles.pending, TROUBLE_S)
        self._troubles.stop()
        act.calm(self._stage)
        seen.calm = time.time()
        seen.overtaken = FORMER in self._troubles.struck
        self._say("calm")
        if not self._wait(lambda: self._is_final(job), GENEROUS_S) and seen.overtaken:
            self._stage.net.cut("mqtt")  # EnOS pushes once more what the other command displaced
            self._wait(lambda: self._is_final(job), GENEROUS_S)
        task = self._stage.task(job)
        seen.status, seen.step, seen.desc = (task[key] for key in ("status", "progress", "desc"))
        self._say(f"task: {seen.status} {seen.step} {seen.desc}")
        self._listen()
        if seen.heard and self._plan.good and seen.status != "succeeded":
            self._again()
        self._wait(self._is_settled, SOUR_S if self._plan.target == SOURS else SETTLED_S)
        self._note(time.time() - began)
        return seen

    def _prepare(self) -> None:
        stage, plan = self._stage, self._plan
        stage.set_pace(plan.rate_bytes_per_s)
        stage.cloud.set_switch("repush", "unfinished" if plan.back == REPEATED else "published")
        listed = "yes" if plan.back == LISTED else "no"
        stage.cloud.set_switch("getversion_serves_push", listed)
        self._troubles.look()  # those before the command

    def _command(self) -> int:
        stage, plan = self._stage, self._plan
        for version in plan.crossing:
            stage.job(version, timeout_s=SOON_S)
        overtaken = any(strike.kind == FORMER for strike in plan.strikes)
        options: dict[str, Any] = {"timeout_s": HOPELESS_S} if overtaken else {}
        return stage.job(plan.target, on_request=plan.way == REQUEST, **options)

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self._stage.check_alive()
            self._watch.look()
            self._troubles.look()
            if self._asked <= time.monotonic() - ASK_S:
                with contextlib.suppress(CloudNotRunningError):
                    if condition():
                        return True
                self._asked = time.monotonic()
            time.sleep(TICK_S)
        return False

    def _is_final(self, job: int) -> bool:
        return bool(self._stage.task(job).get("final"))

    def _listen(self) -> None:
        """Until the board is heard after the calm; one that has nothing to say must come back."""
        seen, stage = self._seen, self._stage
        if not self._heard():
            stage.net.cut("mqtt")
            self._wait(lambda: bool(self._heard()), GENEROUS_S)
        seen.heard = self._heard()

    def _heard(self) -> float | None:
        times = [m["time"] for m in self._stage.log_of("up", self._seq)]
        return next((at for at in times if at >= self._seen.calm), None)

    def _again(self) -> None:
        """What failed amid trouble must succeed without."""
        try:
            job = self._stage.job(self._plan.target)
        except AdminError as error:  # EnOS knows that it runs already
            self._say(f"again: {error}")
            return
        self._wait(lambda: self._is_final(job), GENEROUS_S)
        task = self._stage.task(job)
        succeeded = task["status"] == "succeeded"
        self._seen.again = task["status"]
        if not succeeded:
            self._seen.again += f" {task['progress']} {task['desc']}"
        self._say(f"again: {self._seen.again}")

    def _is_settled(self) -> bool:
        running = self._watch.running
        return running == self._plan.lasting == self._stage.version()

    def _note(self, seconds: float) -> None:
        seen, stage, watch = self._seen, self._stage, self._watch
        for message in stage.log_of("up", self._seq):
            at, params = message["time"], json.loads(message["payload"]).get("params") or {}
            if message["tail"] == "inform":
                seen.informs.append((at, params["version"]))
            elif message["tail"] == "progress" and int(params["step"]) < 0:
                seen.steps.append((at, int(params["step"]), params["desc"]))
        seen.boots = [(boot.at, boot.slot, boot.said) for boot in watch.boots]
        seen.running, seen.informed = watch.running, str(stage.version())
        release = self._releases.get(seen.running)
        seen.intact = bool(
            release
            and stage.held_bytes(watch.boots[-1].slot, release) == release.path.stat().st_size
        )
        seen.active = stage.active()
        seen.struck = self._troubles.struck
        if not self._plan.begins_anew:
            self._note_costs()
        seen.seconds = seconds

    def _note_costs(self) -> None:
        stage, watch = self._stage, self._watch
        sizes = {name: one.path.stat().st_size for name, one in self._releases.items()}
        begun = starts(stage.cloud_events, sizes)
        fetches = [(at, start) for at, start in begun if at > watch.commanded]
        boots = [(boot.at, boot.slot) for boot in watch.boots]
        costs = fetched_twice(self._troubles.cuts, boots, fetches, watch.slot)
        self._seen.twice_bytes = costs
        self._say(f"fetched twice after power cuts: {costs} bytes")
