"""A small SNTP server (RFC 4330) that answers with this computer's clock."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from typing import cast

from .switches import Switches

# Seconds from 1900 (NTP) to 1970 (Unix).
EPOCH_DELTA_S = 2_208_988_800
MODE_CLIENT, MODE_SERVER = 3, 4
PACKET_BYTES = 48
A_YEAR_S = 365 * 86400
SHIFTS_S = {"right": 0, "past": -A_YEAR_S, "future": 3 * A_YEAR_S}


def reply(request: bytes, now: float) -> bytes | None:
    """Answer to a client's packet; None for anything else."""
    if len(request) < PACKET_BYTES or request[0] & 7 != MODE_CLIENT:
        return None
    version = request[0] & 0x38
    seconds, fraction = divmod(now + EPOCH_DELTA_S, 1)
    stamp = struct.pack("!II", int(seconds) & 0xFFFFFFFF, int(fraction * 2**32))
    # Leap 0, stratum 2, precision 2^-20 s, no delay or dispersion, reference LOCL.
    head = struct.pack("!BBbbII4s", version | MODE_SERVER, 2, request[2] % 128, -20, 0, 0, b"LOCL")
    return head + stamp + request[40:48] + stamp + stamp


class SntpServer(asyncio.DatagramProtocol):
    """Answers every client at once, and none while `now` does not know."""

    def __init__(self, now: Callable[[], float | None] = time.time) -> None:
        self._now = now
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        # asyncio's own datagram transports are no subclass of DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by asyncio."""
        now = self._now()
        answer = reply(data, now) if now is not None else None
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def clock(switches: Switches) -> float | None:
    """This computer's clock, as far from the right time as the switch `sntp` says."""
    shift_s = SHIFTS_S.get(str(switches["sntp"]))
    return None if shift_s is None else time.time() + shift_s


async def listen(
    bind: str, port: int, now: Callable[[], float | None]
) -> tuple[asyncio.DatagramTransport, int]:
    """Open the server; returns its transport and port."""
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.create_datagram_endpoint(
        lambda: SntpServer(now), local_addr=(bind, port)
    )
    return transport, int(transport.get_extra_info("sockname")[1])
