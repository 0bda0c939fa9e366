"""/boot.py: how failures in a row are counted, and that no step of it keeps /main.py from running."""

import builtins
import sys

import vfs

import esp32
import machine
from bootstub import NVS, PENDING, VALID, OnBoard
from helpers import Clock

WHY = (NVS, "why")


class TestFails(OnBoard):
    """The table of the counter, one row each."""

    def after(self, before, cause=machine.HARD_RESET, why=None, state=VALID):
        """The count after a boot."""
        self.power_up((1, state))
        if before is not None:
            self.chip.nvs[(NVS, "fails")] = before
        if why is not None:
            self.chip.nvs[WHY] = why
        self.boot(cause)
        return self.fails()

    def test_new_board_begins_with_0(self):
        self.assertEqual(self.after(None), 0)
        self.assertEqual(self.after(None, machine.WDT_RESET), 1)

    def test_watchdog_reset_is_one_more(self):
        for before in (-1, 0, 2, 5, 6, 100):
            self.assertEqual(self.after(before, machine.WDT_RESET), before + 1)

    def test_reason_that_main_kept_is_one_more(self):
        for before in (-1, 0, 2, 5):
            self.assertEqual(self.after(before, why=b"KeyError: 7"), before + 1)
            self.assertEqual(self.after(before, machine.SOFT_RESET, b"x" * 80), before + 1)

    def test_reason_counts_once_though_the_power_goes_before_it_is_read(self):
        self.assertEqual(self.after(2, machine.PWRON_RESET, b"KeyError: 7"), 2)

    def test_watchdog_reset_with_a_reason_is_one_failure(self):
        self.assertEqual(self.after(2, machine.WDT_RESET, b"out of memory"), 3)

    def test_blank_reason_is_none(self):
        for why in (b" ", b""):
            self.assertEqual(self.after(2, why=why), 2)

    def test_power_on_reset_and_soft_reset_change_nothing(self):
        # A board that is switched off and on must neither be saved nor be safe.
        for cause in (machine.PWRON_RESET, machine.HARD_RESET, machine.SOFT_RESET):
            for before in (0, 2, 6):
                self.assertEqual(self.after(before, cause), before)

    def test_wake_from_deep_sleep_clears_it(self):
        # An application that went to sleep did not fail at its start.
        for before in (-1, 0, 2, 6):
            self.assertEqual(self.after(before, machine.DEEPSLEEP_RESET), 0)

    def test_image_on_trial_sets_it_to_minus_1_whatever_came_before(self):
        for before in (None, 0, 5, 9):
            for cause in (machine.HARD_RESET, machine.WDT_RESET, machine.DEEPSLEEP_RESET):
                self.assertEqual(self.after(before, cause, b"KeyError: 7", PENDING), -1)


class TestResets(OnBoard):
    """The counter of resets that nobody gave a reason for."""

    def after(self, cause, before=2, why=None, state=VALID):
        """The count after a boot."""
        self.power_up((1, state), resets=before)
        if why is not None:
            self.chip.nvs[WHY] = why
        self.boot(cause)
        return self.chip.nvs[(NVS, "resets")]

    def test_reset_without_a_reason_is_one_more(self):
        # machine.reset() and a panic look alike.
        self.assertEqual(self.after(machine.HARD_RESET), 3)
        self.assertEqual(self.after(machine.HARD_RESET, why=b" "), 3)

    def test_other_causes_and_resets_with_a_reason_change_nothing(self):
        for cause in (machine.PWRON_RESET, machine.WDT_RESET, machine.SOFT_RESET):
            self.assertEqual(self.after(cause), 2)
        self.assertEqual(self.after(machine.HARD_RESET, why=b"KeyError: 7"), 2)

    def test_wake_from_deep_sleep_and_a_trial_clear_it(self):
        self.assertEqual(self.after(machine.DEEPSLEEP_RESET), 0)
        for cause in (machine.HARD_RESET, machine.WDT_RESET):
            self.assertEqual(self.after(cause, state=PENDING), 0)


class TestTold(OnBoard):
    """/main.py shares the globals of /boot.py, and tells the trouble with the files as the reason of its reset."""

    def why(self, state, act):
        """The reason that is kept when both have run and there is no release to import."""
        self.power_up((1, state))
        self.put_files()
        act()
        (folder,) = [folder for folder in self.path if folder.endswith("/tests")]
        modules = dict(sys.modules)
        sys.modules["time"] = Clock()
        shared = {"__name__": "__main__"}
        try:
            for name in ("boot", "main"):
                self.run_stub(folder + "/../../../boot/" + name + ".py", shared)
            raise AssertionError("no reset")
        except machine.Reset:
            pass
        finally:
            sys.modules.clear()  # /main.py did, too
            sys.modules.update(modules)
        return self.chip.nvs[WHY].decode()

    def run_stub(self, source, shared) -> None:
        with open(source) as file:
            exec(file.read(), shared)

    def test_files_that_do_not_mount_are_the_reason_in_place_of_what_follows_from_it(self):
        for state in (PENDING, VALID):
            self.assertIn("does not mount", self.why(state, self.damage_files))

    def test_release_that_cannot_be_imported_is_the_reason_where_its_files_mount(self):
        self.assertIn("enos_main", self.why(PENDING, lambda: None))


class Vfs:
    """Stands for the module `vfs`: all of its functions raise `error`, or those named do."""

    def __init__(self, error, *names) -> None:
        self.error = error
        self.names = names
        for name in ("mount", "VfsLfs2"):
            setattr(self, name, self.fail if name in names else getattr(vfs, name))

    def fail(self, *arguments, **options):
        raise self.error


class TestTrouble(OnBoard):
    """Whatever a step raises, /boot.py comes to its end: else MicroPython would never run /main.py."""

    def survives(self, prepare) -> None:
        """In a trial and without, with and without failures before."""
        for state in (VALID, PENDING):
            for fails in (0, 6):
                self.power_up((1, state), fails=fails)
                self.put_files()
                undo = prepare()
                try:
                    boot = self.boot(machine.WDT_RESET)
                finally:
                    undo()
                self.assertEqual(sys.path[1:], ["", ".frozen", "/lib"])
                self.assertTrue(hasattr(boot, "files_trouble"))
                self.assertFalse(hasattr(boot, "guarded"))

    def raising(self, module, name):
        """Each kind of error, raised by one function of a module."""
        real = getattr(module, name)
        for error in (OSError(-24577), MemoryError(), KeyboardInterrupt(), SystemExit()):

            def fail(*arguments, error=error, **options):
                raise error

            def prepare(fail=fail):
                setattr(module, name, fail)
                return lambda: setattr(module, name, real)

            self.survives(prepare)

    def test_nvs_that_cannot_be_opened(self):
        self.raising(esp32, "NVS")

    def test_nvs_that_cannot_be_read(self):
        self.raising(esp32.NVS, "get_i32")
        self.raising(esp32.NVS, "get_blob")

    def test_nvs_that_cannot_be_written(self):
        self.raising(esp32.NVS, "set_i32")
        self.raising(esp32.NVS, "commit")

    def test_running_slot_that_cannot_be_told(self):
        self.raising(esp32.Partition, "__init__")
        self.raising(esp32.Partition, "info")

    def test_table_that_cannot_be_read(self):
        self.raising(esp32.Partition, "find")

    def test_flash_that_cannot_be_read(self):
        self.raising(esp32.Partition, "readblocks")

    def test_watchdog_that_cannot_be_armed(self):
        self.raising(machine, "WDT")

    def test_reset_cause_that_cannot_be_told(self):
        self.raising(machine, "reset_cause")

    def test_file_systems_that_cannot_be_made_or_mounted(self):
        for name in ("mount", "VfsLfs2"):
            for error in (OSError(1), MemoryError(), KeyboardInterrupt(), SystemExit()):

                def prepare(error=error, name=name):
                    sys.modules["vfs"] = Vfs(error, name)
                    return lambda: sys.modules.pop("vfs")

                self.survives(prepare)

    def test_copy_of_the_agent_that_cannot_be_opened(self):
        self.raising(builtins, "open")
