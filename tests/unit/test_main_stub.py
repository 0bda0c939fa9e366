"""/main.py: the agent may go first, the release runs, and whatever ends it resets the board."""

import os
import sys

import esp32
import machine
from helpers import SCRATCH, Case, Clock

WHY = ("enos_boot", "why")
WDT_S = ("enos_boot", "wdt_s")


class Module:
    """A module of the release that the test plays."""


class OnBoard(Case):
    """`events`: what ran, in order."""

    def setUp(self) -> None:
        super().setUp()
        self.chip = esp32.power_up()
        machine.State.watchdog_ms = None
        self.clock = Clock()
        self.events = events.events
        self.events.clear()
        self.modules = dict(sys.modules)
        self.path = sys.path[:]
        sys.modules["time"] = self.clock
        sys.modules["events"] = events
        (root,) = [folder for folder in self.path if is_there(folder + "/boot/main.mpy")]
        # No enos_ota but the one played here.
        for name in list(sys.modules):
            if name.startswith("enos_ota"):
                del sys.modules[name]
        sys.path[:] = [root + "/boot", SCRATCH]
        if not is_there(SCRATCH):
            os.mkdir(SCRATCH)
        self.release()

    def tearDown(self) -> None:
        self.restore()
        sys.path[:] = self.path
        os.remove(SCRATCH + "/enos_main.py")
        os.rmdir(SCRATCH)
        super().tearDown()

    def again(self) -> None:
        """A new board."""
        self.tearDown()
        self.setUp()

    def restore(self) -> None:
        """The modules as they were; /main.py may have dropped them all."""
        sys.modules.clear()
        sys.modules.update(self.modules)

    def release(self, body="pass", at_import="pass") -> None:
        """What `enos_main.main()` does, and what importing it does."""
        with open(SCRATCH + "/enos_main.py", "w") as file:
            file.write(
                "import events\nevents.events.append('imported')\n%s\n"
                "def main():\n    events.events.append('main')\n    %s\n" % (at_import, body)
            )

    def agent(self, act=lambda: None, serve=None) -> None:
        """The release has an agent; what its `alone.first()` does, and what the function does that it gives."""

        def serving():
            self.events.append("serve")
            serve()

        def first():
            self.events.append("first")
            act()
            return serve and serving

        package = sys.modules["enos_ota"] = Module()
        package.alone = sys.modules["enos_ota.alone"] = Module()
        package.alone.first = first

    def boot(self) -> bool:
        """Run /main.py; whether it reset the board."""
        try:
            import main

            return False if main else None
        except machine.Reset:
            return True
        finally:
            sys.modules.pop("main", None)

    def why(self):
        return self.chip.nvs.get(WHY, b"").decode()


class TestOrder(OnBoard):
    def test_agent_goes_first_before_the_release_is_imported(self):
        self.agent()
        self.boot()
        self.assertEqual(self.events, ["first", "imported", "main"])

    def test_agent_that_wants_to_serve_does_so_before_the_release_is_imported(self):
        self.agent(serve=lambda: None)
        self.boot()
        self.assertEqual(self.events, ["first", "serve", "imported", "main"])

    def test_agent_that_raises_while_it_serves_does_not_keep_the_release_from_running(self):
        for error in (ValueError("config"), MemoryError(), OSError(-4357)):

            def serve(error=error):
                raise error

            self.again()
            self.agent(serve=serve)
            self.assertTrue(self.boot())
            self.assertEqual(self.events, ["first", "serve", "imported", "main"])
            self.assertEqual(self.why(), "enos_main.main() returned")

    def test_agent_that_raises_does_not_keep_the_release_from_running(self):
        for error in (KeyError("config"), MemoryError(), ImportError("x"), OSError(-4357)):

            def act(error=error):
                raise error

            self.again()
            self.agent(act)
            self.assertTrue(self.boot())
            self.assertEqual(self.events, ["first", "imported", "main"])
            self.assertEqual(self.why(), "enos_main.main() returned")

    def test_release_without_an_agent_runs(self):
        self.boot()
        self.assertEqual(self.events, ["imported", "main"])

    def test_release_whose_agent_has_no_boot_alone_runs(self):
        sys.modules["enos_ota"] = Module()
        self.boot()
        self.assertEqual(self.events, ["imported", "main"])


class TestEnd(OnBoard):
    """`main.main()` is not meant to return."""

    def test_release_that_returns_resets_with_the_reason(self):
        self.assertTrue(self.boot())
        self.assertEqual(self.why(), "enos_main.main() returned")

    def test_release_that_raises_resets_with_the_error(self):
        for body, reason in (
            ("raise KeyError('valve')", "KeyError: valve"),
            ("raise SystemExit", "SystemExit: "),
            ("raise ValueError('x' * 500)", "ValueError: " + "x" * 68),
        ):
            self.again()
            self.release(body)
            self.assertTrue(self.boot())
            self.assertEqual(self.why(), reason)

    def test_release_that_cannot_be_imported_resets_with_the_error(self):
        self.release(at_import="import no_such_module")
        self.assertTrue(self.boot())
        self.assertEqual(self.events, ["imported"])
        self.assertIn("no_such_module", self.why())

    def test_release_that_is_not_there_resets(self):
        os.rename(SCRATCH + "/enos_main.py", SCRATCH + "/gone.py")
        self.assertTrue(self.boot())
        os.rename(SCRATCH + "/gone.py", SCRATCH + "/enos_main.py")
        self.assertIn("enos_main", self.why())

    def test_release_that_filled_the_memory_resets_with_a_reason(self):
        self.release("raise MemoryError('memory allocation failed')")
        self.assertTrue(self.boot())
        self.assertIn("memory", self.why())

    def test_error_that_cannot_be_told_resets_all_the_same(self):
        self.release("raise events.Untold")
        self.assertTrue(self.boot())
        self.assertTrue(self.why())

    def test_full_or_broken_nvs_does_not_stop_the_reset(self):
        self.chip.nvs_full = True
        self.assertTrue(self.boot())
        self.assertEqual(self.why(), "")

        def broken(namespace):
            raise OSError(-4353)

        self.again()
        self.patch(esp32, "NVS", broken)
        self.assertTrue(self.boot())
        self.assertEqual(self.events, ["imported", "main"])

    def test_reason_that_cannot_be_kept_is_told_by_a_watchdog_reset(self):
        # The next boot lets the agent go first after either; without both it would run the release again.
        def broken(namespace):
            raise OSError(-4353)

        for nvs, cause in (
            (None, machine.HARD_RESET),
            (esp32.NVS, machine.WDT_RESET),
            (broken, machine.WDT_RESET),
        ):
            self.again()
            self.chip.nvs_full = nvs is not None
            self.patch(esp32, "NVS", nvs or esp32.NVS)
            self.patch(machine.State, "cause", machine.HARD_RESET)
            self.last_ms = self.clock.now_ms
            self.clock.on_sleep = self.bite
            self.assertTrue(self.boot())
            self.assertEqual(machine.State.cause, cause)
            self.assertEqual(machine.State.watchdog_ms, 1000 if nvs else None)

    def bite(self) -> None:
        """The watchdog, once a sleep was longer than its time-out."""
        slept_ms, self.last_ms = self.clock.now_ms - self.last_ms, self.clock.now_ms
        if machine.State.watchdog_ms and slept_ms > machine.State.watchdog_ms:
            machine.State.cause = machine.WDT_RESET
            raise machine.Reset

    def test_console_has_time_to_show_the_error_before_the_reset(self):
        start = self.clock.now_ms
        self.boot()
        self.assertTrue(1000 <= self.clock.now_ms - start <= 10_000)

    def test_memory_of_the_release_is_free_before_its_reason_is_told(self):
        # There may be none left to tell it with. Its modules hold it, and so do its tasks.
        core = Module()
        core._task_queue = core.cur_task = core
        held = []

        def look():
            held.extend(name for name in sys.modules if name != "main")
            held.extend(task for task in (core._task_queue, core.cur_task) if task)

        for body in ("pass", "raise MemoryError"):
            self.again()
            self.clock.on_sleep = look
            sys.modules["asyncio.core"] = core
            self.release(body)
            self.assertTrue(self.boot())
            self.assertTrue(self.why())
            self.assertEqual(held, [])


class TestCtrlC(OnBoard):
    """A person at the console stops at the prompt; a watchdog cannot be stopped, only widened."""

    def setUp(self) -> None:
        super().setUp()
        self.release("raise KeyboardInterrupt")

    def test_ctrl_c_stops_at_the_prompt_with_a_wide_watchdog(self):
        self.chip.nvs[WDT_S] = b"120"
        self.assertFalse(self.boot())
        self.assertEqual(machine.State.watchdog_ms, 3_600_000)
        self.assertEqual(self.why(), "")

    def test_ctrl_c_without_a_watchdog_arms_none(self):
        for setting in (b"0", b"", None):
            if setting is not None:
                self.chip.nvs[WDT_S] = setting
            self.assertFalse(self.boot())
            self.assertIsNone(machine.State.watchdog_ms)

    def test_ctrl_c_while_the_agent_goes_first_stops_too(self):
        def act():
            raise KeyboardInterrupt

        self.chip.nvs[WDT_S] = b"120"
        for begun in ([], ["serve"]):
            self.events.clear()
            machine.State.watchdog_ms = None
            self.agent(**({"serve": act} if begun else {"act": act}))
            self.assertFalse(self.boot())
            self.assertEqual(self.events, ["first"] + begun)
            self.assertEqual(machine.State.watchdog_ms, 3_600_000)

    def test_ctrl_c_in_the_pause_before_the_reset_stops_with_the_reason_kept(self):
        # The application fails at each start: the pause is when a person has the time to press it.
        def interrupted(_ms):
            raise KeyboardInterrupt

        self.release("raise ValueError(7)")
        self.chip.nvs[WDT_S] = b"120"
        self.clock.sleep_ms = interrupted
        self.assertFalse(self.boot())
        self.assertEqual(machine.State.watchdog_ms, 3_600_000)
        self.assertEqual(self.why(), "ValueError: 7")


class Untold(Exception):
    def __str__(self) -> str:
        raise MemoryError


def is_there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


events = Module()
events.events = []
events.Untold = Untold
