"""What amqtt calls: authentication, topic rights, and the events of a connection."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from amqtt.contexts import Action, BaseContext  # type: ignore[import-untyped]
from amqtt.plugins.base import (  # type: ignore[import-untyped]
    BaseAuthPlugin,
    BaseTopicPlugin,
)
from amqtt.session import ApplicationMessage, Session  # type: ignore[import-untyped]

from .connection import Connection

# amqtt runs all plug-in calls of a client in tasks begun from the task that serves it.
serving: ContextVar[Connection] = ContextVar("serving")


class Listener(Protocol):
    """What the plug-ins pass on."""

    def authenticate(self, connection: Connection, session: Session) -> bool:
        """Check a CONNECT."""

    def connected(self, connection: Connection) -> None:
        """CONNACK 0 was sent."""

    def may_subscribe(self, connection: Connection, topic_filter: str) -> bool:
        """Check a subscription."""

    def received(self, connection: Connection, topic: str, payload: bytes) -> None:
        """A PUBLISH came in."""


@dataclass
class PluginConfig:
    """What amqtt hands to our plug-ins."""

    broker: Any


class DevicePlugin(BaseAuthPlugin):  # type: ignore[misc]
    """Authentication, and the events of a connection."""

    Config = PluginConfig

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._broker: Listener = self.config.broker

    async def authenticate(self, *, session: Session) -> bool:
        """Called by amqtt for a CONNECT."""
        return self._broker.authenticate(serving.get(), session)

    async def on_broker_client_connected(self, client_id: str, client_session: Session) -> None:
        """Called by amqtt after CONNACK."""
        connection = serving.get()
        if not connection.mute:
            self._broker.connected(connection)

    async def on_broker_client_subscribed(self, client_id: str, topic: str, qos: int) -> None:
        """Called by amqtt after SUBACK."""
        serving.get().filters[topic] = qos

    async def on_broker_client_unsubscribed(self, client_id: str, topic: str) -> None:
        """Called by amqtt before UNSUBACK."""
        serving.get().unsubscribed(topic)

    async def on_broker_message_received(self, client_id: str, message: ApplicationMessage) -> None:
        """Called by amqtt for every PUBLISH."""
        connection = serving.get()
        if message is not None and not connection.mute:
            self._broker.received(connection, message.topic, bytes(message.data))


class TopicPlugin(BaseTopicPlugin):  # type: ignore[misc]
    """Topic rights: a device may subscribe to its own topics; amqtt routes nothing."""

    Config = PluginConfig

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._broker: Listener = self.config.broker

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool:
        """Called by amqtt before SUBACK, and before it would route or retain a PUBLISH."""
        if action is not Action.SUBSCRIBE or topic is None:
            return False
        return self._broker.may_subscribe(serving.get(), topic)
