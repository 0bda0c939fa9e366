"""A service with an event loop of its own, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

ENDS_WITHIN_S = 10


class LoopThread:
    """`with` starts the thread and ends it; subclasses say in `_serving` what runs in between.

    Raises on entry what `_serving` raises before it is up, and on exit what it raised later.
    """

    def __init__(self, name: str) -> None:
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._enough: asyncio.Event
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._enough.set)
        self._thread.join(ENDS_WITHIN_S)
        if self._failure is not None and error is None:
            raise self._failure

    def _serving(self) -> contextlib.AbstractAsyncContextManager[None]:
        """What is up while the thread lives."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:  # raised again in the caller's thread
            self._failure = error
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop, self._enough = asyncio.get_running_loop(), asyncio.Event()
        async with self._serving():
            self._ready.set()
            await self._enough.wait()
