"""An application that fails long after it was confirmed: the board is still in reach, and says what it runs."""

from __future__ import annotations

import pytest
from life_fixtures import app, boots, damage, informed, restart, upgrade

from host_tools.demo.rig import Rig
from host_tools.demo.script import NEW_GREETING
from host_tools.release.check import parse_release

LATE = app(
    "print('app: well')\nwhile True:\n    await asyncio.sleep(1)",
    head="""
mark = bytearray(1)
esp32.Partition("phy_init").readblocks(0, mark)
if mark == b"x":
    raise ValueError("late")
while mark == b"h":
    pass
if mark == b"r":
    machine.reset()
""",
)
LATE_MAIN = """
import asyncio
import network

import app
from enos_ota.agent import Agent


def main():
    network.WLAN(network.STA_IF).active(True)
    network.WLAN(network.STA_IF).connect("demo", "demo-password")
    agent = Agent(app=app.run, self_test=app.self_test, on_progress=app.on_progress)
    asyncio.run(agent.run())
"""
WATCHDOG_S = 4


@pytest.fixture(scope="module")
def late(workshop):
    """Releases that fail at each start as soon as the test wants it."""
    return {
        version: workshop.release(version, number, app=LATE, name="late-" + version).path
        for number, version in ((1, "1.0.0"), (2, "1.1.0"))
    }


def test_safe_mode_three_exceptions_return_to_the_former_release(tmp_path, releases, late):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        upgrade(rig, late["1.1.0"], "1.1.0")
        restart(rig, b"x", fails=0)  # it ran well for long
        rig.wait_version("1.0.0", timeout_s=120)
        assert len([line for line in rig.console() if line == "ValueError: late"]) == 3
        assert "back to the former release 1.0.0" in "\n".join(rig.console())
        assert informed(rig) == ["1.0.0", "1.1.0", "1.0.0"]
        # It stays, nobody is told of an upgrade, and the next one arrives.
        seen = len(rig.messages("inform"))
        restart(rig)
        rig.wait("inform", lambda: len(rig.messages("inform")) > seen)
        assert boots(rig)[-1] == "ota_0"
        steps = [m["payload"]["params"]["step"] for m in rig.messages("progress")]
        assert steps.count("100") == 1
        upgrade(rig, releases["1.3.0"], "1.3.0")


def test_safe_mode_a_hang_returns_to_the_former_release(tmp_path, releases, late):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0, watchdog_s=WATCHDOG_S)
        upgrade(rig, late["1.1.0"], "1.1.0")
        restart(rig, b"h", fails=2)
        rig.wait_version("1.0.0", timeout_s=60)
        causes = [event["cause"] for event in rig.events if event.get("event") == "reset"]
        assert causes[-2:] == ["WDT", "HARD"]


@pytest.mark.parametrize("mark", [b"x", b"h"], ids=["exception", "hang"])
def test_safe_mode_without_a_former_release_is_informed_and_upgradable(
    tmp_path, releases, late, mark
):
    with Rig(tmp_path) as rig:
        rig.start(late["1.0.0"], trial_app_s=0, watchdog_s=WATCHDOG_S)
        restart(rig, mark, fails=2)
        rig.wait_version("1.0.0+safe", timeout_s=60)
        upgrade(rig, releases["1.1.0"], "1.1.0")
        rig.wait_console(NEW_GREETING)
        assert informed(rig) == ["1.0.0", "1.0.0+safe", "1.1.0"]


def test_safe_mode_is_not_for_resets_without_a_reason_but_the_agent_goes_first(
    tmp_path, releases, late
):
    # What panics at each start looks like what calls machine.reset().
    with Rig(tmp_path) as rig:
        rig.start(late["1.0.0"], trial_app_s=0)
        restart(rig, b"r")
        rig.wait_console("the agent goes first: the board resets again and again", timeout_s=60)
        rig.wait("inform", lambda: len(rig.messages("inform")) >= 2)
        assert informed(rig) == ["1.0.0"]
        assert boots(rig)[1:] == ["ota_0"] * 6
        upgrade(rig, releases["1.1.0"], "1.1.0")
        rig.wait_console(NEW_GREETING)


@pytest.mark.parametrize("fails", [2, 5], ids=["safe", "rescue"])
def test_safe_mode_beside_an_external_network_lets_the_application_try_again(
    tmp_path, workshop, fails
):
    files = {"enos_main.py": LATE_MAIN}
    release = workshop.release("1.0.0", 1, app=LATE, files=files, name="late-external")
    with Rig(tmp_path) as rig:
        rig.start(release.path, network="external", trial_app_s=0)
        restart(rig, b"x", fails=fails)
        rig.wait_console("ValueError: late")
        restart(rig, b"-")  # what it lacked is there again
        seen = len(rig.messages("inform"))
        rig.wait("inform", lambda: len(rig.messages("inform")) > seen, timeout_s=60)
        assert informed(rig) == ["1.0.0"]


def test_safe_mode_returns_to_a_whole_release_only(tmp_path, releases, late):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        upgrade(rig, late["1.1.0"], "1.1.0")
        _, record = parse_release(releases["1.0.0"].read_bytes())
        damage(rig, "ota_0", record.appfs_offset + record.appfs_size_bytes // 2, bytes(64))
        restart(rig, b"x", fails=2)
        rig.wait_version("1.1.0+safe", timeout_s=60)


def test_safe_mode_returns_once(tmp_path, late, releases):
    with Rig(tmp_path) as rig:
        rig.start(late["1.0.0"], trial_app_s=0)
        upgrade(rig, late["1.1.0"], "1.1.0")
        restart(rig, b"x", fails=2)
        rolled_back = {"event": "rollback", "slot": "ota_0"}.items()
        rig.wait("the end", lambda: [e for e in rig.events if rolled_back <= e.items()])
        restart(rig, b"x", fails=2)
        rig.wait_version("1.1.0+safe", timeout_s=60)
        assert boots(rig).count("ota_0") == 2
        reported = [m["payload"]["params"]["step"] for m in rig.messages("progress")]
        assert "-6" not in reported  # no upgrade was rolled back
        upgrade(rig, releases["1.3.0"], "1.3.0")
