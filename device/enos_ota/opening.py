"""How an MQTT session begins: connect, log in, subscribe."""

import asyncio
import struct
import time

from micropython import const

from .errors import LinkError
from .session import field, packet

_CONNECT_MS = const(15_000)  # TCP and TLS; a handshake takes an ESP32 0.6-1.3 s
_ANSWER_MS = const(10_000)
_DOWNLINKS = ("upgrade", "inform_reply", "progress_reply", "getversion_reply")


async def open_session(session, context) -> None:
    """Open a `Session`; `context` is a TLS context that verifies, or None.

    Raises: LinkError when any of it fails or takes too long.
    """
    await session.sock.open(session.server, session.port, context, _CONNECT_MS)
    # MQTT 3.1.1, clean session, user name and password, no will.
    body = b"\x00\x04MQTT\x04\xc2" + struct.pack("!H", session.keepalive)
    for text in (session.client_id, session.user, session.pswd):
        body += field(text)
    code = (await _exchange(session, 0x10, body))[-1]
    if code:
        session.refused = True
        raise LinkError("login refused: CONNACK %d" % code)
    # One packet for all; umqtt before 1.8 cannot subscribe to topics of 123 bytes or more.
    body = b"\x00\x01"
    for tail in _DOWNLINKS:
        body += field(session.prefix + tail) + b"\x01"
    if 0x80 in bytes(await _exchange(session, 0x82, body)):
        raise LinkError("subscription refused")


async def _exchange(session, first: int, body: bytes):
    # Send a packet and await its acknowledgement; the body of that.
    await session.sock.send(packet(first, body), _CONNECT_MS)
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < _ANSWER_MS:
        found = session.take()
        # The type of an acknowledgement follows the type of what it acknowledges.
        if found and found[0] == (first & 0xF0) + 0x10 and found[1]:
            return found[1]
        await asyncio.sleep_ms(20)
    raise LinkError("no answer to " + ("CONNECT" if first == 0x10 else "SUBSCRIBE"))
