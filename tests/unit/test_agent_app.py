"""The agent and its application: a task or a thread of its own."""

import asyncio
import sys

from fakeagent import WithAgent, application


class TestApp(WithAgent):
    def test_coroutine_runs_beside_the_agent(self):
        counts.clear()
        self.make(app=runs)
        self.drive(lambda: len(counts) > 10 and self.said("inform"))
        self.assertEqual(self.agent.application.ended, "")

    def test_coroutine_that_returns_or_raises_is_noticed(self):
        self.make(app=returns)
        self.drive(lambda: self.agent.application.ended)
        self.assertIn("returned", self.agent.application.ended)
        self.make(app=raises)
        self.drive(lambda: self.agent.application.ended)
        self.assertIn("KeyError", self.agent.application.ended)

    def test_agent_goes_on_without_its_app(self):
        self.make(app=raises)
        self.drive(lambda: self.agent.application.ended and self.said("inform"))

    def test_coroutine_of_a_closure_or_an_object_runs_too(self):
        # Their types, `closure` and `bound_method`, do not tell: only what the call returns shows
        # that it has to be awaited, and an application taken as ended fails its trial.
        seen = counts

        async def app():
            while True:
                seen.append(1)
                await asyncio.sleep_ms(0)

        class Object:
            async def run(self):
                await app()

        for coroutine in (app, Object().run):
            counts.clear()
            self.make(app=coroutine)
            self.drive(lambda: len(counts) > 3 or self.agent.application.ended)
            self.assertEqual(self.agent.application.ended, "")

    def test_application_without_memory_for_its_error_is_noticed(self):
        def starved(error):
            raise MemoryError

        class System:
            print_exception = staticmethod(starved)

        self.patch(application, "sys", System)
        self.make(app=raises)
        self.drive(lambda: self.agent.application.ended and self.said("inform"))
        self.assertIn("KeyError", self.agent.application.ended)

    def test_blocking_function_runs_in_a_thread(self):
        self.make(app=blocks)
        self.drive(lambda: self.agent.application.ended and self.said("inform"))
        self.assertIn("ValueError", self.agent.application.ended)

    def test_thread_that_exits_is_noticed(self):
        # It ends silently, and a trial would pass without its application.
        self.make(app=exits)
        self.drive(lambda: self.agent.application.ended and self.said("inform"))
        self.assertIn("SystemExit", self.agent.application.ended)


counts = []


async def runs():
    while True:
        counts.append(1)
        await asyncio.sleep_ms(0)


async def returns():
    await asyncio.sleep_ms(0)


async def raises():
    await asyncio.sleep_ms(0)
    raise KeyError("x")


def blocks():
    raise ValueError("of the application")


def exits():
    sys.exit()
