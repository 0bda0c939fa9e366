"""Resets, watchdog, clock and RTC memory."""

import time

import pytest
from simboard_fixtures import SimulatedBoard

from host_tools.simboard import process

CAUSE = "import machine, time\nprint('cause', machine.reset_cause())\n"


def causes(board):
    return [cause for _, cause in board.boots()]


def test_reset_causes_have_the_ports_numbers(tmp_path):
    script = """
import machine as m
show("names", lambda: (m.PWRON_RESET, m.HARD_RESET, m.WDT_RESET, m.DEEPSLEEP_RESET, m.SOFT_RESET))
show("cause", lambda: m.reset_cause())
show("unique_id", lambda: (len(m.unique_id()), m.unique_id() == m.unique_id()))
show("freq", lambda: m.freq())
show("freq_set", lambda: (m.freq(240_000_000), m.freq()))
show("freq_bad", lambda: m.freq(1))
show("idle", lambda: m.idle())
show("uname", lambda: __import__("os").uname()[0])
show("platform", lambda: __import__("sys").platform)
show("wdt_id", lambda: m.WDT(1))
show("wdt_short", lambda: m.WDT(timeout=0))
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script).run().values()
    assert values["names"] == (1, 2, 3, 4, 5)
    assert values["cause"] == 1
    assert values["unique_id"] == (6, True)
    assert values["freq"] == 160_000_000
    assert values["freq_set"] == (None, 240_000_000)
    assert values["freq_bad"][0] == "ValueError"
    assert values["idle"] is None
    assert (values["uname"], values["platform"]) == ("esp32", "esp32")
    assert values["wdt_id"] == ("ValueError",)
    assert values["wdt_short"][0] == "ValueError"


def test_machine_reset_is_a_hard_reset(tmp_path):
    board = SimulatedBoard(tmp_path, CAUSE + "if machine.reset_cause() == 1: machine.reset()")
    with board:
        board.until("cause", 2)
    assert causes(board) == ["PWRON", "HARD"]
    assert "cause 2" in board.console


def test_crash_of_the_vm_is_a_hard_reset(tmp_path):
    crash = "import uctypes\nif machine.reset_cause() == 1: uctypes.bytearray_at(8, 8)[0]"
    board = SimulatedBoard(tmp_path, CAUSE + crash)
    with board:
        board.until("cause", 2)
    assert causes(board) == ["PWRON", "HARD"]


def test_exception_ends_at_the_prompt_with_threads_going_on(tmp_path):
    script = """
import _thread, time
def alive():
    time.sleep_ms(50)
    print("alive")
_thread.start_new_thread(alive, ())
1/0
"""
    board = SimulatedBoard(tmp_path, script).run(">>> alive")
    assert "ZeroDivisionError: divide by zero" in board.console
    assert causes(board) == ["PWRON"]
    assert not any("simboard" in line for line in board.console)


def test_exception_in_boot_py_keeps_main_py_from_running(tmp_path):
    board = SimulatedBoard(tmp_path, "print('main ran')", boot="raise ValueError('no')")
    board.run("Type")
    assert '  File "boot.py", line 1, in <module>' in board.console
    assert "main ran" not in board.console


@pytest.mark.parametrize("where", ["boot", "main"])
def test_sys_exit_is_a_soft_reset_that_runs_both_files_again(tmp_path, where):
    leave = "import sys, machine\nif machine.reset_cause() != 5: sys.exit()\n"
    main, boot = "print('main')\n", "print('boot')\n"
    if where == "boot":
        boot += leave
    else:
        main += leave
    board = SimulatedBoard(tmp_path, "import machine\n" + main + CAUSE, boot=boot).run("cause 5")
    lines = [line for line in board.console if line in ("boot", "main", "MPY: soft reboot")]
    reboot = (
        ["boot", "MPY: soft reboot"] if where == "boot" else ["boot", "main", "MPY: soft reboot"]
    )
    assert lines == [*reboot, "boot", "main"]
    assert causes(board) == ["PWRON", "SOFT"]


def test_program_that_always_exits_loops(tmp_path):
    board = SimulatedBoard(tmp_path, "import sys\nsys.exit()")
    with board:
        board.until("MPY: soft reboot", 3)
    assert causes(board)[:3] == ["PWRON", "SOFT", "SOFT"]


def test_machine_soft_reset_keeps_wifi_and_clock(tmp_path):
    script = """
import machine, network, time
sta = network.WLAN(0)
if machine.reset_cause() == 1:
    sta.active(True)
    sta.connect("demo", "secret")
    while not sta.isconnected():
        time.sleep_ms(5)
    machine.RTC().datetime((2026, 5, 6, 0, 7, 8, 9, 0))
    machine.soft_reset()
show("state", lambda: (sta.isconnected(), time.gmtime()[:2]))
print("DONE")
"""
    assert SimulatedBoard(tmp_path, script).run().values()["state"] == (True, (2026, 5))


def test_watchdog_not_fed_resets(tmp_path):
    hang = "if machine.reset_cause() == 1:\n    machine.WDT(timeout=200)\n    while True: pass"
    board = SimulatedBoard(tmp_path, CAUSE + hang)
    with board:
        board.until("cause", 2)
    assert causes(board) == ["PWRON", "WDT"]
    assert "cause 3" in board.console


def test_watchdog_fed_does_not_reset(tmp_path):
    script = """
import machine, time
w = machine.WDT(timeout=400)
for _ in range(16):
    time.sleep_ms(50)
    w.feed()
print("DONE")
"""
    assert causes(SimulatedBoard(tmp_path, script).run()) == ["PWRON"]


@pytest.mark.parametrize(("first", "second", "outcome"), [(200, 60000, 1), (60000, 200, 2)])
def test_watchdog_constructed_again_has_the_new_time_out(tmp_path, first, second, outcome):
    script = f"""
if machine.reset_cause() == 1:
    machine.WDT(timeout={first})
    machine.WDT(timeout={second})
    time.sleep_ms(800)
print("DONE")
"""
    board = SimulatedBoard(tmp_path, CAUSE + script).run()
    assert len(board.boots()) == outcome


def test_watchdog_outlives_a_soft_reset(tmp_path):
    script = """
import sys
if machine.reset_cause() == 1:
    machine.WDT(timeout=400)
    sys.exit()
while machine.reset_cause() == 5:
    time.sleep_ms(10)
print("DONE")
"""
    assert causes(SimulatedBoard(tmp_path, CAUSE + script).run()) == ["PWRON", "SOFT", "WDT"]


def test_watchdog_ends_with_the_reset_it_caused(tmp_path):
    script = """
if machine.reset_cause() == 1:
    machine.WDT(timeout=150)
    while True: pass
time.sleep_ms(400)
print("DONE")
"""
    assert causes(SimulatedBoard(tmp_path, CAUSE + script).run()) == ["PWRON", "WDT"]


def test_watchdog_fires_at_the_prompt(tmp_path):
    script = "if machine.reset_cause() == 1:\n    machine.WDT(timeout=200)\n    1/0\nprint('DONE')"
    assert causes(SimulatedBoard(tmp_path, CAUSE + script).run()) == ["PWRON", "WDT"]


def test_deep_sleep_ends_with_its_time(tmp_path):
    script = "if machine.reset_cause() == 1: machine.deepsleep(50)\nprint('DONE')"
    board = SimulatedBoard(tmp_path, CAUSE + script).run()
    assert causes(board) == ["PWRON", "DEEPSLEEP"]
    assert "cause 4" in board.console


def test_deep_sleep_without_a_time_lasts_until_power_is_cut(tmp_path):
    board = SimulatedBoard(tmp_path, CAUSE + "machine.deepsleep()")
    with board:
        board.until(lambda event: event["event"] == "reset")
        assert not board.board.wait(0.3)
    assert causes(board) == ["PWRON"]


def test_clock_starts_at_2000_with_whole_seconds(tmp_path):
    script = """
import time, machine
show("time", lambda: (time.time() < 60, type(time.time()).__name__))
show("gmtime", lambda: (time.gmtime()[:3], len(time.gmtime())))
show("epoch", lambda: time.gmtime(0))
show("localtime", lambda: time.localtime(86400)[:3])
show("mktime", lambda: time.mktime((2000, 1, 2, 0, 0, 0, 0, 0)))
show("time_ns", lambda: time.time_ns() < 60 * 10**9)
show("rtc", lambda: machine.RTC().datetime()[:4])
show("utime", lambda: __import__("utime").time() < 60)
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script).run().values()
    assert values["time"] == (True, "int")
    assert values["gmtime"] == ((2000, 1, 1), 8)
    assert values["epoch"] == (2000, 1, 1, 0, 0, 0, 5, 1)
    assert values["localtime"] == (2000, 1, 2)
    assert values["mktime"] == 86400
    assert values["time_ns"] is True
    assert values["rtc"] == (2000, 1, 1, 5)
    assert values["utime"] is True


def test_clock_set_runs_on_over_resets_and_is_lost_with_power(tmp_path):
    script = """
import machine, time
print("year", time.gmtime()[0], machine.RTC().memory())
if machine.reset_cause() == 1:
    machine.RTC().datetime((2031, 2, 3, 0, 4, 5, 6, 789))
    machine.RTC().memory(b"kept")
    show("set", lambda: (time.gmtime()[:6], machine.RTC().datetime()[:7]))
    machine.reset()
if machine.reset_cause() == 2:
    machine.deepsleep(10)
print("DONE")
"""
    board = SimulatedBoard(tmp_path, script).run()
    assert board.values()["set"] == ((2031, 2, 3, 4, 5, 6), (2031, 2, 3, 0, 4, 5, 6))
    years = [line for line in board.console if line.startswith("year")]
    assert years == ["year 2000 b''", "year 2031 b'kept'", "year 2031 b'kept'"]
    board.log.clear()
    board.run()
    assert board.console[0] == "year 2000 b''"


def test_rtc_memory_takes_2048_bytes(tmp_path):
    script = """
import machine
rtc = machine.RTC()
show("most", lambda: (rtc.memory(b"x" * 2048), len(rtc.memory()))[1])
show("more", lambda: rtc.memory(b"x" * 2049))
show("less", lambda: (rtc.memory(b"ab"), rtc.memory())[1])
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script).run().values()
    assert values["most"] == 2048
    assert values["more"] == ("ValueError", "buffer too long")
    assert values["less"] == b"ab"


def test_flash_stands_still_after_reset_whatever_other_threads_do(tmp_path, monkeypatch):
    """The kill is held back here, so that only the chip's own latch can stop the writer."""
    script = """
import _thread, machine
from esp32 import Partition
def write():
    n = 0
    while True:
        Partition("data").writeblocks(n % 40, bytes([n & 255]) * 4096)
        n += 1
if machine.reset_cause() == 1:
    _thread.start_new_thread(write, ())
    import time
    time.sleep_ms(50)
    machine.reset()
print("DONE")
"""
    board = SimulatedBoard(tmp_path, script)
    seen = []
    kill = process.Vm.kill

    def late_kill(vm):
        for _ in range(2):
            seen.append(board.flash(0x3E0000, 40 * 4096))
            time.sleep(0.1)
        kill(vm)

    board.board.power_on()
    monkeypatch.setattr(process.Vm, "kill", late_kill)
    board.until("DONE")
    monkeypatch.undo()
    board.board.power_off()
    assert causes(board) == ["PWRON", "HARD"]
    assert len(set(seen[0])) > 2
    assert seen[0] == seen[1]
