"""A release that does not pass its trial is back on the old version by itself, and EnOS reads why."""

from __future__ import annotations

import pytest

from host_tools.demo.rig import Rig
from host_tools.demo.script import NEW_GREETING

TAIL = """

def self_test():
    return {self_test}


def on_progress(step, desc):
    pass
"""


def app(body: str, self_test: str = "True", head: str = "import asyncio") -> str:
    lines = "\n".join("    " + line for line in body.splitlines())
    return f'"""A bad one."""\n{head}\n\n\nasync def run():\n{lines}\n' + TAIL.format(
        self_test=self_test
    )


BAD = {
    "import": (app("pass", head="import nothing_like_this"), "no module named"),
    "raises": (app("raise ValueError('boom')"), "ValueError('boom',)"),
    "late": (app("await asyncio.sleep(1)\nraise ValueError('late')"), "ValueError('late',)"),
    "returns": (app("await asyncio.sleep(1)"), "the application returned"),
    "self_test": (app("while True:\n    await asyncio.sleep(1)", "False"), "self_test failed"),
    "hangs": (app("while True:\n    pass"), "watchdog"),
    "exits": (app("import sys\nsys.exit()"), "SystemExit"),
    "resets": (app("import machine\nmachine.reset()"), "reset during the trial"),
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory, releases):
    """One board for all bad ones. The agent goes on serving: after them the next release arrives."""
    with Rig(tmp_path_factory.mktemp("trial")) as rig:
        rig.start(releases["1.0.0"], watchdog_s=3)
        yield rig
        assert rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"))["status"] == "succeeded"
        rig.wait_console(NEW_GREETING)


@pytest.mark.parametrize("kind", BAD)
def test_trial_bad_application_rolls_back_and_is_reported(rig, workshop, kind):
    text, reason = BAD[kind]
    version = f"1.2.0-{kind}"
    bad = workshop.release(version, 2, app=text, name=f"bad-{kind}")
    informs = len(rig.messages("inform"))
    task = rig.wait_task(rig.push(bad.path, version))
    assert (task["status"], task["progress"]) == ("failed", -6)
    assert task["desc"].startswith(version + ": rolled back: ")
    assert reason in task["desc"]
    rig.wait("inform after rollback", lambda: len(rig.messages("inform")) > informs)
    assert {m["payload"]["params"]["version"] for m in rig.messages("inform")} == {"1.0.0"}


def test_trial_informs_the_new_version_only_after_the_mark(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"])
        rig.wait_task(rig.push(releases["1.1.0"], "1.1.0"))
        marked = rig.wait_console("trial passed")
        t_marked = next(e["t"] for e in rig.events if e.get("line") == marked)
        hundred, inform = (
            next(m["time"] for m in rig.messages(tail) if wanted in str(m["payload"]["params"]))
            for tail, wanted in (("progress", "'100'"), ("inform", "1.1.0"))
        )
        assert t_marked - 0.5 <= hundred <= inform
