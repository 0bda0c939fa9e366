"""A good release whose trial ends without its fault is confirmed in the end, and not fetched again."""

from __future__ import annotations

import pytest
from life_fixtures import AGAIN, RATE_BYTES_S, app, boots, informed

from host_tools.demo.rig import Rig
from host_tools.demo.script import NEW_GREETING

WAKES = 11
"""Boots of an image on trial: the first and ten more."""
SLEEPING = """
memory = machine.RTC().memory() or bytes(1)
if memory[0] < {wakes}:
    machine.RTC().memory(bytes([memory[0] + 1]))
    machine.deepsleep(20)
while True:
    await asyncio.sleep(1)
"""
FOR_EVER = {
    "in its coroutine": app(SLEEPING.format(wakes=255)),
    "at import": app("pass", head="\nmachine.deepsleep(20)\n"),
}


def succeeded(task, rig):
    return (task["status"], task["progress"], rig.version()) == ("succeeded", 100, "1.1.0")


def downloads(rig, release):
    """How often the file, or much of it, went to the board: the proof of the download path takes 4 KiB."""
    size_bytes = release.stat().st_size
    return len([c for c in rig.net.connections("http") if c.bytes_down > size_bytes // 4])


def said(rig):
    return [m["payload"]["params"]["step"] for m in rig.messages("progress")]


def test_innocent_release_whose_trial_a_power_cut_ended_is_confirmed(tmp_path, releases):
    with Rig(tmp_path, badnet=True, switches=AGAIN) as rig:
        rig.net.rate("http", RATE_BYTES_S)
        rig.start(releases["1.0.0"], trial_app_s=3)
        job = rig.push(releases["1.1.0"], "1.1.0")
        rig.wait_console(NEW_GREETING)
        rig.board.power_off()
        rig.board.power_on()
        task = rig.wait_task(job)
        assert succeeded(task, rig), task
        assert boots(rig) == ["ota_0", "ota_1"] * 2
        assert downloads(rig, releases["1.1.0"]) == 1
        assert "-6" not in said(rig)


def test_innocent_release_without_wifi_in_its_trial_is_confirmed(tmp_path, releases):
    with Rig(tmp_path, badnet=True, switches=AGAIN) as rig:
        rig.net.rate("http", RATE_BYTES_S)
        rig.start(releases["1.0.0"], trial_s=5, trial_app_s=0)
        job = rig.push(releases["1.1.0"], "1.1.0")
        rig.wait_console("switch to the new slot")
        rig.board.set_air(False)
        rig.wait_console("not proven within 5 s")
        rig.wait_console("version 1.0.0", count=3)  # it runs and was informed, and runs again
        rig.board.set_air(True)
        task = rig.wait_task(job, timeout_s=90)
        assert succeeded(task, rig), task
        assert boots(rig) == ["ota_0", "ota_1"] * 2
        assert downloads(rig, releases["1.1.0"]) == 1


def test_innocent_release_whose_wifi_goes_away_in_the_midst_of_its_trial_is_confirmed(
    tmp_path, releases
):
    with Rig(tmp_path, badnet=True, switches=AGAIN) as rig:
        rig.net.rate("http", RATE_BYTES_S)
        rig.start(releases["1.0.0"], trial_s=10, trial_app_s=7, keepalive_s=2)
        job = rig.push(releases["1.1.0"], "1.1.0")
        rig.wait("the 99 of its trial", lambda: "99" in said(rig))
        rig.board.set_air(False)
        rig.wait_console("not proven within 10 s")
        rig.board.set_air(True)
        task = rig.wait_task(job, timeout_s=90)
        assert succeeded(task, rig), task
        assert boots(rig) == ["ota_0", "ota_1"] * 2
        assert downloads(rig, releases["1.1.0"]) == 1


def test_innocent_only_once_two_power_cuts_in_the_trial_end_it(tmp_path, releases):
    with Rig(tmp_path, switches=AGAIN) as rig:
        rig.start(releases["1.0.0"], trial_app_s=3)
        job = rig.push(releases["1.1.0"], "1.1.0")
        for count in (1, 2):
            rig.wait_console(NEW_GREETING, count=count)
            rig.board.power_off()
            rig.board.power_on()
        task = rig.wait_task(job)
        assert (task["status"], task["progress"]) == ("failed", -6), task
        assert task["desc"] == "1.1.0: rolled back: power was lost in its trial"
        assert boots(rig) == ["ota_0", "ota_1"] * 2 + ["ota_0"]
        assert informed(rig) == ["1.0.0"]


def test_innocent_release_that_sleeps_in_its_trial_is_confirmed(tmp_path, releases, workshop):
    text = app(SLEEPING.format(wakes=9))
    sleepy = workshop.release("1.1.0", 2, app=text, name="sleeps-nine-times")
    with Rig(tmp_path, switches=AGAIN) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        task = rig.wait_task(rig.push(sleepy.path, "1.1.0"))
        assert succeeded(task, rig), task
        assert boots(rig) == ["ota_0"] + ["ota_1"] * 10


@pytest.mark.parametrize("where", FOR_EVER)
def test_innocent_no_more_a_release_that_sleeps_for_ever_is_rolled_back(
    tmp_path, releases, workshop, where
):
    name = "sleeps-" + where.replace(" ", "-")
    bad = workshop.release("1.1.0", 2, app=FOR_EVER[where], name=name)
    with Rig(tmp_path, switches=AGAIN) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        task = rig.wait_task(rig.push(bad.path, "1.1.0"))
        assert (task["status"], task["progress"]) == ("failed", -6), task
        assert "no proof within 10 wakes" in task["desc"]
        # The last boot only counts itself.
        assert boots(rig) == ["ota_0"] + ["ota_1"] * (WAKES + 1) + ["ota_0"]
