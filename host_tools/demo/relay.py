"""One connection through a bad network: bytes pass unchanged, or late, or in part, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Fate = Literal["open", "silent", "frozen", "unread", "cut", "reset", "closed"]

PIECE_BYTES = 8192
HELD_PIECES = 8
"""What a delayed direction holds at most: with the pieces' size, its bandwidth-delay product."""
PACES_PER_S = 20
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: close() sends RST."""


@dataclass(frozen=True)
class Plan:
    """What befalls a new connection."""

    silent: bool = False
    byte_ms: float = 0  # trickle: one byte of the server's per so many ms
    limit_bytes: int | None = None  # of the server's, then:
    then: Fate = "open"


@dataclass
class Weather:
    """What holds for all connections of one upstream, changeable while they are open."""

    delay_s: float = 0
    bytes_per_s: float = 0


@dataclass
class Traffic:
    """What one connection carried, counted on the board's side; times as `time.time()` gives them."""

    began: float
    ended: float | None = None
    bytes_up: int = 0  # taken from the board, swallowed ones included
    bytes_down: int = 0  # given to the board
    fate: Fate = "open"


class Connection:
    """A board's connection and the one to the server behind it; to be closed after `run`."""

    def __init__(self, board: socket.socket, weather: Weather, plan: Plan) -> None:
        self.traffic = Traffic(time.time())
        self._board, self._weather, self._plan = board, weather, plan
        self._server = socket.socket()
        for one in (self._board, self._server):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flowing, self._reads_board = asyncio.Event(), asyncio.Event()
        self._flowing.set()
        self._reads_board.set()
        self._task: asyncio.Task[None] | None = None

    async def run(self, upstream: tuple[str, int]) -> None:
        """Relay until both sides have closed, one has failed, or `end` is called."""
        self._task = asyncio.current_task()
        try:
            if self._plan.silent:
                self.traffic.fate = "silent"
                await self._swallow()
            else:
                await asyncio.get_running_loop().sock_connect(self._server, upstream)
                await self._relay()
        except* OSError:
            # One side was reset: so is the other.
            self.traffic.fate = "reset"

    def freeze(self) -> None:
        """Nothing passes any more, the ends of the streams neither; both sides stay open."""
        if not self._plan.silent:
            self.traffic.fate = "frozen"
            self._flowing.clear()

    def stop_reading(self) -> None:
        """Take nothing more from the board: its window fills."""
        if not self._plan.silent:
            self.traffic.fate = "unread"
            self._reads_board.clear()

    def thaw(self) -> None:
        """Let pass again what was held back."""
        if self.traffic.fate in ("frozen", "unread"):
            self.traffic.fate = "open"
        self._flowing.set()
        self._reads_board.set()

    def end(self, fate: Fate) -> None:
        """End `run`; what passed until now is all that passes."""
        self.traffic.fate = fate
        self._flowing.clear()
        if self._task is not None:
            self._task.cancel()

    async def _relay(self) -> None:
        up: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_PIECES)
        down: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_PIECES)
        self._strike_at_limit()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take(self._board, up))
            group.create_task(self._give(self._server, up))
            group.create_task(self._take(self._server, down))
            group.create_task(self._give(self._board, down))

    async def _take(self, source: socket.socket, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        from_board = source is self._board
        piece = b" "
        while piece:
            await ready(source, writing=False)
            await self._flowing.wait()
            if from_board:
                await self._reads_board.wait()
            if not self._flowing.is_set():
                continue
            piece = source.recv(PIECE_BYTES)
            if from_board:
                self.traffic.bytes_up += len(piece)
            await queue.put((time.monotonic() + self._weather.delay_s, piece))

    async def _give(self, target: socket.socket, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        to_board = target is self._board
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(0, due - time.monotonic()))
            view = memoryview(piece)
            while view:
                await ready(target, writing=True)
                await self._flowing.wait()
                size, byte_s = self._pace(to_board)
                try:
                    count = target.send(view[:size])
                except BlockingIOError:  # filled up while frozen
                    continue
                view = view[count:]
                if to_board:
                    self.traffic.bytes_down += count
                    self._strike_at_limit()
                if byte_s:
                    await asyncio.sleep(count * byte_s)
            if not piece:
                await self._flowing.wait()
                target.shutdown(socket.SHUT_WR)
                return

    def _pace(self, to_board: bool) -> tuple[int, float]:
        """How many bytes may pass at once, and how many seconds each of them takes."""
        plan, rate = self._plan, self._weather.bytes_per_s
        size, byte_s = PIECE_BYTES, 0.0
        if rate:
            size, byte_s = max(1, int(rate / PACES_PER_S)), 1 / rate
        if to_board and plan.byte_ms:
            size, byte_s = 1, plan.byte_ms / 1000
        if to_board and plan.limit_bytes is not None and self.traffic.bytes_down < plan.limit_bytes:
            size = min(size, plan.limit_bytes - self.traffic.bytes_down)
        return size, byte_s

    def _strike_at_limit(self) -> None:
        if self._plan.limit_bytes != self.traffic.bytes_down:
            return
        if self._plan.then == "frozen":
            self.freeze()
        else:
            self.end(self._plan.then)

    async def _swallow(self) -> None:
        piece = b" "
        while piece:
            await ready(self._board, writing=False)
            piece = self._board.recv(PIECE_BYTES)
            self.traffic.bytes_up += len(piece)

    def close(self) -> None:
        """Close both sides: by RST if the fate is `reset`, surely by FIN if it is `cut`."""
        traffic = self.traffic
        traffic.ended = time.time()
        for one in (self._board, self._server):
            if traffic.fate == "reset":
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            elif traffic.fate == "cut":
                # With unread bytes in it, a socket would close by RST.
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_WR)
                    while one.recv(PIECE_BYTES):
                        pass
            one.close()
        if traffic.fate == "open":
            traffic.fate = "closed"


async def ready(one: socket.socket, *, writing: bool) -> None:
    """Until a socket can be read or written, without doing it: a cancelled wait loses nothing."""
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    watch: Callable[..., object] = loop.add_writer if writing else loop.add_reader
    forget: Callable[..., object] = loop.remove_writer if writing else loop.remove_reader

    def happened() -> None:
        if not waiter.done():
            waiter.set_result(None)

    watch(one, happened)
    try:
        await waiter
    finally:
        forget(one)
