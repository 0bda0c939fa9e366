"""One TCP or TLS connection of a device: its limits, and what amqtt reads and writes through."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable

from amqtt.adapters import (  # type: ignore[import-untyped]
    StreamReaderAdapter,
    StreamWriterAdapter,
)

from . import packets
from .envelope import DeviceId, matches
from .fault_mqtt import SUBACK, UNSUBACK, PacketGate
from .faults import Faults
from .limits import Limits

# [MQTT-3.1.2-24]: a client silent for one and a half times its keepalive is gone.
KEEPALIVE_FACTOR = 1.5
CONNACK_NOT_AUTHORISED = b"\x20\x02\x00\x05"
SERVE_POLL_S = 0.01

_numbers = itertools.count(1)
Dropped = Callable[["Connection", str], None]


class Connection:
    """A connection from accept to close; `device` is None until its login is believed.

    `peer` is the client's address, `certificate` (DER) its own if it showed one, which TLS has
    verified. `dropped` is told once why the stand-in ends the connection, when it does.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        faults: Faults,
        limits: Limits,
        dropped: Dropped = lambda _connection, _reason: None,
    ) -> None:
        # amqtt finds sessions by client id, before it authenticates: ours cannot be guessed.
        self.key = f"{next(_numbers)}-{secrets.token_hex(8)}"
        self.peer = str((writer.get_extra_info("peername") or ("nobody",))[0])
        tls = writer.get_extra_info("ssl_object")
        self.certificate: bytes | None = tls.getpeercert(True) if tls is not None else None
        self.device: DeviceId | None = None
        self.clean_session = True
        self.filters: dict[str, int] = {}
        self.limits = limits
        self.reader = DeviceReader(reader, self)
        self._gate = PacketGate(writer, faults, lambda: str(self.device or "mqtt"))
        self.writer = DeviceWriter(writer, self._gate)
        self._transport = writer.transport
        self._dropped: Dropped | None = dropped
        self._asked: set[str] = set()
        self._unserved: Callable[[], int] = lambda: 0
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._silence_s = limits.connect_s
        self._timer: asyncio.TimerHandle | None = None
        self._watch()

    def believe(
        self,
        device: DeviceId,
        *,
        clean_session: bool,
        keepalive_s: int,
        unserved: Callable[[], int],
    ) -> None:
        """The login was good; from now on the keepalive is the deadline (0 = none).

        `unserved` counts the messages that were read from it and wait.
        """
        self.device, self.clean_session = device, clean_session
        self._silence_s = keepalive_s * KEEPALIVE_FACTOR
        self._unserved = unserved
        self.heard()
        self._watch()

    @property
    def mute(self) -> bool:
        """Whether a fault made it fall silent: what is sent and received is lost."""
        return self._gate.mute

    def heard(self) -> None:
        """A packet began, or is whole."""
        self._heard_at = self._loop.time()

    async def ready(self) -> None:
        """Return when the client has taken what it was sent, and most of what it sent is served.

        Who reads on before that lets a client fill the memory. Raises: ConnectionResetError.
        """
        await self.writer.drain()
        while not self._transport.is_closing() and self.waiting > self.limits.waiting:
            await asyncio.sleep(SERVE_POLL_S)

    @property
    def waiting(self) -> int:
        """Messages and requests that were read and are not served."""
        return self._unserved() + self.reader.requests - self.writer.answers

    def drop(self, reason: str) -> None:
        """Drop the connection for something that its client did or left undone."""
        if self._dropped is not None:
            self._dropped(self, reason)
        self.abort()

    def abort(self) -> None:
        """Drop the connection now; why is known."""
        self._dropped = None
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    def may_subscribe(self, topic_filter: str) -> bool:
        """Whether one more subscription is within the limit."""
        if topic_filter not in self._asked and len(self._asked) >= self.limits.filters:
            return False
        self._asked.add(topic_filter)
        return True

    def unsubscribed(self, topic_filter: str) -> None:
        """A subscription has ended."""
        self.filters.pop(topic_filter, None)
        self._asked.discard(topic_filter)

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
        if left > 0:
            self._timer = self._loop.call_later(left, self._watch)
        elif self.device is None:
            self.drop(f"no CONNECT within {self._silence_s:g} s")
        else:
            self.drop(f"silent for {self._silence_s:g} s")


class DeviceReader(StreamReaderAdapter):  # type: ignore[misc]
    """Reads packets whole and well formed, and hands them to amqtt, which asks for pieces.

    `requests` counts those that amqtt queues until it answers them.
    """

    def __init__(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        super().__init__(reader)
        self._stream, self._connection = reader, connection
        self._left = b""
        self._is_first = True
        self.requests = 0

    async def read(self, n: int = -1) -> bytes:
        """Exactly `n` bytes. Raises: asyncio.IncompleteReadError when there are no more."""
        if n and not self._left:
            self._left = await self._packet()
        piece, self._left = self._left[:n], self._left[n:]
        return piece

    async def _packet(self) -> bytes:
        connection, limits = self._connection, self._connection.limits
        size_bytes = limits.connect_bytes if self._is_first else limits.packet_bytes
        try:
            await connection.ready()
            first = await self._stream.readexactly(1)
            connection.heard()
            kind = packets.kind_of(first[0], is_first=self._is_first)
            async with asyncio.timeout(limits.packet_s):
                packet = await packets.read(self._stream, first, size_bytes)
            packets.check(packet)
        except TimeoutError:
            connection.drop(f"a packet took longer than {limits.packet_s:g} s")
            raise asyncio.IncompleteReadError(b"", 1) from None
        except packets.PacketError as error:
            connection.drop(str(error))
            raise asyncio.IncompleteReadError(b"", 1) from None
        connection.heard()
        self._is_first = False
        self.requests += kind in (packets.SUBSCRIBE, packets.UNSUBSCRIBE)
        return packet


class DeviceWriter(StreamWriterAdapter):  # type: ignore[misc]
    """Writes for amqtt, and replaces the code of a refusing CONNACK (amqtt knows 5 only).

    `answers` counts the answers to the `requests` of the reader.
    """

    refusal_code: Callable[[], int] | None = None
    _first = True

    def __init__(self, writer: asyncio.StreamWriter, gate: PacketGate) -> None:
        super().__init__(writer)
        self._gate = gate
        self.answers = 0

    def write(self, data: bytes) -> None:
        """Queue a packet for sending: amqtt writes each whole."""
        if self._first and data == CONNACK_NOT_AUTHORISED and self.refusal_code is not None:
            data = CONNACK_NOT_AUTHORISED[:-1] + bytes([self.refusal_code()])
        self._first = False
        self.answers += data[0] & 0xF0 in (SUBACK, UNSUBACK)
        if not self.is_closed:
            self._gate.send(data)

    async def close(self) -> None:
        """Close after what was written. Raises: OSError."""
        try:
            await super().close()
        finally:
            # amqtt leaves it open when the client was faster; asyncio's TLS takes one close only.
            if not self._writer.is_closing():
                self._writer.close()
