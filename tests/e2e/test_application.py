"""Whatever the application of a confirmed release does, the next release still reaches the board."""

from __future__ import annotations

import pytest

from host_tools.demo.rig import Rig
from host_tools.demo.script import NEW_GREETING

HOOKS = """

def self_test():
    return True


def on_progress(step, desc):
    pass
"""

# What the application does, and the console line after which EnOS has a better release for it.
BAD = {
    "blocks for ever": (
        "async def run():\n    await asyncio.sleep(2)\n    while True:\n        pass",
        "the agent goes first: watchdog",
    ),
    "blocks for ever in a thread": (
        "def run():\n    print('app: spins')\n    while True:\n        pass",
        "app: spins",
    ),
    "floods the memory": (
        "hoard = []\n\n\nasync def run():\n    while True:\n"
        "        hoard.append(bytearray(200))\n        await asyncio.sleep_ms(0)",
        "connected to EnOS",
    ),
    "floods the memory in a thread": (
        "hoard = []\n\n\ndef run():\n    while True:\n"
        "        hoard.append(bytearray(200))\n        time.sleep_ms(1)",
        "connected to EnOS",
    ),
    "starts a watchdog and forgets it": (
        "async def run():\n    machine.WDT(timeout=2000)\n    print('app: armed')\n"
        "    while True:\n        await asyncio.sleep(60)",
        "app: armed",
    ),
    "turns Wi-Fi off once": (
        "async def run():\n    await asyncio.sleep(1)\n"
        "    network.WLAN(network.STA_IF).active(False)\n    print('app: off')\n"
        "    while True:\n        await asyncio.sleep(60)",
        "app: off",
    ),
    "turns Wi-Fi off again and again": (
        "async def run():\n    while True:\n"
        "        network.WLAN(network.STA_IF).active(False)\n        await asyncio.sleep_ms(50)",
        "the agent goes first: Wi-Fi: turned off by the application",
    ),
    "raises at import": (
        "raise ValueError('at import')",
        "the agent goes first: ValueError: at import",
    ),
    "raises": ("async def run():\n    raise ValueError('soon')", "ValueError: soon"),
    "returns": ("async def run():\n    print('app: over')", "app: over"),
    "exits": (
        "import sys\n\n\nasync def run():\n    sys.exit()",
        "the agent goes first: SystemExit",
    ),
}


def app(body: str) -> str:
    return f'"""A bad one."""\n\nimport asyncio\nimport machine\nimport network\nimport time\n\n{body}\n{HOOKS}'


def seen(rig, task):
    """Why, and what the board said before."""
    return "\n".join([task["desc"], *rig.console()[-60:]])


@pytest.mark.parametrize("kind", BAD)
def test_application_bad_one_does_not_keep_the_next_release_away(
    tmp_path, releases, workshop, kind
):
    body, sign = BAD[kind]
    bad = workshop.release("1.0.0", 1, app=app(body), name="bad-" + kind.replace(" ", "-"))
    with Rig(tmp_path) as rig:
        rig.make_board(bad.path, watchdog_s=5, stuck_s=5, trial_app_s=0)
        rig.board.power_on()
        rig.wait_console(sign, timeout_s=90)
        rig.wait_version("1.0.0")
        task = rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"), timeout_s=120)
        assert (task["status"], task["progress"]) == ("succeeded", 100), seen(rig, task)
        rig.wait_console(NEW_GREETING)
        assert rig.version() == "1.1.0"
