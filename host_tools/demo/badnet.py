"""A bad network between a simulated board and the stand-in, in a thread of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from host_tools.loop_thread import LoopThread

from .line import LOOPBACK, Line
from .relay import Connection, Plan, Traffic

__all__ = ["LOOPBACK", "BadNet", "Traffic"]

ANSWER_S = 10
T = TypeVar("T")


class BadNet(LoopThread):
    """`with BadNet({"mqtt": (host, port), …}) as net:` relays `net.ports["mqtt"]` to that address.

    Bytes pass unchanged, so TLS stays end to end. Every method takes effect before it returns and may
    be called from any thread. Those with `times` strike that many connections to come, 0 = all of them,
    in the order of the calls; the others strike the connections that are open, and return how many.
    """

    def __init__(self, upstreams: Mapping[str, tuple[str, int]]) -> None:
        super().__init__("badnet")
        self._lines = {name: Line(upstream) for name, upstream in upstreams.items()}

    @property
    def ports(self) -> dict[str, int]:
        """Where to connect, by the upstream's name."""
        return {name: line.port for name, line in self._lines.items()}

    def connections(self, name: str) -> list[Traffic]:
        """What each connection carried so far, the oldest first."""
        return self._do(lambda line: [replace(one) for one in line.history], name)

    def silent_accept(self, name: str, times: int = 1) -> None:
        """Accept, swallow what comes, never answer; the server sees nothing of it."""
        self._plan(name, Plan(silent=True), times)

    def trickle_handshake(self, name: str, byte_ms: float, times: int = 1) -> None:
        """What the server sends passes one byte per `byte_ms`, from its first one on."""
        self._plan(name, Plan(byte_ms=byte_ms), times)

    def freeze_after(self, name: str, size_bytes: int, times: int = 1) -> None:
        """`freeze` each connection after exactly so many bytes from the server."""
        self._plan(name, Plan(limit_bytes=size_bytes, then="frozen"), times)

    def cut_after(self, name: str, size_bytes: int, times: int = 1) -> None:
        """`cut` each connection after exactly so many bytes from the server."""
        self._plan(name, Plan(limit_bytes=size_bytes, then="cut"), times)

    def reset_after(self, name: str, size_bytes: int, times: int = 1) -> None:
        """`reset` each connection after so many bytes from the server; the last may be lost with it."""
        self._plan(name, Plan(limit_bytes=size_bytes, then="reset"), times)

    def freeze(self, name: str) -> int:
        """Pass nothing more in either direction, and keep both ends open: a router lost its power."""
        return self._do(lambda line: line.each(Connection.freeze), name)

    def no_reading(self, name: str) -> int:
        """Read nothing more from the board, so that its window fills; the other direction works."""
        return self._do(lambda line: line.each(Connection.stop_reading), name)

    def cut(self, name: str) -> int:
        """Close both ends by FIN."""
        return self._await(lambda line: line.end("cut"), name)

    def reset(self, name: str) -> int:
        """Close both ends by RST."""
        return self._await(lambda line: line.end("reset"), name)

    def refuse(self, name: str) -> None:
        """Refuse connections until `restore`; open ones stay."""
        self._await(Line.refuse, name)

    def delay(self, name: str, delay_ms: float) -> None:
        """Each piece, in both directions of open and coming connections, passes so much later."""
        self._do(lambda line: setattr(line.weather, "delay_s", delay_ms / 1000), name)

    def rate(self, name: str, bytes_per_s: float) -> None:
        """Limit each direction of each connection, open or to come; 0 = no limit."""
        self._do(lambda line: setattr(line.weather, "bytes_per_s", bytes_per_s), name)

    def restore(self, name: str) -> None:
        """A good network again: what is frozen or unread passes, too. What is silent stays so."""
        self._do(Line.restore, name)

    def _plan(self, name: str, plan: Plan, times: int) -> None:
        self._do(lambda line: line.plan(plan, times), name)

    def _do(self, act: Callable[[Line], T], name: str) -> T:
        async def done(line: Line) -> T:
            return act(line)

        return self._await(done, name)

    def _await(self, act: Callable[[Line], Coroutine[Any, Any, T]], name: str) -> T:
        if not self._thread.is_alive():
            raise RuntimeError("the relay does not run")
        line = self._lines[name]

        async def doing() -> T:
            line.accept_waiting()
            return await act(line)

        return asyncio.run_coroutine_threadsafe(doing(), self._loop).result(ANSWER_S)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        try:
            for line in self._lines.values():
                line.open()
            yield
        finally:
            for line in self._lines.values():
                await line.close()
