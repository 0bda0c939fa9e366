"""One TCP or TLS connection of a device: deadlines, and what amqtt reads and writes through."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable

from amqtt.adapters import (  # type: ignore[import-untyped]
    StreamReaderAdapter,
    StreamWriterAdapter,
)

from .envelope import DeviceId, matches
from .fault_mqtt import PacketGate
from .faults import Faults

CONNECT_TIMEOUT_S = 10.0
# [MQTT-3.1.2-24]: a client silent for one and a half times its keepalive is gone.
KEEPALIVE_FACTOR = 1.5
CONNACK_NOT_AUTHORISED = b"\x20\x02\x00\x05"

_numbers = itertools.count(1)


class Connection:
    """A connection from accept to close; `device` is None until its login is believed."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults
    ) -> None:
        # amqtt finds sessions by client id, before it authenticates: ours cannot be guessed.
        self.key = f"{next(_numbers)}-{secrets.token_hex(8)}"
        self.device: DeviceId | None = None
        self.clean_session = True
        self.filters: dict[str, int] = {}
        self.reader = DeviceReader(reader, self)
        self._gate = PacketGate(writer, faults, lambda: str(self.device or "mqtt"))
        self.writer = DeviceWriter(writer, self._gate)
        self._transport = writer.transport
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._silence_s = CONNECT_TIMEOUT_S
        self._timer: asyncio.TimerHandle | None = None
        self._watch()

    def believe(self, device: DeviceId, *, clean_session: bool, keepalive_s: int) -> None:
        """The login was good; from now on the keepalive is the deadline (0 = none)."""
        self.device, self.clean_session = device, clean_session
        self._silence_s = keepalive_s * KEEPALIVE_FACTOR
        self._watch()

    @property
    def mute(self) -> bool:
        """Whether a fault made it fall silent: what is sent and received is lost."""
        return self._gate.mute

    def heard(self) -> None:
        """Bytes came in."""
        self._heard_at = self._loop.time()

    def abort(self) -> None:
        """Drop the connection now."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    def granted_qos(self, topic: str) -> int | None:
        """Highest QoS of the subscriptions that match `topic`, None without one."""
        granted = [qos for pattern, qos in self.filters.items() if matches(topic, pattern)]
        return max(granted, default=None)

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._silence_s or self.mute:
            return
        left = self._heard_at + self._silence_s - self._loop.time()
        if left <= 0:
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(left, self._watch)


class DeviceReader(StreamReaderAdapter):  # type: ignore[misc]
    """Reads for amqtt, and notes that the device is alive."""

    def __init__(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        super().__init__(reader)
        self._connection = connection

    async def read(self, n: int = -1) -> bytes:
        """Exactly `n` bytes."""
        data: bytes = await super().read(n)
        self._connection.heard()
        return data


class DeviceWriter(StreamWriterAdapter):  # type: ignore[misc]
    """Writes for amqtt, and replaces the code of a refusing CONNACK (amqtt knows 5 only)."""

    refusal_code: Callable[[], int] | None = None
    _first = True

    def __init__(self, writer: asyncio.StreamWriter, gate: PacketGate) -> None:
        super().__init__(writer)
        self._gate = gate

    def write(self, data: bytes) -> None:
        """Queue a packet for sending: amqtt writes each whole."""
        if self._first and data == CONNACK_NOT_AUTHORISED and self.refusal_code is not None:
            data = CONNACK_NOT_AUTHORISED[:-1] + bytes([self.refusal_code()])
        self._first = False
        if not self.is_closed:
            self._gate.send(data)
