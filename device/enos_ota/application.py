"""The user's application: a task or a thread that the agent starts, and whose end it notices."""

import asyncio
import sys
import time

from micropython import const

_STACK_BYTES = const(16_384)  # of a thread: what the main task has; the default on ESP32 is 5 KiB


class Application:
    """`app`: a coroutine, a coroutine function, a blocking function, or None.

    timeout_s: the longest that it may go without `alive`, 0 for ever.

    Attributes: ended, why it is no longer alive ("" while it is, or where there is none).
    """

    def __init__(self, app, timeout_s: int = 0) -> None:
        self.ended = ""
        self.timeout_s = timeout_s
        self._app = app
        self._found = None  # the coroutine that a closure or a method turned out to make

    def start(self) -> None:
        """Run it: coroutines as a task of the running loop, anything else in a thread.

        That it cannot be started is an end like any other.
        """
        self.alive()
        try:
            self._start(self._app)
        except Exception as error:
            self._fail(error)

    def alive(self) -> None:
        """The application goes on as it should: called by itself."""
        self._alive_ms = time.ticks_ms()

    def is_late(self) -> bool:
        """Whether it has not said so for longer than it promised."""
        late_ms = time.ticks_diff(time.ticks_ms(), self._alive_ms)
        return late_ms > self.timeout_s * 1000 > 0

    def _start(self, app) -> None:
        if hasattr(app, "send"):
            asyncio.create_task(self._await(app))
        elif isinstance(app, type(Application._await)):  # what `async def` makes
            asyncio.create_task(self._await(app()))  # type: ignore[call-arg]
        elif app:
            import _thread

            _thread.stack_size(_STACK_BYTES)
            try:
                _thread.start_new_thread(self._thread, ())
            finally:
                _thread.stack_size(0)  # those that the application starts itself have the default
            asyncio.create_task(self._adopt())

    async def _await(self, coroutine) -> None:
        try:
            await coroutine
            self.ended = "the application returned"
        except Exception as error:
            self._fail(error)

    def _thread(self) -> None:
        try:
            found = self._app()
            if hasattr(found, "send"):
                self._found = found
            else:
                self.ended = "the application returned"
        except BaseException as error:  # SystemExit too: it ends a thread silently
            self._fail(error)

    async def _adopt(self) -> None:
        while not self.ended:
            if self._found:
                await self._await(self._found)
            await asyncio.sleep(1)

    def _fail(self, error) -> None:
        ended = "the application raised an error"
        try:
            ended = "the application raised %r" % error
            sys.print_exception(error)
        except MemoryError:  # which may be what ended it
            pass
        self.ended = ended  # once: the agent looks at it from another thread
