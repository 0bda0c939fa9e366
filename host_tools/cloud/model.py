"""What the stand-in remembers: devices, firmware, jobs, tasks."""

from __future__ import annotations

from dataclasses import dataclass

from .envelope import DeviceId

INIT = "init"
PUBLISHED = "published"
UPGRADING = "upgrading"
SUCCEEDED = "succeeded"
FAILED = "failed"
OPEN = (INIT, PUBLISHED, UPGRADING)

PRODUCT_DEFAULT = "pk_demo"
PUSH = "push"
REQUEST = "request"


@dataclass(frozen=True)
class Device:
    """A device and the version it last informed; None if it never did."""

    product_key: str
    device_key: str
    device_secret: str
    version: str | None
    informed_at: float | None

    @property
    def id(self) -> DeviceId:
        """Its identity."""
        return DeviceId(self.product_key, self.device_key)


@dataclass(frozen=True)
class Firmware:
    """Firmware as EnOS describes it; its bytes are a file named by their SHA-256.

    `url` is the `fileUrl`, but for shape `https`, where it is the path below the file service.
    """

    id: int
    version: str
    name: str
    size_bytes: int
    sha256: str
    sign: str
    sign_method: str
    url_shape: str
    url: str
    created_at: float


@dataclass(frozen=True)
class Job:
    """An upgrade job; `kind` is push, or request (the device asks with getversion)."""

    id: int
    kind: str
    versions: tuple[str, ...]
    from_versions: tuple[str, ...]
    timeout_s: int
    retry_count: int
    retry_interval_s: int
    running: bool
    created_at: float


@dataclass(frozen=True)
class Task:
    """One device's share of a job; times are Unix seconds.

    `to_version` is None while the device has not said which of several versions it takes.
    `due_at` is when a task that waits (`init`), or failed with retries left, is acted upon.
    """

    id: int
    job_id: int
    product_key: str
    device_key: str
    from_version: str
    to_version: str | None
    status: str
    progress: int
    desc: str
    retries: int
    pushed_at: float | None
    upgrading_at: float | None
    due_at: float | None
    updated_at: float

    @property
    def device(self) -> DeviceId:
        """The device it is for."""
        return DeviceId(self.product_key, self.device_key)
