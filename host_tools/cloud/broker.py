"""The embedded MQTT broker: amqtt behind two listeners of ours, wired to the cloud by plug-ins.

amqtt never routes a device's message: the cloud takes it, and every downlink is sent by the cloud.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Protocol

from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.errors import AMQTTError  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]

from . import limits, plugins
from .connection import Connection
from .deliver import deliver
from .envelope import DeviceId, filter_permitted
from .faults import Faults
from .limits import Limits
from .listener import Listener
from .plugins import serving
from .serve import serve
from .signing import LoginError

LISTENER = "default"
log = logging.getLogger(__name__)
# What an operator needs is told as events; amqtt's own log names bytes and packets.
logging.getLogger("amqtt").setLevel(logging.CRITICAL)
logging.getLogger("transitions").setLevel(logging.CRITICAL)


class Cloud(Protocol):
    """What the broker needs from the rest of the stand-in."""

    def login(
        self,
        client_id: str,
        user: str | None,
        password: str | None,
        keepalive_s: int,
        certificate: bytes | None,
    ) -> DeviceId:
        """The device that sent this CONNECT. Raises: LoginError."""

    def connected(self, device: DeviceId, *, clean_session: bool) -> None:
        """A device is connected; it replaces its own older connection."""

    def disconnected(self, device: DeviceId) -> None:
        """A device's last connection is gone."""

    def uplink(self, device: DeviceId, topic: str, payload: bytes) -> None:
        """A device published."""

    def refused(self, reason: str, device: DeviceId | None = None) -> None:
        """A login, a client or something that a device wanted was refused."""

    def undelivered(self, device: DeviceId, topic: str) -> None:
        """A message was not acknowledged."""

    def connack_code(self) -> int:
        """CONNACK code of a refusal."""

    def downlink_qos(self) -> int:
        """QoS of all messages to devices."""


class MqttBroker:
    """amqtt with EnOS's rules; `send` is the transport of the OTA service."""

    def __init__(
        self, cloud: Cloud, faults: Faults | None = None, limits: Limits = limits.STANDARD
    ) -> None:
        self.cloud = cloud
        self._faults, self._limits = faults or Faults(), limits
        self._online: dict[DeviceId, Connection] = {}
        self._clients: dict[asyncio.Task[None], Connection] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._listeners: list[Listener] = []
        self._broker: Broker | None = None

    async def start(self) -> None:
        """Start amqtt, without a listener."""
        self._broker = Broker({
            # "external": amqtt opens no socket, connections are handed to it.
            "listeners": {LISTENER: {"type": "external", "bind": "none"}},
            "plugins": {
                f"{plugins.__name__}.DevicePlugin": {"broker": self},
                f"{plugins.__name__}.TopicPlugin": {"broker": self},
            },
        })  # fmt: skip
        # amqtt asks its configuration for "max-qos", and lets nobody configure it.
        self._broker.config.max_qos = 1
        await self._broker.start()

    async def listen(
        self, bind: str, port: int, context: Callable[[], ssl.SSLContext] | None
    ) -> int:
        """Open a listener; returns its port (`port` 0 takes a free one).

        `context` says for each connection what TLS it gets; without it there is none.
        """
        listener = Listener(self._protocol, self.cloud.refused, self._limits, context)
        self._listeners.append(listener)
        return await listener.open(bind, port)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def stop(self) -> None:
        """Close the listeners and all connections, then stop amqtt."""
        for listener in self._listeners:
            await listener.close()
        for connection in self._clients.values():
            connection.abort()
        pending = [*self._clients, *self._sending]
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if self._broker is not None:
            await self._broker.shutdown()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self._faults, self._limits, self._dropped)
        connection.writer.refusal_code = self.cloud.connack_code
        task = asyncio.current_task()
        assert task is not None and self._broker is not None
        self._clients[task] = connection
        serving.set(connection)
        try:
            await serve(self._broker, connection, writer, LISTENER)
        except (AMQTTError, OSError, ValueError, AttributeError, EOFError) as error:
            # What a client that sends nonsense makes amqtt raise.
            self._dropped(connection, type(error).__name__)
        finally:
            del self._clients[task]
            connection.abort()
            self._gone(connection)

    def _dropped(self, connection: Connection, reason: str) -> None:
        self.cloud.refused(f"{connection.peer} dropped: {reason}", connection.device)

    def _gone(self, connection: Connection) -> None:
        device = connection.device
        if device is not None and self._online.get(device) is connection:
            del self._online[device]
            self.cloud.disconnected(device)

    # --- called by the plug-ins

    def authenticate(self, connection: Connection, session: Session) -> bool:
        """Check a CONNECT."""
        client_id, keepalive_s = session.client_id or "", session.keep_alive
        clean_session = bool(session.clean_session)
        # A private id per connection, no session kept, and the deadline is ours (amqtt has none).
        session.client_id, session.clean_session, session.keep_alive = connection.key, True, 0
        session.will_flag = False
        try:
            device = self.cloud.login(
                client_id, session.username, session.password, keepalive_s, connection.certificate
            )
        except LoginError as error:
            self.cloud.refused(f"login refused ({error.code} {error})")
            return False
        connection.believe(
            device,
            clean_session=clean_session,
            keepalive_s=keepalive_s,
            unserved=session.delivered_message_queue.qsize,
        )
        return True

    def may_subscribe(self, connection: Connection, topic_filter: str) -> bool:
        """Check a subscription: a device's own topics, and not too many."""
        device = connection.device
        if device is None or not filter_permitted(device, topic_filter):
            reason = "no permission"
        elif not connection.may_subscribe(topic_filter):
            reason = "too many"
        else:
            return True
        self.cloud.refused(f"subscription refused ({reason}): {topic_filter}", device)
        return False

    def evict(self, device: DeviceId) -> None:
        """Drop the connection of a device, if it has one."""
        connection = self._online.get(device)
        if connection is not None:
            self._gone(connection)
            connection.abort()

    def connected(self, connection: Connection) -> None:
        """CONNACK 0 was sent: the device's older connection is evicted."""
        device = connection.device
        if device is None:
            return
        self.evict(device)
        self._online[device] = connection
        self.cloud.connected(device, clean_session=connection.clean_session)

    def received(self, connection: Connection, topic: str, payload: bytes) -> None:
        """A PUBLISH came in, permitted or not."""
        device = connection.device
        if device is None or self._online.get(device) is not connection:
            return
        try:
            self.cloud.uplink(device, topic, payload)
        except Exception:
            # amqtt swallows what a plug-in raises.
            log.exception("a message of %s was not served", device)

    # --- downlink

    def send(
        self, device: DeviceId, topic: str, payload: bytes, *, only_if_subscribed: bool
    ) -> bool:
        """Send to a device; False if it is offline or (where that counts) has not subscribed."""
        connection = self._online.get(device)
        if connection is None:
            return False
        granted = connection.granted_qos(topic)
        if granted is None and only_if_subscribed:
            return False
        qos = self.cloud.downlink_qos()
        if granted is not None:
            qos = min(qos, granted)
        task = asyncio.get_running_loop().create_task(
            self._deliver(connection, device, topic, payload, qos)
        )
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    async def _deliver(
        self, connection: Connection, device: DeviceId, topic: str, payload: bytes, qos: int
    ) -> None:
        assert self._broker is not None
        try:
            delivered = await deliver(self._broker, connection.key, topic, payload, qos)
        except (AMQTTError, OSError, TimeoutError, asyncio.CancelledError):
            delivered = False
        if not delivered:
            self.cloud.undelivered(device, topic)
