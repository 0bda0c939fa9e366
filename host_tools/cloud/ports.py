"""Where the stand-in listens."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Self, TypeVar

from .home import HomeError

LOOPBACK = "127.0.0.1"
T = TypeVar("T")


@dataclass(frozen=True)
class Ports:
    """Where the stand-in listens; 0 = any free port."""

    mqtt: int = 11883
    mqtts: int = 18883
    https: int = 18443
    admin: int = 18080
    ntp: int = 11123

    @classmethod
    def from_base(cls, base: int) -> Self:
        """Five ports in a row from `base`; all free ones for 0."""
        return cls(*(base + offset if base else 0 for offset in range(5)))


STANDARD = Ports()


async def opened(port: int, opening: Awaitable[T]) -> T:
    """Await what opens `port`.

    Raises: HomeError that names the port.
    """
    try:
        return await opening
    except OSError as error:
        # asyncio puts its own sentence in front of the reason.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise HomeError(f"port {port} cannot be opened ({reason}): see --port-base") from None
