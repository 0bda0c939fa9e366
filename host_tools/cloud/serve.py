"""amqtt serving one connection, and no longer than the connection lasts."""

from __future__ import annotations

import asyncio

from amqtt.broker import Broker  # type: ignore[import-untyped]

from .connection import Connection

# In which something of what was read before a connection ended must be served, or all is.
GRACE_S = 0.1


async def serve(
    broker: Broker, connection: Connection, closed: asyncio.StreamWriter, listener: str
) -> None:
    """Return when amqtt has done with the connection, or some time after `closed` is.

    amqtt waits for ever for the end of a client that closes while its CONNECT is answered.
    Raises: what nonsense of a client makes amqtt raise.
    """
    serving = asyncio.ensure_future(
        broker.external_connected(connection.reader, connection.writer, listener)
    )
    closing = asyncio.ensure_future(closed.wait_closed())
    try:
        await asyncio.wait([serving, closing], return_when=asyncio.FIRST_COMPLETED)
        waiting = connection.waiting + 1
        while not serving.done() and connection.waiting < waiting:
            waiting = connection.waiting
            await asyncio.wait([serving], timeout=GRACE_S)
        if serving.done():
            serving.result()
    finally:
        serving.cancel()
        connection.abort()
        await asyncio.gather(serving, closing, return_exceptions=True)
        session, _handler = broker.sessions.get(connection.key, (None, None))
        # Of such an end, and of a refused login, it thinks that it is connected for ever.
        if session is not None and not session.transitions.is_disconnected():
            session.transitions.disconnect()
