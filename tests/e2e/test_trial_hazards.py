"""Releases that would keep a board for ever: each is back on the old version by itself, and EnOS reads why.

test_trial.py has the applications that raise, return, or block the event loop.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from life_fixtures import AGAIN, app, boots, informed

from host_tools.cloud import certs
from host_tools.demo.rig import DEVICE, Rig
from host_tools.release import signing
from host_tools.release.check import parse_release
from host_tools.release.make import assemble

WATCHDOG_S = 4
IDLE = "while True:\n    await asyncio.sleep(1)"
BLOCKING = '''"""A thread that never says that it is alive."""

import time


def run():
    while True:
        {act}


def self_test():
    return True


def on_progress(step, desc):
    pass
'''
MAIN = '''"""Wires the application as `{wiring}`."""

import asyncio
import json

import app
from enos_ota.agent import Agent


def main():
    with open("/enos.json") as file:
        config = json.load(file)
    config.update({changes})
    agent = Agent(config, {wiring})
    asyncio.run(agent.run())
'''
THREAD = "app=app.run, app_timeout_s=%d"
Files = dict[str, str]


def main(wiring: str = "app=app.run", **changes: Any) -> Files:
    """The release's own enos_main.py, with settings that it thinks it knows better."""
    return {"enos_main.py": MAIN.format(wiring=wiring, changes=changes)}


# name -> app.py, other files, what EnOS reads behind "1.2.0: rolled back: ".
HAZARDS: dict[str, tuple[str, Files, str]] = {
    "spins at import": (app("pass", head="\nwhile True:\n    pass\n"), {}, "watchdog"),
    "spins in enos_main": (
        app(IDLE),
        {"enos_main.py": "def main():\n    while True:\n        pass\n"},
        "watchdog",
    ),
    "hangs in C": (app("await asyncio.sleep(1)\ntime.sleep(10**6)"), {}, "watchdog"),
    "hangs in a thread": (
        BLOCKING.format(act="time.sleep(1)"),
        main(THREAD % 1),
        "the application hangs",
    ),
    "hangs in C in a thread": (  # longer than trial_app_s: it must keep its promise once
        BLOCKING.format(act="time.sleep(10**6)"),
        main(THREAD % 4),
        "the application hangs",
    ),
    "resets at import": (
        app("pass", head="\nmachine.reset()\n"),
        {},
        "reset during the trial",
    ),
    "raises in enos_main at import": (
        app(IDLE),
        {"enos_main.py": "raise ValueError('at import')\n"},
        "ValueError: at import",
    ),
    "raises in main": (
        app(IDLE),
        {"enos_main.py": "def main():\n    raise OSError(5)\n"},
        "OSError",
    ),
    "exits": (
        app(IDLE),
        {"enos_main.py": "import sys\n\n\ndef main():\n    sys.exit()\n"},
        "SystemExit",
    ),
    "returns": (
        app(IDLE),
        {"enos_main.py": "def main():\n    pass\n"},
        "enos_main.main() returned",
    ),
}


def rolled_back(
    rig: Rig,
    task: dict[str, Any],
    reason: str,
    *,
    trials: int = 1,
    version: str = "1.2.0",
    since: int = 1,
) -> None:
    """What each of these tests must have seen; `since`: how many boots there were before."""
    assert (task["status"], task["progress"]) == ("failed", -6), task
    assert task["desc"].startswith(version + ": rolled back: "), task
    assert reason in task["desc"], task
    rig.wait(
        "inform after rollback", lambda: rig.messages("inform")[-1]["time"] >= task["updated_at"]
    )
    assert informed(rig) == ["1.0.0"]
    assert boots(rig)[since:] == ["ota_1", "ota_0"] * trials


@pytest.fixture(scope="module")
def hardened(tmp_path_factory, releases):
    """One board for all of them, which keeps its release."""
    with Rig(tmp_path_factory.mktemp("hazards")) as rig:
        rig.start(releases["1.0.0"], watchdog_s=WATCHDOG_S)
        yield rig


@pytest.mark.parametrize("hazard", HAZARDS)
def test_hazard_is_back_on_the_old_version_and_reported(hardened, workshop, hazard):
    text, files, reason = HAZARDS[hazard]
    version = "1.2.0-" + hazard.replace(" ", "-")
    bad = workshop.release(version, 3, app=text, files=files, name="hazard-" + version)
    since = len(boots(hardened))
    task = hardened.wait_task(hardened.push(bad.path, version))
    rolled_back(hardened, task, reason, version=version, since=since)


def test_hazard_app_file_system_that_does_not_mount(tmp_path, releases, workshop):
    path = workshop.release("1.2.0", 3, name="no-mount").path
    content = path.read_bytes()
    image, entry = parse_release(content)
    files = bytearray(content[entry.appfs_offset :][: entry.appfs_size_bytes])
    files[: 2 * entry.appfs_block_size] = bytes(2 * entry.appfs_block_size)  # both superblocks
    entry = replace(entry, appfs_sha256=hashlib.sha256(files).digest())
    unsigned = assemble(content[: image.length], entry, bytes(files))
    path.write_bytes(signing.sign(unsigned, workshop.keys))
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], watchdog_s=WATCHDOG_S)
        rolled_back(rig, rig.wait_task(rig.push(path, "1.2.0")), "does not mount")


def test_hazard_release_that_never_reaches_enos_has_a_second_try(tmp_path, releases, workshop):
    files = main(mqtt="mqtts://localhost:1", trial_s=4, trial_app_s=1)
    bad = workshop.release("1.2.0", 3, app=app(IDLE), files=files, name="wrong-broker")
    with Rig(tmp_path, switches=AGAIN) as rig:
        rig.start(releases["1.0.0"], watchdog_s=WATCHDOG_S)
        task = rig.wait_task(rig.push(bad.path, "1.2.0"))
        rolled_back(rig, task, "not proven within 4 s", trials=2)


def test_hazard_release_that_cannot_download_the_next_one(tmp_path, releases, workshop):
    certs.ensure(tmp_path, "localhost")
    other = {"other.der": (tmp_path / "ca.der").read_bytes()}
    with Rig(tmp_path / "rig") as rig:
        # MQTT without TLS works; the file host shows a certificate that this release does not trust.
        files = main(mqtt=rig.endpoints["mqtt"], plain=["mqtt"], ca=["/other.der"], trial_app_s=1)
        bad = workshop.release("1.2.0", 3, app=app(IDLE), files=files, name="other-ca")
        rig.start(releases["1.0.0"], watchdog_s=WATCHDOG_S, extra_files=other)
        rolled_back(rig, rig.wait_task(rig.push(bad.path, "1.2.0")), "download: ")


def test_hazard_that_rolled_back_twice_is_refused_until_another_comes(tmp_path, releases, workshop):
    files = {"enos_main.py": "raise ValueError('at import')\n"}
    bad = workshop.release("1.2.0", 3, app=app(IDLE), files=files, name="hazard-twice")

    def again(version: str) -> tuple[int, str]:
        job = rig.cloud.create_job([version], [DEVICE])
        task = rig.wait_task(int(job["id"]))
        return task["progress"], task["desc"]

    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], watchdog_s=WATCHDOG_S, trial_app_s=0)
        rig.cloud.add_firmware(bad.path, "1.2.0")
        rig.cloud.add_firmware(releases["1.1.0"], "1.1.0")
        assert again("1.2.0") == (-6, "1.2.0: rolled back: ValueError: at import")
        assert again("1.2.0") == (-6, "1.2.0: rolled back: ValueError: at import")
        assert again("1.2.0") == (-7, "1.2.0: rolled back 2 times")
        assert boots(rig) == ["ota_0", "ota_1"] * 2 + ["ota_0"]
        assert again("1.1.0")[0] == 100
        assert again("1.2.0")[0] == -6
