"""A TCP port: TLS as it is wanted at the moment, and limits for those who connect."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from . import tls, wire
from .limits import Limits

BACKLOG = 256
# A listener without file descriptors asks again after that.
RETRY_S = 1.0
LOOKS = 4
ALERT_S = 1.0


@dataclass
class _Open:
    """A connection: its asyncio transport once there is one, and what stands in its buffers."""

    sock: socket.socket
    peer: str
    transport: asyncio.Transport | None = None
    unsent: tuple[int, int] = (0, 0)
    since: float = 0.0


class Listener:
    """Accepts connections, and gives each the protocol that `protocol` makes."""

    def __init__(
        self,
        protocol: Callable[[], asyncio.BaseProtocol],
        refused: Callable[[str], None],
        limits: Limits,
        context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._protocol, self._refused, self._limits = protocol, refused, limits
        self._context = context
        self._open: list[_Open] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_full = False
        self._sock: socket.socket | None = None

    async def open(self, bind: str, port: int) -> int:
        """Begin to listen; returns the port (0 takes a free one). Raises: OSError."""
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        self._sock = socket.create_server((bind, port), family=family, backlog=BACKLOG)
        self._sock.setblocking(False)
        self._start(self._accept(self._sock))
        self._start(self._look_after())
        return int(self._sock.getsockname()[1])

    async def close(self) -> None:
        """Accept no more; connections that are made stay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sock is not None:
            self._sock.close()

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- accept

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError as error:
                self._refused(f"no connection can be taken: {error.strerror}")
                await asyncio.sleep(RETRY_S)
                continue
            self._forget_closed()
            if len(self._open) >= self._limits.connections:
                sock.close()
                if not self._is_full:
                    self._refused(f"connections refused: there are {len(self._open)} already")
                self._is_full = True
                continue
            self._is_full = False
            # asyncio does that for sockets it has made itself.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened = _Open(sock, str(address[0]))
            self._open.append(opened)
            self._start(self._take(opened))

    async def _take(self, opened: _Open) -> None:
        loop = asyncio.get_running_loop()
        try:
            if self._context is None:
                made = await loop.connect_accepted_socket(self._protocol, opened.sock)
                opened.transport = made[0]
            else:
                # asyncio closes the socket of a failed handshake without telling the client why.
                with opened.sock.dup() as spare:
                    await self._handshake(opened, self._context(), spare)
        except OSError as error:
            self._refused(f"{opened.peer} dropped: {error.strerror}")
        finally:
            if opened.transport is None:
                opened.sock.close()

    async def _handshake(
        self, opened: _Open, context: ssl.SSLContext, spare: socket.socket
    ) -> None:
        limit_s = self._limits.handshake_s
        try:
            made = await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, opened.sock, ssl=context,
                ssl_handshake_timeout=limit_s, ssl_shutdown_timeout=limit_s / 2,
            )  # fmt: skip
            opened.transport = made[0]
        except ConnectionAbortedError:
            self._refused(f"{opened.peer} TLS took longer than {limit_s:g} s")
        except ssl.SSLError as error:
            self._refused(f"{opened.peer} TLS failed: {tls.reason_of(error)}")
            await _say(spare, tls.alert_of(error))
        except ConnectionError:
            # It has gone: as who looks whether a port is open does.
            pass

    # --- those who do not take what they are sent

    async def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._limits.stuck_s / LOOKS)
            self._forget_closed()
            for one in self._open:
                unsent = _unsent(one, is_tls=self._context is not None)
                if unsent != one.unsent or not any(unsent):
                    one.unsent, one.since = unsent, loop.time()
                elif loop.time() - one.since >= self._limits.stuck_s and one.transport is not None:
                    self._refused(
                        f"{one.peer} dropped: took nothing for {self._limits.stuck_s:g} s"
                    )
                    one.transport.abort()

    def _forget_closed(self) -> None:
        self._open = [one for one in self._open if one.sock.fileno() >= 0]


def _unsent(one: _Open, *, is_tls: bool) -> tuple[int, int]:
    """Bytes in asyncio's buffer and in the kernel's, if the former holds any or it closes."""
    transport = one.transport
    # A closing one of TLS answers no questions, and has a limit of its own.
    if transport is None or (is_tls and transport.is_closing()):
        return 0, 0
    waiting = transport.get_write_buffer_size()
    if not waiting and not transport.is_closing():
        return 0, 0
    return waiting, wire.unsent(transport)


async def _say(sock: socket.socket, alert: bytes) -> None:
    """Send the alert, and stay until the client has read it or closes."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(ALERT_S):
            await loop.sock_sendall(sock, alert)
            sock.shutdown(socket.SHUT_WR)
            # Closed with something unread, TCP would reset, and the alert be lost.
            while await loop.sock_recv(sock, 4096):
                pass
