"""States of upgrade tasks and what moves them; knows nothing of messages or sockets.

init -> published -> upgrading -> succeeded | failed; failed -> init by a retry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .envelope import STEP_MEANINGS, DeviceId
from .model import FAILED, INIT, OPEN, PUBLISHED, PUSH, REQUEST, SUCCEEDED, UPGRADING, Job, Task
from .store import Store
from .switches import Switches

TIMED_OUT = "timed out"
CANCELLED = "Cancelled by user"


class TaskBook:
    """All tasks; every method makes one transition or answers one question."""

    def __init__(self, store: Store, switches: Switches, now: Callable[[], float]) -> None:
        self._store = store
        self._switches = switches
        self._now = now

    # --- questions

    def job_of(self, task: Task) -> Job:
        """The job a task belongs to."""
        job = self._store.job(task.job_id)
        assert job is not None
        return job

    def targets(self, task: Task) -> tuple[str, ...]:
        """Versions that would make the task succeed; never the one it began with."""
        if task.to_version:
            return (task.to_version,)
        return tuple(v for v in self.job_of(task).versions if v != task.from_version)

    def active(self, device: DeviceId) -> Task | None:
        """The task a progress report is about: the one upgrading, else the last published."""
        tasks = self._store.tasks(device=device)
        for task in tasks:
            if task.status == UPGRADING:
                return task
        published = [task for task in tasks if task.status == PUBLISHED]
        return max(published, key=lambda task: task.pushed_at or 0, default=None)

    def busy_with(self, device: DeviceId) -> Task | None:
        """The task that keeps a device from receiving another: upgrading, or pushed to it."""
        for task in self._store.tasks(device=device):
            if task.status == UPGRADING:
                return task
            if task.status == PUBLISHED and self.job_of(task).kind == PUSH:
                return task
        return None

    def next_push(self, device: DeviceId) -> Task | None:
        """The waiting task that may be pushed to an idle device now, else None."""
        if self.busy_with(device) is not None:
            return None
        for task in self._store.tasks(device=device):
            if task.status != INIT or (task.due_at or 0) > self._now():
                continue
            if self.job_of(task).kind == PUSH and self._in_scope(task):
                return task
        return None

    def offered(self, device: DeviceId) -> list[Task]:
        """Tasks that getversion may answer with, oldest first."""
        busy = self.busy_with(device)
        push_too = self._switches["getversion_serves_push"] == "yes"
        offered = []
        for task in self._store.tasks(device=device):
            if task.status not in OPEN or (busy is not None and busy.id != task.id):
                continue
            if (self.job_of(task).kind == REQUEST or push_too) and self._in_scope(task):
                offered.append(task)
        return offered

    def _in_scope(self, task: Task) -> bool:
        job = self.job_of(task)
        device = self._store.device(task.device)
        version = device.version if device is not None else None
        # A device that is at work has left `from_versions` behind it or will.
        fits = not job.from_versions or version in job.from_versions or task.status == UPGRADING
        return job.running and fits and version is not None

    # --- transitions

    def _set(self, task: Task, status: str, **fields: Any) -> Task:
        self._store.update_task(task.id, {"status": status, "updated_at": self._now(), **fields})
        return self._store.task(task.id)

    def delay(self, device: DeviceId) -> None:
        """Let waiting tasks of a device that has just come back wait `push_delay_s` more."""
        due_at = self._now() + self._switches.number("push_delay_s")
        for task in self._store.tasks(device=device):
            if task.status == INIT and (task.due_at or 0) < due_at:
                self._set(task, INIT, due_at=due_at)

    def published(self, task: Task) -> Task:
        """The upgrade was sent or offered (again)."""
        status = UPGRADING if task.status == UPGRADING else PUBLISHED
        return self._set(task, status, pushed_at=self._now(), due_at=None)

    def progress(self, task: Task, step: int, desc: str) -> Task:
        """A step from 0 to 100 keeps it going, a negative one fails it."""
        if step < 0:
            return self.fail(task, desc or STEP_MEANINGS.get(step, f"step {step}"), step)
        started = task.upgrading_at if task.status == UPGRADING else self._now()
        return self._set(task, UPGRADING, progress=step, desc=desc, upgrading_at=started)

    def fail(self, task: Task, desc: str, progress: int = -1) -> Task:
        """End a task as failed, with a retry ahead where the job has one left."""
        job = self.job_of(task)
        due_at = None
        if task.retries < job.retry_count and job.running and desc != CANCELLED:
            due_at = self._now() + job.retry_interval_s
        return self._set(task, FAILED, desc=desc, progress=progress, due_at=due_at)

    def informed(self, device: DeviceId, version: str) -> list[Task]:
        """A device reports its version; returns the tasks this ended."""
        ended = []
        for task in self._store.tasks(device=device):
            if task.status in OPEN and version in self.targets(task):
                ended.append(self._set(task, SUCCEEDED, to_version=version, due_at=None, desc=""))
            elif self._late(task) and version in self.targets(task):
                desc = "after the time-out"
                fields = {"to_version": version, "due_at": None, "progress": 100, "desc": desc}
                ended.append(self._set(task, SUCCEEDED, **fields))
            elif self._third(task, version):
                ended.append(self.fail(task, f"device reports version {version}"))
        return ended

    def _late(self, task: Task) -> bool:
        accepted = self._switches["late_success"] == "accepted"
        return accepted and task.status == FAILED and task.desc.startswith(TIMED_OUT)

    def _third(self, task: Task, version: str) -> bool:
        begun = task.status == UPGRADING or (
            task.status == PUBLISHED and self.job_of(task).kind == PUSH
        )
        return begun and version != task.from_version and self._switches["other_version"] == "fails"

    def reset(self, task: Task, retries: int) -> Task:
        """Let a failed task begin again; `retries` are those its job's policy has spent."""
        device = self._store.device(task.device)
        version = (device.version if device is not None else None) or task.from_version
        fields = {"from_version": version, "progress": 0, "desc": ""}
        cleared = {"pushed_at": None, "upgrading_at": None, "due_at": None}
        return self._set(task, INIT, retries=retries, **fields, **cleared)

    # --- time

    def expire(self) -> list[Task]:
        """Fail what has timed out and reset what is to be retried; returns what changed."""
        changed = []
        for task in self._store.unsettled_tasks():
            at = self._event_at(task)
            if at is None or at > self._now():
                continue
            if task.status == UPGRADING:
                seconds = self.job_of(task).timeout_s
                changed.append(self.fail(task, f"{TIMED_OUT} after {seconds} s"))
            elif task.status == FAILED and self.job_of(task).running:
                changed.append(self.reset(task, task.retries + 1))
        return changed

    def to_repush(self) -> list[Task]:
        """Published tasks whose `repush_interval_s` is over."""
        interval = self._switches.number("repush_interval_s")
        return [
            task
            for task in (self._store.unsettled_tasks() if interval else [])
            if task.status == PUBLISHED and (self._event_at(task) or self._now() + 1) <= self._now()
        ]

    def next_event_at(self) -> float | None:
        """When `expire` or a push has something new to do next, None if never.

        What is overdue waits for a device, not for a time.
        """
        now = self._now()
        times = [self._event_at(task) for task in self._store.unsettled_tasks()]
        return min((time for time in times if time is not None and time > now), default=None)

    def _event_at(self, task: Task) -> float | None:
        if task.status == UPGRADING and task.upgrading_at is not None:
            return task.upgrading_at + self.job_of(task).timeout_s
        interval = self._switches.number("repush_interval_s")
        if task.status == PUBLISHED and interval and task.pushed_at is not None:
            return task.pushed_at + interval if self.job_of(task).kind == PUSH else None
        return task.due_at
