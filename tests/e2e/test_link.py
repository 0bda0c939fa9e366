"""The ways to a network: a hook of the release's, the application itself, several Wi-Fi networks."""

from __future__ import annotations

import pytest
from life_fixtures import AGAIN, boots, damage, informed, set_board, upgrade

from host_tools.demo.rig import Rig
from host_tools.demo.script import NEW_GREETING
from host_tools.release.check import parse_release

WIFI = [{"ssid": "demo", "password": "demo-password"}]
AGENT_JOINED = "Wi-Fi joined"
# Stands for Ethernet, which the simulated board has none of.
JOIN = """
import network

wlan = network.WLAN(network.STA_IF)
if not wlan.isconnected():
    wlan.active(True)
    wlan.connect("demo", "demo-password")
    for _ in range(100):
        if wlan.isconnected():
            print("hook: up")
            return
        {pause}
    raise OSError("no network")
"""


def hook(is_coroutine: bool = True) -> str:
    """An enos_link.py."""
    pause = "await asyncio.sleep_ms(100)" if is_coroutine else "time.sleep_ms(100)"
    lines = JOIN.format(pause=pause).strip().splitlines()
    body = "\n".join("    " + line for line in lines)
    return f"import asyncio\nimport time\n\n\n{'async ' * is_coroutine}def up():\n{body}\n"


def main(mode: str = "auto", before: str = "") -> str:
    """An enos_main.py."""
    return f"""
import asyncio
import network

import app
from enos_ota.agent import Agent


def main():
    {before}
    agent = Agent(app=app.run, self_test=app.self_test, upgrade="{mode}")
    asyncio.run(agent.run())
"""


@pytest.fixture
def rig(tmp_path):
    with Rig(tmp_path) as made:
        yield made


def start(rig: Rig, release, **settings) -> None:
    """A board that has to find the network `demo` in some way."""
    rig.make_board(release, trial_app_s=0, **settings)
    set_board(rig, network={**rig.board.files.config()["network"], "wifi": WIFI})
    rig.board.power_on()
    rig.wait_version("1.0.0")


def count(rig: Rig, text: str) -> int:
    return len([line for line in rig.console() if text in line])


@pytest.fixture(scope="module")
def hooked(workshop):
    """Releases with a hook, by version and by how they upgrade."""
    made = {}
    for number, version in ((1, "1.0.0"), (2, "1.1.0")):
        for mode in ("auto", "reboot"):
            files = {"enos_main.py": main(mode), "enos_link.py": hook(mode == "auto")}
            name = f"hooked-{mode}-{version}"
            info = workshop.release(version, number, files=files, name=name)
            made[version, mode] = info.path
    return made


def test_hook_brings_the_network_up_and_the_board_is_upgraded(rig, hooked):
    start(rig, hooked["1.0.0", "auto"], network="hook", wifi=[])
    upgrade(rig, hooked["1.1.0", "auto"], "1.1.0")
    assert (count(rig, "hook: up"), count(rig, AGENT_JOINED)) == (2, 0)


def test_hook_brings_the_network_up_for_an_agent_that_is_alone(rig, hooked):
    start(rig, hooked["1.0.0", "reboot"], network="hook", wifi=[])
    upgrade(rig, hooked["1.1.0", "reboot"], "1.1.0")
    # With a hook's module beside it, memory may take it a second boot of its own.
    alone = count(rig, "the agent goes first: upgrade to 1.1.0")
    assert alone in (1, 2)
    assert boots(rig) == ["ota_0", *["ota_0"] * alone, "ota_1"]
    assert (count(rig, "hook: up"), count(rig, AGENT_JOINED)) == (2 + alone, 0)


def test_hook_that_a_release_lacks_rolls_it_back_and_says_so(tmp_path, hooked, releases):
    with Rig(tmp_path, switches=AGAIN) as rig:
        start(rig, hooked["1.0.0", "auto"], network="hook", wifi=[], trial_s=8)
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"))
        assert (task["status"], task["progress"]) == ("failed", -6), task
        assert "enos_link: ImportError" in task["desc"], task
        rig.wait_version("1.0.0")


def test_hook_in_the_root_serves_the_copy_of_the_agent(rig, hooked):
    files = {"enos_link.py": hook().encode()}
    start(rig, hooked["1.0.0", "auto"], network="hook", wifi=[], extra_files=files)
    _, record = parse_release(hooked["1.0.0", "auto"].read_bytes())
    damage(rig, "ota_0", record.appfs_offset, bytes(2 * record.appfs_block_size))
    rig.board.power_on()
    rig.wait_version("1.0.0+rescue", timeout_s=60)


def test_network_of_the_application_is_used_and_the_board_upgraded(rig, workshop, releases):
    join = "network.WLAN(network.STA_IF).active(True); " + (
        'network.WLAN(network.STA_IF).connect("demo", "demo-password")'
    )
    files = {"enos_main.py": main("auto", join)}
    made = [
        workshop.release(version, number, files=files, name="external-" + version).path
        for number, version in ((1, "1.0.0"), (2, "1.1.0"))
    ]
    start(rig, made[0], network="external", wifi=[])
    upgrade(rig, made[1], "1.1.0")
    assert informed(rig) == ["1.0.0", "1.1.0"]
    assert count(rig, AGENT_JOINED) == 0


def test_second_network_is_joined_where_the_first_is_not_in_the_air(rig, releases):
    wifi = [{"ssid": "away", "password": "other-password"}, *WIFI]
    start(rig, releases["1.0.0"], wifi=wifi)
    upgrade(rig, releases["1.1.0"], "1.1.0")
    rig.wait_console(NEW_GREETING)
    assert count(rig, "Wi-Fi: away not joined, status 201") == count(rig, AGENT_JOINED) == 2
