"""Ends of connections that asyncio alone does not know: after delivery, with FIN, with RST."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios

POLL_S = 0.001
WATCH_S = 0.05
LINGER_NOT = struct.pack("ii", 1, 0)


async def delivered(transport: asyncio.BaseTransport | None) -> None:
    """Return once the peer's kernel holds every byte written, or the connection is gone.

    Write no more than fits into the socket's buffer between two calls.
    """
    while transport is not None and not transport.is_closing() and unsent(transport):
        await asyncio.sleep(POLL_S)


def unsent(transport: asyncio.BaseTransport) -> int:
    """Bytes that the peer's kernel has not acknowledged; 0 when nobody can tell."""
    count = bytearray(4)
    try:
        fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, count)
    except (OSError, ValueError):
        return 0
    return int(struct.unpack("i", count)[0])


def finish(transport: asyncio.BaseTransport | None) -> None:
    """Close after what was written, with TLS's and TCP's end of data.

    asyncio would hold TCP's back until the peer ends TLS, for half a minute.
    """
    if transport is None:
        return
    transport.close()
    if transport.get_extra_info("ssl_object") is not None:
        with contextlib.suppress(OSError):
            transport.get_extra_info("socket").shutdown(socket.SHUT_WR)


def reset(transport: asyncio.Transport | None) -> None:
    """Close with a TCP reset."""
    if transport is not None:
        endpoint = transport.get_extra_info("socket")
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        transport.abort()
