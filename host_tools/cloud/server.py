"""The stand-in in a thread of this process, for tests and the demo."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .client import AdminClient
from .ports import Ports
from .standin import Cloud


class CloudThread:
    """The stand-in in a thread of this process: `with CloudThread(home) as cloud: ...`.

    `endpoints` is what `endpoints.json` holds, `client` an AdminClient; `events` all events so far
    as (time, who, what). Raises on entry what `Cloud.start` raises.
    """

    def __init__(self, home: Path | str, *, port_base: int = 0, **options: Any) -> None:
        self.home = Path(home)
        self.events: list[tuple[float, str, str]] = []
        self.endpoints: dict[str, Any] = {}
        self._ports, self._options = Ports.from_base(port_base), options
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._enough: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="cloud", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        self.client = AdminClient(self.home)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is not None and self._enough is not None:
            self._loop.call_soon_threadsafe(self._enough.set)
        self._thread.join(10)
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # raised again in the caller's thread
            self._failure = error
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop, self._enough = asyncio.get_running_loop(), asyncio.Event()
        listener = self._options.pop("on_event", None)

        def on_event(at: float, who: str, what: str) -> None:
            self.events.append((at, who, what))
            if listener is not None:
                listener(at, who, what)

        cloud = Cloud(self.home, ports=self._ports, on_event=on_event, **self._options)
        try:
            await cloud.start()
            self.endpoints = cloud.endpoints
            self._ready.set()
            await self._enough.wait()
        finally:
            await cloud.stop()
