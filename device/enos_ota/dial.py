"""How a connection begins: address, TCP, and the memory that TLS needs; loaded for that and forgotten."""

import errno
import gc
import select
import socket

from micropython import const

from . import board

_TLS_BLOCK_BYTES = const(40_000)  # largest free IDF block that a session needs to begin
_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)


async def dial(transport, host: str, port: int, context) -> None:
    """Connect a `Transport`; with a `context`, wrap in TLS.

    Raises: what `Transport` raises; it is closed then.
    """
    transport.context = None
    try:
        address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        raw = transport.raw = transport.stream = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        try:
            raw.connect(address)
        except OSError as error:
            if abs(error.errno or 0) != errno.EINPROGRESS:
                raise
        poller = select.poll()
        poller.register(raw, select.POLLOUT | select.POLLHUP)
        while not (ready := poller.poll(0)):
            await transport.pause("connect")
        if ready[0][1] != select.POLLOUT:
            transport.fail(host, "refused")
        if context is not None:
            gc.collect()  # gives areas back that the Python heap grew into
            if board.largest_free_block() < _TLS_BLOCK_BYTES:
                raise OSError(errno.ENOMEM)
            transport.context = context
            transport.stream = context.wrap_socket(
                raw, server_hostname=host, do_handshake_on_connect=False
            )
    except (OSError, ValueError) as error:
        transport.fail(host, error)
