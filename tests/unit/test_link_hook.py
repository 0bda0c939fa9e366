"""A network that others bring up: the hook `enos_link`, or the application."""

import asyncio
import sys

from enos_ota import link
from enos_ota.errors import LinkError
from joining import HOME, Joining


class Hook:
    """Stands for the module `enos_link`: what `up` raises, how long it takes, and whether it is a coroutine."""

    called = 0
    error = None
    steps = 0
    is_coroutine = False

    @classmethod
    def up(cls):
        cls.called += 1
        if cls.is_coroutine:
            return cls.bring()
        if cls.error:
            raise cls.error
        return True

    @classmethod
    async def bring(cls) -> None:
        for _ in range(cls.steps):
            await asyncio.sleep_ms(0)
        if cls.error:
            raise cls.error


class Patient:
    """Stands for `asyncio` where a minute passes with so many turns of the loop."""

    waited_s = []

    @classmethod
    async def wait_for(cls, coroutine, timeout_s):
        cls.waited_s.append(timeout_s)
        task = asyncio.create_task(coroutine)
        for _ in range(60):
            if task.done():
                return await task
            await asyncio.sleep_ms(0)
        task.cancel()
        raise asyncio.TimeoutError  # noqa: UP041 - another one on MicroPython


class Hooked(Joining):
    def setUp(self) -> None:
        super().setUp()
        self.patch(link, "asyncio", Patient)
        Patient.waited_s = []
        Hook.called = Hook.steps = 0
        Hook.error = None
        Hook.is_coroutine = False
        sys.modules["enos_link"] = Hook
        self.config.network = "hook"

    def tearDown(self) -> None:
        sys.modules.pop("enos_link", None)
        super().tearDown()


class TestHook(Hooked):
    def test_hook_is_called_each_time_and_wifi_is_not_touched(self):
        for again in (False, True, False):
            self.up(HOME, again=again)
        self.assertEqual((Hook.called, self.air.made), (3, 0))

    def test_hook_that_is_a_coroutine_is_awaited_for_a_minute_at_most(self):
        Hook.is_coroutine = True
        Hook.steps = 50
        self.up()
        self.assertEqual(Patient.waited_s, [60])
        Hook.steps = 70
        text = str(self.raised(LinkError, self.up))
        self.assertTrue(text.startswith("enos_link: Timeout"), text)

    def test_hook_that_raises_is_a_link_error_with_its_reason(self):
        for is_coroutine in (False, True):
            Hook.is_coroutine = is_coroutine
            for error in (OSError("no cable"), OSError(-1), ValueError("a mistake in it")):
                Hook.error = error
                text = str(self.raised(LinkError, self.up))
                self.assertEqual(text, "enos_link: %r" % error)

    def test_hook_that_is_missing_is_a_link_error_that_names_it(self):
        del sys.modules["enos_link"]
        self.assertIn("enos_link", str(self.raised(LinkError, self.up)))

    def test_hook_without_its_function_is_a_link_error(self):
        sys.modules["enos_link"] = link
        self.assertIn("up", str(self.raised(LinkError, self.up)))

    def test_hook_without_memory_says_so(self):
        # The agent counts for how long there is none, and resets.
        Hook.error = MemoryError()
        for is_coroutine in (False, True):
            Hook.is_coroutine = is_coroutine
            self.raised(MemoryError, self.up)


class TestExternal(Hooked):
    def test_link_of_the_application_is_not_touched(self):
        for again in (False, True):
            self.up(HOME, again=again, network="external")
        self.assertEqual((Hook.called, self.air.made), (0, 0))
        self.assertFalse(self.air.active)
