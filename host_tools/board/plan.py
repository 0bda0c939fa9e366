"""What a deploy has to bring to a board, and whether it may."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from host_tools.board import stubs
from host_tools.board.doctor import flash, vm
from host_tools.board.doctor.finding import BLOCKER, Facts
from host_tools.board.errors import BoardError
from host_tools.release import rescue, sources
from host_tools.release.compile import native_arch

APP = "/app"
AGENT = "/" + rescue.NAME
MARK = ".deployed"
"""In APP: the folder is ours to replace and to remove."""


@dataclass(frozen=True)
class Plan:
    """Contents by path; `app` is empty where the board's application is not to be touched."""

    singles: dict[str, bytes]
    """The stubs, unless they are frozen, and the agent."""
    app: dict[str, bytes]
    """By path below APP."""
    agent_mpy_bytes: int
    app_mpy_bytes: int


def make_plan(facts: Facts, apps: list[Path]) -> Plan:
    """What belongs on the board that `facts` tell of.

    Raises: BoardError where nothing that is copied could be upgraded, or would run; ReleaseError for an
    application that does not compile.
    """
    _refuse(facts, apps)
    arch = native_arch(vm.chip_of(facts))
    app = {} if not apps else _own(sources.collect(apps, arch))
    copied = () if facts["files"]["frozen_stubs"] else stubs.NAMES
    return Plan(
        singles={"/" + name: stubs.content(name) for name in copied}
        | {AGENT: rescue.rescue_image(arch)},
        app=app and app | {MARK: json.dumps(sorted(app)).encode()},
        agent_mpy_bytes=sum(map(len, sources.agent_files(arch).values())),
        app_mpy_bytes=sum(len(data) for name, data in app.items() if name.endswith(".mpy")),
    )


def same(content: bytes, digest: str | None) -> bool:
    """Whether a file on the board has this content."""
    return digest == hashlib.sha256(content).hexdigest()


def _own(files: dict[str, bytes]) -> dict[str, bytes]:
    return {n: data for n, data in files.items() if not n.startswith(sources.AGENT + "/")}


def _refuse(facts: Facts, apps: list[Path]) -> None:
    for finding in (*vm.firmware_checks(facts), *flash.checks(facts)):
        if finding.level == BLOCKER:
            raise BoardError(f"{finding.name}: {finding.text}: {finding.advice}")
    release = flash.running(facts)["version"]
    if apps and release:
        raise BoardError(
            f"this board's application travels in its slot (release {release}), before any copy: make a "
            "release with 'enos-ota release make' and push it; without --app, deploy brings the stubs and "
            "the rescue copy up to date"
        )
    names = facts["files"]["names"]
    agent = facts["files"]["agent"]
    for path in ("/enos_ota", "/lib/enos_ota"):
        if agent and not release and (path[1:] in names or agent.startswith(path + "/")):
            raise BoardError(
                f"the agent in {path} comes before any that is copied: 'mpremote rm -r :{path}' first"
            )
    has_app = "app" in names or (agent and not agent.startswith("/"))
    if not (apps or release or has_app):
        raise BoardError(
            "this board has no application yet: give --app FOLDER, with an enos_main.py in it "
            "(device/example is one to begin with)"
        )
