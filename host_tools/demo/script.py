"""What the demo does, step by step, and what must have been seen at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tools.demo.rig import DEVICE, Json, Rig
from host_tools.demo.workshop import Workshop
from host_tools.release import keys

NEW_GREETING = "hello over the air"
BAD_APP = '''"""A bad release: the application raises as soon as it runs."""


async def run() -> None:
    raise RuntimeError("a bad release")


def self_test() -> bool:
    return True


def on_progress(step: int, desc: str) -> None:
    pass
'''
FOREIGN = "6.6.6"
"""Right in all but the key that signed it: what somebody commands who got hold of the EnOS account."""
LEAST_STEPS = 5


@dataclass
class Act:
    """One upgrade of the demo: what was tried, and how it ended."""

    title: str
    version: str
    task: Json = field(default_factory=dict)
    seconds: float = 0.0
    runs: str = ""
    slot: str = ""


@dataclass
class Play:
    """The whole demo: its acts, the messages and events seen, and checks as (what, seen)."""

    acts: list[Act]
    messages: list[Json]
    events: list[Json]
    checks: list[tuple[str, bool]]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether everything was as it should be."""
        return all(seen for _, seen in self.checks)


def make_releases(folder: Path) -> dict[str, Path]:
    """The demo's six releases by version: factory, good, bad, somebody else's, and two to choose from."""
    shop = Workshop(folder)
    made = {
        version: shop.release(version, sequence, greeting=greeting, app=app).path
        for version, sequence, greeting, app in (
            ("1.0.0", 1, None, None),
            ("1.1.0", 2, NEW_GREETING, None),
            ("1.2.0", 3, None, BAD_APP),
            ("1.3.0", 4, "hello 1.3.0", None),
            ("1.4.0", 5, "hello 1.4.0", None),
        )
    }
    foreign = shop.release(FOREIGN, 9, greeting="EVIL", keys=(keys.generate(),))
    return made | {FOREIGN: foreign.path}


def play(
    folder: Path,
    releases: dict[str, Path],
    say: Callable[[str], None] = lambda text: None,
    on_event: Callable[[Json], None] = lambda event: None,
    on_task: Callable[[Act, Json], None] = lambda act, task: None,
    **cloud_options: Any,
) -> Play:
    """Run the demo below `folder`. Raises: RigTimeoutError when something does not happen at all."""
    began = time.monotonic()
    acts: list[Act] = []
    with Rig(folder, on_event, **cloud_options) as rig:
        rig.start(releases["1.0.0"], check_s=1)
        say("the board runs 1.0.0 and has informed EnOS")

        def act(title: str, version: str, job: Callable[[], int]) -> Act:
            this = Act(title, version)
            acts.append(this)
            start = time.monotonic()
            say(f"{title}: {version}")
            this.task = rig.wait_task(job(), on_change=lambda task: on_task(this, task))
            if this.task["status"] != "succeeded" and this.task["progress"] == -6:
                rig.wait("inform after it", lambda: informed_after(rig, this.task), 30)
            this.seconds = time.monotonic() - start
            this.runs = rig.version() or ""
            this.slot = running_slot(rig.events)
            return this

        def push(version: str) -> Callable[[], int]:
            return lambda: rig.push(releases[version], version)

        act("pushed, a good one", "1.1.0", push("1.1.0"))
        act("pushed, its app raises", "1.2.0", push("1.2.0"))
        act("pushed, another key", FOREIGN, push(FOREIGN))
        picks = [releases["1.3.0"], releases["1.4.0"]]
        act("picked of two on request", "1.3.0", lambda: offer(rig, picks))
        rig.wait_console("hello 1.3.0")
        result = Play(acts, rig.messages(), list(rig.events), [], 0.0)

    result.checks = checks(result)
    result.seconds = time.monotonic() - began
    return result


def offer(rig: Rig, releases: list[Path]) -> int:
    """Upload releases and offer them on request; the job's number."""
    for release in releases:
        rig.cloud.add_firmware(release, release.stem)
    names = [release.stem for release in releases]
    return int(rig.cloud.create_job(names, [DEVICE], on_request=True)["id"])


def informed_after(rig: Rig, task: Json) -> bool:
    """Whether the device has informed a version since its task ended."""
    return any(m["time"] >= task["updated_at"] for m in rig.messages("inform"))


def running_slot(events: list[Json]) -> str:
    """The slot of the last boot."""
    return next((str(e["slot"]) for e in reversed(events) if e.get("event") == "boot"), "")


def checks(seen: Play) -> list[tuple[str, bool]]:
    """Everything that must have happened, in the order it must have happened in."""
    good, bad, foreign, picked = seen.acts
    steps = progress_of(seen.messages, "1.1.0")
    rising = [step for step in steps if 0 <= step < 99]
    lines = [event["line"] for event in seen.events if event["source"] == "console"]
    listed = [
        [firmware["version"] for firmware in m["payload"].get("data") or []]
        for m in seen.messages
        if m["tail"] == "getversion_reply"
    ]
    order = [
        ("inform", "1.0.0"), ("upgrade", "1.1.0"), ("upgrade_reply", 200),
        ("progress", "100"), ("inform", "1.1.0"),
        ("upgrade", "1.2.0"), ("upgrade_reply", 200), ("progress", "-6"), ("inform", "1.1.0"),
        ("upgrade", FOREIGN), ("progress", "-3"),
        ("progress", "100"), ("inform", "1.3.0"),
    ]  # fmt: skip
    return [
        ("the messages came in EnOS's order", follows(seen.messages, order)),
        (
            f"1.1.0: {len(rising)} rising progress steps before 100",
            len(rising) >= LEAST_STEPS and steps == sorted(steps) and steps[-1:] == [100],
        ),
        ("1.1.0: its own code runs", any(NEW_GREETING in line for line in lines)),
        ("1.1.0: the task succeeded", good.task["status"] == "succeeded" and good.runs == "1.1.0"),
        (
            "1.2.0: rolled back, step -6, 1.1.0 runs again",
            bad.task["status"] == "failed" and bad.task["progress"] == -6 and bad.runs == "1.1.0",
        ),
        ("1.2.0: the operator reads why", "RuntimeError" in bad.task["desc"]),
        (
            f"{FOREIGN}: its signature is refused, step -3, before one byte of it is written",
            foreign.task["progress"] == -3
            and "not trusted" in foreign.task["desc"]
            and progress_of(seen.messages, FOREIGN) == [-3],
        ),
        ("on request: two versions listed", ["1.3.0", "1.4.0"] in listed),
        (
            "on request: the one it picked runs",
            picked.task["status"] == "succeeded" and picked.runs == "1.3.0",
        ),
    ]


def progress_of(messages: list[Json], version: str) -> list[int]:
    """The steps reported for a version, in order."""
    return [
        int(m["payload"]["params"]["step"])
        for m in messages
        if m["tail"] == "progress" and m["payload"]["params"]["desc"].startswith(version)
    ]


def follows(messages: list[Json], order: list[tuple[str, Any]]) -> bool:
    """Whether the messages named in `order` appear in this order, others between them or not."""
    wanted = list(order)
    for message in messages:
        if wanted and (message["tail"], essence(message)) == wanted[0]:
            wanted.pop(0)
    return not wanted


def essence(message: Json) -> Any:
    """What matters of a message: its version, step or code."""
    payload = message["payload"]
    params = payload.get("params") or {}
    return params.get("version") or params.get("step") or payload.get("code")
