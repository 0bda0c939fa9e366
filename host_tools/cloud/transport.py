"""How the OTA service reaches devices, and what it knows of their connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .envelope import DeviceId


class Transport(Protocol):
    """How messages reach devices."""

    def send(
        self, device: DeviceId, topic: str, payload: bytes, *, only_if_subscribed: bool
    ) -> bool:
        """Send to a connected device; False if it is not connected or has not subscribed."""


@dataclass
class Presence:
    """A connection of a device: whether its MQTT session ends with it, what it said so far."""

    clean_session: bool
    informed: bool = False
