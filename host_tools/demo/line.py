"""One listening port of the bad network, its open connections, and what awaits those to come."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from .relay import Connection, Fate, Plan, Traffic, Weather, ready

LOOPBACK = "127.0.0.1"


class Line:
    """One listening port before one upstream. Everything but making it happens in the loop."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.weather = Weather()
        self.history: list[Traffic] = []
        self._plans: list[tuple[Plan, int]] = []
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._accepting: asyncio.Task[None] | None = None
        self._holder: socket.socket
        self._listener: socket.socket
        self.port = 0

    def open(self) -> None:
        """Take a port and listen."""
        # Bound but never listening, it keeps the port ours while the listener is closed.
        self._holder = self._bound(0)
        self.port = int(self._holder.getsockname()[1])
        self.listen()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((LOOPBACK, port))
        return one

    def listen(self) -> None:
        """Accept connections."""
        if self._accepting is None:
            self._listener = self._bound(self.port)
            self._listener.setblocking(False)
            self._listener.listen()
            self._accepting = asyncio.create_task(self._accept())

    async def refuse(self) -> None:
        """Close the listener."""
        task, self._accepting = self._accepting, None
        await _cancelled([task] if task else [])

    def plan(self, plan: Plan, times: int) -> None:
        """Let the plan befall the next `times` connections that no earlier plan does."""
        self._plans.append((plan, times))

    def restore(self) -> None:
        """Listen, plan nothing, hold nothing back."""
        self._plans.clear()
        self.weather.delay_s = self.weather.bytes_per_s = 0
        for connection in self._open:
            connection.thaw()
        self.listen()

    def each(self, act: Callable[[Connection], None]) -> int:
        """Do something to all open connections; how many there were."""
        for connection in self._open:
            act(connection)
        return len(self._open)

    async def end(self, fate: Fate) -> int:
        """Close all open connections; how many there were."""
        count = self.each(lambda connection: connection.end(fate))
        await _cancelled(list(self._open.values()))
        return count

    async def close(self) -> None:
        """Close everything."""
        await self.refuse()
        await _cancelled(list(self._open.values()))
        if self.port:
            self._holder.close()

    def accept_waiting(self) -> None:
        """Take the connections that have been made: to who made them they are open."""
        with contextlib.suppress(BlockingIOError):
            while self._accepting is not None:
                self._begin(self._listener.accept()[0])

    async def _accept(self) -> None:
        with self._listener:
            while True:
                await ready(self._listener, writing=False)
                self.accept_waiting()

    def _begin(self, board: socket.socket) -> None:
        plan, times = self._plans[0] if self._plans else (Plan(), 0)
        if times == 1:
            self._plans.pop(0)
        elif times:
            self._plans[0] = (plan, times - 1)
        connection = Connection(board, self.weather, plan)
        self.history.append(connection.traffic)
        task = asyncio.create_task(connection.run(self.upstream))
        self._open[connection] = task

        def ended(task: asyncio.Task[None]) -> None:
            del self._open[connection]
            connection.close()  # also when it was cancelled before it began

        task.add_done_callback(ended)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
