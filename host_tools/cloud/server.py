"""The stand-in in a thread of this process, for tests and the demo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from host_tools.loop_thread import LoopThread

from .client import AdminClient
from .ports import Ports
from .standin import Cloud


class CloudThread(LoopThread):
    """The stand-in in a thread of this process: `with CloudThread(home) as cloud: ...`.

    `endpoints` is what `endpoints.json` holds, `client` an AdminClient; `events` all events so far
    as (time, who, what). Raises on entry what `Cloud.start` raises.
    """

    def __init__(self, home: Path | str, *, port_base: int = 0, **options: Any) -> None:
        super().__init__("cloud")
        self.home = Path(home)
        self.events: list[tuple[float, str, str]] = []
        self.endpoints: dict[str, Any] = {}
        self._ports, self._options = Ports.from_base(port_base), options

    def __enter__(self) -> Self:
        super().__enter__()
        self.client = AdminClient(self.home)
        return self

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        listener = self._options.pop("on_event", None)

        def on_event(at: float, who: str, what: str) -> None:
            self.events.append((at, who, what))
            if listener is not None:
                listener(at, who, what)

        cloud = Cloud(self.home, ports=self._ports, on_event=on_event, **self._options)
        try:
            await cloud.start()
            self.endpoints = cloud.endpoints
            yield
        finally:
            await cloud.stop()
