"""One board, its bad network and its stand-in, which can be restarted and repeats old commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from host_tools.cloud.client import AdminError, CloudNotRunningError
from host_tools.cloud.envelope import DeviceId
from host_tools.cloud.home import HomeError
from host_tools.cloud.ports import Ports
from host_tools.cloud.server import CloudThread
from host_tools.cloud.standin import Cloud, OnEvent
from host_tools.demo.rig import DEVICE, Json, Rig
from host_tools.simboard.board_files import FLASH_BYTES
from host_tools.simboard.chip import otadata, partitions
from host_tools.simboard.chip.nor import Nor

from .releases import Release

SETTINGS: Json = {
    "trial_app_s": 1,
    "trial_s": 12,
    "watchdog_s": 6,
    "keepalive_s": 8,
    "check_s": 2,
    "spread_s": 2,
    # Up and down again, as far as the owner signed it: what may not follow is tested elsewhere.
    "downgrade": True,
}
SLOTS = {"ota_0": 0x10000, "ota_1": 0x1E0000}
SECTOR_BYTES = 4096
UNPROVEN = b"\xff"
"""In place of an image's first byte until all of it is proven."""
STATES = {
    otadata.NEW: "NEW",
    otadata.PENDING_VERIFY: "PENDING_VERIFY",
    otadata.VALID: "VALID",
    otadata.UNDEFINED: "UNDEFINED",
}
"""Of an entry that can be the active one."""
VM_ENDED = "the VM ended"
"""As the simulator says of a process that ended by itself."""
MESSAGES = 10_000
"""More than a board sends in its life."""


class SimulatorDiedError(Exception):
    """What plays the board ended, and nobody had cut its power."""


class SoakCloud(CloudThread):
    """The stand-in, with a way to send what its service would not."""

    tell: OnEvent = staticmethod(lambda at, who, what: None)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        def on_event(at: float, who: str, what: str) -> None:
            self.events.append((at, who, what))
            self.tell(at, who, what)

        self.cloud = Cloud(self.home, ports=self._ports, on_event=on_event)
        try:
            await self.cloud.start()
            self.endpoints = self.cloud.endpoints
            yield
        finally:
            await self.cloud.stop()

    def send(self, device: DeviceId, topic: str, payload: str) -> None:
        """Send a message to a device once more, as a network that delivers late would."""

        async def sending() -> None:
            service = self.cloud.service
            service._downlink(device, topic, payload.encode(), only_if_subscribed=False)

        asyncio.run_coroutine_threadsafe(sending(), self._loop).result(10)


class Stage(Rig):
    """A rig for one board's whole life; `restart` keeps its addresses."""

    def __init__(
        self, folder: Path, on_event: Callable[[Json], None], on_cloud_event: OnEvent
    ) -> None:
        super().__init__(folder, on_event=on_event, badnet=True)
        self._home, self._on_cloud_event = folder / "cloud", on_cloud_event
        self._cloud: SoakCloud = SoakCloud(self._home)
        self._cloud.tell = on_cloud_event
        self._first_ports: Ports
        self._pace_bytes_per_s = 0.0
        self._is_cut = False
        self._checked = 0

    def __enter__(self) -> Stage:
        super().__enter__()
        ends = self.endpoints
        names = {"mqtt": "mqtt", "mqtts": "mqtts", "https": "http_broker", "admin": "admin"}
        ports = {name: int(ends[key].rpartition(":")[2]) for name, key in names.items()}
        self._first_ports = Ports(**ports, ntp=ends["ntp"]["port"])
        return self

    def restart(self, down_s: float) -> None:
        """Stop the stand-in, and start it again where it was: same home, same ports."""
        events = self._cloud.events
        self._cloud.__exit__(None, None, None)
        time.sleep(down_s)
        end = time.monotonic() + 30
        while True:
            cloud = SoakCloud(self._home)
            cloud._ports = self._first_ports
            cloud.events, cloud.tell = events, self._on_cloud_event
            try:
                cloud.__enter__()
                break
            except HomeError:  # somebody else borrowed a port
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        self._cloud = cloud

    def cut_power(self) -> None:
        """Cut the board's power. Raises: SimulatorDiedError."""
        self.check_alive()
        self._is_cut = True
        self.board.power_off()

    def give_power(self) -> None:
        """Give it back, where it was cut. Raises: SimulatorDiedError."""
        self.check_alive()
        if self._is_cut:
            self.board.power_on()
            self._is_cut = False

    def check_alive(self) -> None:
        """Raises: SimulatorDiedError when the board is off and should be on, or its process ended by itself."""
        if not self._is_cut and self.board.wait(0):
            raise SimulatorDiedError("the board is off, and nobody cut its power")
        if any(event.get("detail") == VM_ENDED for event in self.events[self._checked :]):
            raise SimulatorDiedError("the process that plays the board ended by itself")
        self._checked = len(self.events)

    def active(self) -> tuple[str, str]:
        """(slot, state) of the bootloader's active entry; empty where there is none."""
        with self.board.files.open_flash() as file:
            nor = Nor(file, FLASH_BYTES)
            table = partitions.load(nor)
            place = partitions.first(table, partitions.TYPE_DATA, partitions.SUBTYPE_OTADATA)
            assert place is not None
            entries = otadata.read(nor, place.address)
        index = otadata.active(entries)
        if index < 0:
            return "", ""
        slots = partitions.ota_slots(table)
        slot = slots[otadata.slot_of(entries[index], len(slots))].label
        return slot, STATES.get(entries[index].state, str(entries[index].state))

    def set_pace(self, bytes_per_s: float) -> None:
        """Limit downloads; 0 = no limit."""
        self._pace_bytes_per_s = bytes_per_s
        self.net.rate("http", bytes_per_s)

    def restore(self, name: str) -> None:
        """A good network again, at its pace."""
        self.net.restore(name)
        if name == "http":
            self.net.rate(name, self._pace_bytes_per_s)

    def send_again(self, message: Json) -> None:
        """Deliver a message of the log once more."""
        device = DeviceId(message["product"], message["device"])
        self._cloud.send(device, message["topic"], message["payload"])

    def log_of(self, direction: str, since: int = 0) -> list[Json]:
        """Messages "up" or "down" after number `since`, with the `tail` of their topic; payloads are texts."""
        found = self.cloud.messages(since, limit=MESSAGES)
        tails = {m["seq"]: m["topic"].rpartition("/")[2] for m in found}
        return [{**m, "tail": tails[m["seq"]]} for m in found if m["direction"] == direction]

    def last_seq(self) -> int:
        """The number of the newest message."""
        return max((m["seq"] for m in self.cloud.messages(0, limit=MESSAGES)), default=0)

    def job(self, version: str, **options: Any) -> int:
        """Command an upgrade; the job's number. Raises: AdminError when the board runs it already."""
        return int(self.cloud.create_job([version], [DEVICE], **options)["id"])

    def task(self, job_id: int) -> Json:
        """The device's task of a job; empty while the stand-in cannot tell."""
        try:
            return dict(self.cloud.job(job_id)["tasks"][0])
        except (CloudNotRunningError, AdminError):
            return {}

    def fetched_bytes(self) -> int:
        """What came down to the board over HTTP so far, TLS included."""
        return sum(one.bytes_down for one in self.net.connections("http"))

    def held_bytes(self, slot: str, release: Release) -> int:
        """How much of a release's file a slot holds from its first byte on, in whole sectors."""
        content = release.path.read_bytes()
        with self.board.files.open_flash() as flash:
            flash.seek(SLOTS[slot])
            held = flash.read(len(content))
        if held[:1] == UNPROVEN:
            held = content[:1] + held[1:]
        for start in range(0, len(content), SECTOR_BYTES):
            if held[start : start + SECTOR_BYTES] != content[start : start + SECTOR_BYTES]:
                return start
        return len(content)

    def has_rests(self, slot: str, release: Release) -> bool:
        """Whether a slot holds any sector of a release's VM in its place, whatever became of those before it."""
        content = release.path.read_bytes()
        # Not of the files behind the VM: they are the same in many releases.
        half = len(content) // 2
        with self.board.files.open_flash() as flash:
            flash.seek(SLOTS[slot])
            held = flash.read(half)
        sectors = range(0, half - SECTOR_BYTES + 1, SECTOR_BYTES)
        return any(
            held[at : at + SECTOR_BYTES] == content[at : at + SECTOR_BYTES] for at in sectors
        )
