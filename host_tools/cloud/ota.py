"""The OTA service: answers devices, pushes upgrades; transport and clock are handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import envelope, replies
from .envelope import DeviceId, EnvelopeError
from .fault_mqtt import MessageFaults
from .faults import Faults
from .firmware import FirmwareShelf
from .model import PUBLISHED, PUSH, UPGRADING, Firmware, Task
from .store import Store
from .switches import Switches
from .tasks import TaskBook
from .transport import Presence, Transport


class OtaService:
    """Devices' messages in, replies and upgrades out."""

    def __init__(
        self,
        *,
        store: Store,
        switches: Switches,
        shelf: FirmwareShelf,
        transport: Transport,
        now: Callable[[], float],
        tell: Callable[[DeviceId, str], None],
        faults: Faults | None = None,
    ) -> None:
        self.tasks = TaskBook(store, switches, now)
        self._store, self._switches, self._shelf = store, switches, shelf
        self._transport, self._now, self._tell = transport, now, tell
        self._faults = MessageFaults(faults or Faults())
        self._online: dict[DeviceId, Presence] = {}
        self._upgrade_ids: dict[str, int] = {}
        self._last_id = store.last_message()

    # --- what happens to a connection

    def connected(self, device: DeviceId, *, clean_session: bool) -> None:
        """A device logged in (CONNACK is on its way)."""
        self._online[device] = Presence(clean_session)
        self._tell(device, "connected")
        if self._ready(device):
            self._arrived(device)

    def disconnected(self, device: DeviceId) -> None:
        """Its connection is gone."""
        if self._online.pop(device, None) is not None:
            self._tell(device, "disconnected")

    def is_online(self, device: DeviceId) -> bool:
        """Whether a device is connected."""
        return device in self._online

    def _ready(self, device: DeviceId) -> bool:
        presence = self._online.get(device)
        if presence is None:
            return False
        stored = self._switches["offline_messages"] == "stored" and not presence.clean_session
        return presence.informed or stored or self._switches["offline_trigger"] == "connect"

    def _arrived(self, device: DeviceId) -> None:
        """A device that was away can be reached again: push again, or for the first time."""
        busy = self.tasks.busy_with(device)
        if busy is not None and self.tasks.job_of(busy).kind == PUSH:
            again = {"never": (), "published": (PUBLISHED,), "unfinished": (PUBLISHED, UPGRADING)}
            overdue = busy in self.tasks.to_repush()
            if overdue or busy.status in again[str(self._switches["repush"])]:
                self._push(busy)
            return
        if self._switches.number("push_delay_s"):
            self.tasks.delay(device)
        self.pump(device)

    # --- what a device sends

    def uplink(self, device: DeviceId, topic: str, payload: bytes) -> None:
        """Serve one message; refuses foreign and unknown topics."""
        text = payload[: envelope.PAYLOAD_LIMIT_BYTES].decode("utf-8", "replace")
        self._store.log(self._now(), device, "up", topic, text)
        tail = topic.removeprefix(envelope.prefix(device))
        try:
            if len(payload) > envelope.PAYLOAD_LIMIT_BYTES:
                raise EnvelopeError(envelope.TOO_LARGE, "message is too large")
            if tail in envelope.UPLINK_TAILS:
                self._serve(device, topic, tail, payload)
            elif tail == "upgrade_reply":
                self._upgrade_reply(device, payload)
            elif tail == topic and topic.startswith(envelope.own_prefixes(device)):
                self._tell(device, f"sent {len(payload)} bytes to {topic}")
            else:
                raise EnvelopeError(envelope.NO_PERMISSION, "no permission for this topic")
        except EnvelopeError as error:
            self._tell(device, f"refused ({error.code} {error}): {topic}")
            if not topic.endswith("_reply"):
                self._reply(device, topic, error.request_id, code=error.code, text=str(error))

    def _serve(self, device: DeviceId, topic: str, tail: str, payload: bytes) -> None:
        enforced = self._switches["method_enforced"] == "yes"
        request = envelope.parse_request(payload, f"ota.device.{tail}" if enforced else None)
        handler = {"inform": self._inform, "progress": self._progress}.get(tail)
        if handler is None:
            self._getversion(device, topic, request.get("id"))
            return
        try:
            code = handler(device, request.get("params", {}))
        except ValueError as error:
            raise EnvelopeError(envelope.NOT_JSON, str(error), request.get("id")) from None
        self._reply(device, topic, request.get("id"), code=code)
        # Only now: a device finds its reply before the upgrade that may follow.
        if tail == "inform":
            self._after_inform(device)
        else:
            self.pump(device)

    def _inform(self, device: DeviceId, params: dict[str, Any]) -> int:
        version = params.get("version")
        # The Python SDK's sample sends a float.
        if isinstance(version, int | float) and not isinstance(version, bool):
            version = str(version)
        if not isinstance(version, str) or not version:
            raise ValueError("version is missing or not a string")
        self._store.informed(device, version, self._now())
        self._tell(device, f"runs {version}")
        for task in self.tasks.informed(device, version):
            what = f"task {task.id} {task.status}: {task.to_version} {task.desc}"
            self._tell(device, what.strip())
        return envelope.OK

    def _after_inform(self, device: DeviceId) -> None:
        presence = self._online.get(device)
        if presence is None:
            return
        ready_before, presence.informed = self._ready(device), True
        if ready_before:
            self.pump(device)
        else:
            self._arrived(device)

    def _progress(self, device: DeviceId, params: dict[str, Any]) -> int:
        step = envelope.step_of(params, self._switches["numeric_step_accepted"] == "yes")
        desc = str(params.get("desc", ""))
        task = self.tasks.active(device)
        if task is None:
            self._tell(device, f"progress {step} {desc} (no task is under way)")
            return self._switches.number("orphan_progress_code")
        task = self.tasks.progress(task, step, desc)
        meaning = f" ({envelope.STEP_MEANINGS.get(step, 'failed')})" if step < 0 else ""
        self._tell(device, f"task {task.id} at {step}{meaning} {desc}".strip())
        return envelope.OK

    def _getversion(self, device: DeviceId, topic: str, request_id: Any) -> None:
        current = self._store.device(device)
        offers: list[dict[str, Any]] = []
        for task in self.tasks.offered(device):
            for version in self.tasks.targets(task):
                firmware = self._shelf.of(version)
                if firmware is None or (current is not None and current.version == version):
                    continue
                offers.append(self._described(device, firmware))
                self.tasks.published(task)
        self._tell(device, f"asks for versions: {len(offers)} offered")
        self._reply(device, topic, request_id, data=offers)

    def _upgrade_reply(self, device: DeviceId, payload: bytes) -> None:
        reply = envelope.parse_request(payload, None)
        code = reply.get("code")
        if str(code) == str(envelope.OK):
            self._tell(device, "accepts the upgrade")
            return
        self._tell(device, f"answers the upgrade with code {code}")
        task_id = self._upgrade_ids.get(str(reply.get("id")))
        if self._switches["upgrade_reply_failure"] == "fails" and task_id is not None:
            task = self._store.task(task_id)
            if task.device == device and task.status in (PUBLISHED, UPGRADING):
                desc = f"device answered code {code} {reply.get('message', '')}"
                self.tasks.fail(task, envelope.text_of(desc.strip()))
                self.pump(device)

    # --- what goes down

    def pump(self, device: DeviceId) -> None:
        """Push the device's next task if it has one and can be reached."""
        if self._ready(device):
            task = self.tasks.next_push(device)
            if task is not None:
                self._push(task)

    def _push(self, task: Task) -> None:
        firmware = self._shelf.of(task.to_version or "")
        assert firmware is not None  # firmware of a job cannot be deleted
        self._last_id += 1
        number = self._last_id
        self._upgrade_ids[str(number)] = task.id
        message = replies.upgrade(self._switches, number, self._described(task.device, firmware))
        topic = envelope.prefix(task.device) + "upgrade"
        payload = envelope.encode(message)
        if self._downlink(task.device, topic, payload, only_if_subscribed=False):
            if self._faults.twice(str(task.device)):
                self._downlink(task.device, topic, payload, only_if_subscribed=False)
            self.tasks.published(task)
            self._tell(task.device, f"upgrade to {firmware.version} sent (task {task.id})")

    def _reply(
        self,
        device: DeviceId,
        topic: str,
        request_id: Any,
        *,
        code: int = envelope.OK,
        text: str = "",
        data: list[dict[str, Any]] | None = None,
    ) -> None:
        message = replies.build(self._switches, request_id, code=code, text=text, offers=data)
        only = self._switches["replies"] == "subscribed"
        tail = topic.removeprefix(envelope.prefix(device))
        payload = self._faults.replied(str(device), tail, message)
        if payload is not None:
            self._downlink(device, topic + "_reply", payload, only_if_subscribed=only)

    def _described(self, device: DeviceId, firmware: Firmware) -> dict[str, Any]:
        return self._faults.described(str(device), self._shelf.describe(firmware))

    def _downlink(
        self, device: DeviceId, topic: str, payload: bytes, *, only_if_subscribed: bool
    ) -> bool:
        sent = self._transport.send(device, topic, payload, only_if_subscribed=only_if_subscribed)
        if sent:
            self._store.log(self._now(), device, "down", topic, payload.decode())
        return sent

    # --- time

    def tick(self) -> None:
        """Do what has become due: time-outs, retries, delayed and repeated pushes."""
        for task in self.tasks.expire():
            self._tell(task.device, f"task {task.id} {task.status}: {task.desc}".rstrip(": "))
        for task in self.tasks.to_repush():
            if self._ready(task.device):
                self._push(task)
        for device in list(self._online):
            self.pump(device)
