"""Take away what deploy brought, and put back what it kept."""

from __future__ import annotations

from host_tools.board import stubs
from host_tools.board.deploy import STAGED, app_names
from host_tools.board.doctor.finding import Facts
from host_tools.board.files import Files, Step
from host_tools.board.plan import AGENT, APP


def undeploy(facts: Facts, files: Files) -> tuple[list[str], list[str]]:
    """(what was removed, what is back as it was); settings stay, and what others put into APP.

    Power cut: safe to repeat; in between the board runs nothing.
    """
    names = files.names()
    removed: list[str] = []
    for name in reversed(stubs.NAMES):  # /main.py first: from then on nothing of ours starts
        if stubs.kind(facts["files"][name]) == stubs.OURS:
            removed.append("/" + name)
    if AGENT[1:] in names:
        removed.append(AGENT)
    there = files.digests(APP) or {}
    listed = app_names(files)
    if listed and set(there) <= set(listed):
        removed.append(APP)
    else:
        removed += [f"{APP}/{name}" for name in listed if name in there]
    back = [
        path
        for path in (f"/{name}" for name in (APP[1:], *stubs.NAMES))  # /main.py last
        if path[1:] + stubs.KEPT in names and (path in removed or path[1:] not in names)
    ]
    steps: list[Step] = [(path, None) for path in removed]
    steps += [(f"/{name}", None) for name in names if name in STAGED]
    files.act(steps + [(path + stubs.KEPT, path) for path in back])
    return removed, back
