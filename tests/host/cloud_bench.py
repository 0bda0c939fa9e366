"""The OTA service without a broker: a clock set by hand and a transport that only notes."""

from __future__ import annotations

import json
from pathlib import Path

from host_tools.cloud.envelope import DeviceId, prefix
from host_tools.cloud.firmware import FirmwareShelf
from host_tools.cloud.jobs import JobDesk
from host_tools.cloud.model import Device, Job, Task
from host_tools.cloud.ota import OtaService
from host_tools.cloud.store import Store
from host_tools.cloud.switches import Switches

DEVICE = DeviceId("pk", "dk")


class Bench:
    def __init__(self, folder: Path, **positions: str | int) -> None:
        self.time = 1_000_000.0
        self.sent: list[tuple[str, dict]] = []
        self.subscribed: set[str] = set()
        self.told: list[str] = []
        self.store = Store(folder / "bench.sqlite")
        self.switches = Switches(positions)
        self.shelf = FirmwareShelf(self.store, folder / "firmware", self.now)
        self.service = OtaService(
            store=self.store,
            switches=self.switches,
            shelf=self.shelf,
            transport=self,
            now=self.now,
            tell=lambda device, what: self.told.append(what),
        )
        self.desk = JobDesk(self.store, self.shelf, self.service, self.now)
        self.add(DEVICE)
        for version in ("1.1.0", "1.2.0", "1.3.0"):
            if self.shelf.of(version) is None:
                self.shelf.add(version.encode() * 9, "f.bin", version, "sha256", "enos-connect")

    def add(self, device: DeviceId) -> None:
        if self.store.device(device) is None:
            self.store.add_device(Device(*device, "secret", None, None))

    def now(self) -> float:
        return self.time

    def send(
        self, device: DeviceId, topic: str, payload: bytes, *, only_if_subscribed: bool
    ) -> bool:
        tail = topic.removeprefix(prefix(device))
        if not self.service.is_online(device) or (
            only_if_subscribed and tail not in self.subscribed
        ):
            return False
        self.sent.append((tail, json.loads(payload)))
        return True

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.service.tick()

    def up(self, tail: str, params: dict | None = None, device: DeviceId = DEVICE, **more) -> None:
        message = {"id": "1", "method": f"ota.device.{tail}", "params": params or {}} | more
        self.raw(tail, json.dumps(message).encode(), device)

    def raw(self, tail: str, payload: bytes, device: DeviceId = DEVICE) -> None:
        self.service.uplink(device, prefix(device) + tail, payload)

    def connect(self, device: DeviceId = DEVICE, *, clean_session: bool = True) -> None:
        self.service.connected(device, clean_session=clean_session)

    def disconnect(self, device: DeviceId = DEVICE) -> None:
        self.service.disconnected(device)

    def inform(self, version: str, device: DeviceId = DEVICE) -> None:
        self.up("inform", {"version": version}, device)

    def progress(self, step: object, desc: str = "", device: DeviceId = DEVICE) -> None:
        self.up("progress", {"step": step, "desc": desc}, device)

    def start(self, version: str = "1.0.0", device: DeviceId = DEVICE) -> None:
        self.connect(device)
        self.inform(version, device)

    def push(self, version: str = "1.1.0", **options) -> Job:
        return self.desk.create([version], ["dk"], **options)

    def offer(self, *versions: str, **options) -> Job:
        return self.desk.create(versions, ["dk"], on_request=True, **options)

    def task(self, job: Job) -> Task:
        return self.store.tasks(job=job.id)[0]

    def status(self, job: Job) -> str:
        return self.task(job).status

    def upgrades(self) -> list[str]:
        return [message["params"]["version"] for tail, message in self.sent if tail == "upgrade"]

    def reply(self, tail: str) -> dict:
        return [message for found, message in self.sent if found == tail + "_reply"][-1]

    def codes(self, tail: str) -> list[int]:
        return [message["code"] for found, message in self.sent if found == tail + "_reply"]
