"""Upgrade jobs as the operator sees them: create, look at, cancel, retry, stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import model
from .envelope import STEP_MEANINGS, DeviceId
from .firmware import FirmwareShelf
from .model import Device, Job, Task
from .ota import OtaService
from .store import Store
from .tasks import CANCELLED

# EnOS itself takes 300 to 172800; less is of use on a laptop.
TIMEOUT_RANGE_S = (1, 172_800)
TIMEOUT_DEFAULT_S = 7200

NOT_FOUND = 24404
NOT_RUNNING = 24617
NOT_CANCELLABLE = 24620
NOT_RETRIABLE = 24621
BAD_REQUEST = 24400


class JobError(ValueError):
    """The operator's request is refused; `code` is EnOS's where it has one."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class JobDesk:
    """The operator's side of the OTA service."""

    def __init__(
        self, store: Store, shelf: FirmwareShelf, service: OtaService, now: Callable[[], float]
    ) -> None:
        self._store, self._shelf, self._service, self._now = store, shelf, service, now

    def create(
        self,
        versions: Sequence[str],
        devices: Sequence[str] = (),
        *,
        on_request: bool = False,
        from_versions: Sequence[str] = (),
        timeout_s: int = TIMEOUT_DEFAULT_S,
        retry_count: int = 0,
        retry_interval_s: int = 60,
    ) -> Job:
        """Make a job with a task per device, and push where devices can be reached.

        `devices` are device keys or `productKey/deviceKey`; none means every device that informed
        a version. Raises: JobError.
        """
        self._check(versions, on_request, from_versions, timeout_s)
        chosen = self._scope(devices, versions, from_versions)
        job = self._store.add_job({
            "kind": model.REQUEST if on_request else model.PUSH, "versions": tuple(versions),
            "from_versions": tuple(from_versions), "timeout_s": timeout_s,
            "retry_count": retry_count, "retry_interval_s": retry_interval_s,
            "running": True, "created_at": self._now(),
        })  # fmt: skip
        for device in chosen:
            self._store.add_task({
                "job_id": job.id, "product_key": device.product_key,
                "device_key": device.device_key, "from_version": device.version,
                "to_version": versions[0] if len(versions) == 1 else None,
                "status": model.INIT, "progress": 0, "desc": "", "retries": 0,
                "updated_at": self._now(),
            })  # fmt: skip
        for device in chosen:
            self._service.pump(device.id)
        return job

    def _check(
        self,
        versions: Sequence[str],
        on_request: bool,
        from_versions: Sequence[str],
        timeout_s: int,
    ) -> None:
        if not versions or len(set(versions)) != len(versions):
            raise JobError(BAD_REQUEST, "a job needs versions, each once")
        if len(versions) > 1 and not on_request:
            raise JobError(BAD_REQUEST, "several versions need a job on request: a push has one")
        for version in versions:
            if self._shelf.of(version) is None:
                raise JobError(BAD_REQUEST, f"no firmware has version {version}")
            if version in from_versions:
                raise JobError(BAD_REQUEST, f"the target {version} is among the from-versions")
        low, high = TIMEOUT_RANGE_S
        if not low <= timeout_s <= high:
            raise JobError(BAD_REQUEST, f"the time-out is {low} to {high} seconds")

    def _scope(
        self, names: Sequence[str], versions: Sequence[str], from_versions: Sequence[str]
    ) -> list[Device]:
        chosen = [self._device(name) for name in dict.fromkeys(names)]
        for device in chosen:
            if device.version is None:
                raise JobError(
                    BAD_REQUEST,
                    f"device {device.id} never informed a version: connect it first",
                )
            if from_versions and device.version not in from_versions:
                raise JobError(
                    BAD_REQUEST,
                    f"device {device.id} runs {device.version}, which is not a from-version",
                )
            if set(versions) == {device.version}:
                raise JobError(BAD_REQUEST, f"device {device.id} runs {device.version} already")
        if not chosen:
            chosen = [
                device
                for device in self._store.devices()
                if device.version is not None
                and set(versions) != {device.version}
                and (not from_versions or device.version in from_versions)
            ]
        if not chosen:
            raise JobError(BAD_REQUEST, "no device that informed a version fits this job")
        return chosen

    def _device(self, name: str) -> Device:
        product, slash, key = name.rpartition("/")
        found = [
            device
            for device in self._store.devices()
            if device.device_key == key and (not slash or device.product_key == product)
        ]
        if not found:
            raise JobError(NOT_FOUND, f"no device {name}: see `enos-ota device list`")
        if len(found) > 1:
            raise JobError(
                BAD_REQUEST, f"several products have a device {name}: say PRODUCT/{name}"
            )
        return found[0]

    def get(self, job_id: int) -> Job:
        """A job. Raises: JobError 24404."""
        job = self._store.job(job_id)
        if job is None:
            raise JobError(NOT_FOUND, f"there is no job {job_id}")
        return job

    def _selected(self, job_id: int, device: str | None) -> list[Task]:
        tasks = self._store.tasks(job=self.get(job_id).id)
        if device is None:
            return tasks
        chosen = self._device(device).id
        tasks = [task for task in tasks if task.device == chosen]
        if not tasks:
            raise JobError(NOT_FOUND, f"job {job_id} has no task for device {device}")
        return tasks

    def cancel(self, job_id: int, device: str | None = None) -> Job:
        """Cancel the tasks that wait or were only pushed. Raises: JobError 24620 if none is."""
        tasks = [
            task
            for task in self._selected(job_id, device)
            if task.status in (model.INIT, model.PUBLISHED)
        ]
        if not tasks:
            raise JobError(NOT_CANCELLABLE, "only init or published tasks can be cancelled")
        for task in tasks:
            self._service.tasks.fail(task, CANCELLED)
        self._pump(tasks)
        return self.get(job_id)

    def retry(self, job_id: int, device: str | None = None) -> Job:
        """Begin failed tasks again. Raises: JobError 24617 (job stopped), 24621 (none failed)."""
        tasks = [t for t in self._selected(job_id, device) if t.status == model.FAILED]
        if not self.get(job_id).running:
            raise JobError(NOT_RUNNING, f"job {job_id} is stopped")
        if not tasks:
            raise JobError(NOT_RETRIABLE, "only failed tasks can be retried")
        for task in tasks:
            self._service.tasks.reset(task, retries=0)
        self._pump(tasks)
        return self.get(job_id)

    def stop(self, job_id: int) -> Job:
        """Push and offer nothing more of a job. Raises: JobError 24617 if it is stopped."""
        if not self.get(job_id).running:
            raise JobError(NOT_RUNNING, f"job {job_id} is stopped")
        self._store.set_job_running(job_id, False)
        return self.get(job_id)

    def _pump(self, tasks: Sequence[Task]) -> None:
        for device in dict.fromkeys(task.device for task in tasks):
            self._service.pump(device)

    # --- views

    def view(self, job: Job) -> dict[str, Any]:
        """A job with its tasks, as the admin API shows it; `final` = nothing will change."""
        tasks = [self._task_view(job, task) for task in self._store.tasks(job=job.id)]
        return {
            "id": job.id, "kind": job.kind, "versions": list(job.versions),
            "from_versions": list(job.from_versions), "timeout_s": job.timeout_s,
            "retry_count": job.retry_count, "retry_interval_s": job.retry_interval_s,
            "status": "running" if job.running else "stopped", "created_at": job.created_at,
            "final": all(task["final"] for task in tasks), "tasks": tasks,
        }  # fmt: skip

    def _task_view(self, job: Job, task: Task) -> dict[str, Any]:
        failed = task.status == model.FAILED
        waits = task.status == model.INIT or (failed and task.due_at is not None)
        final = failed or task.status == model.SUCCEEDED
        if waits:
            final = not job.running
        meaning = STEP_MEANINGS.get(task.progress, "") if failed else ""
        return {
            "id": task.id, "product": task.product_key, "device": task.device_key,
            "online": self._service.is_online(DeviceId(task.product_key, task.device_key)),
            "from_version": task.from_version, "to_version": task.to_version,
            "status": task.status, "progress": task.progress, "meaning": meaning,
            "desc": task.desc, "retries": task.retries, "updated_at": task.updated_at,
            "final": final,
        }  # fmt: skip
