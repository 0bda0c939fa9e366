"""The user's application: a task or a thread that the agent starts, and whose end it notices."""

import sys
import time

from . import forget


class Application:
    """`app`: a coroutine, a coroutine function, a blocking function, or None.

    timeout_s: the longest that it may go without `alive`, 0 for ever.

    Attributes: ended, why it is no longer alive ("" while it is, or where there is none).
    """

    def __init__(self, app, timeout_s: int = 0) -> None:
        self.ended = ""
        self.timeout_s = timeout_s
        self._app = app

    def start(self) -> None:
        """Run it: that it cannot be started is an end like any other."""
        self.alive()
        try:
            from .starting import start

            start(self, self._app)
        except Exception as error:
            self.fail(error)
        self._app = start = None  # type: ignore
        forget()

    def alive(self) -> None:
        """The application goes on as it should: called by itself."""
        self._alive_ms = time.ticks_ms()

    def is_late(self) -> bool:
        """Whether it has not said so for longer than it promised."""
        late_ms = time.ticks_diff(time.ticks_ms(), self._alive_ms)
        return late_ms > self.timeout_s * 1000 > 0

    async def follow(self, coroutine) -> None:
        """Await the application's coroutine, to notice its end."""
        try:
            await coroutine
            self.ended = "the application returned"
        except Exception as error:
            self.fail(error)

    def fail(self, error) -> None:
        """It ended with an error: said once, since the agent looks at it from another thread."""
        ended = "the application raised an error"
        try:
            ended = "the application raised %r" % error
            sys.print_exception(error)
        except MemoryError:  # which may be what ended it
            pass
        self.ended = ended
