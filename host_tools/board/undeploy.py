"""Take away what deploy brought, and put back what it kept."""

from __future__ import annotations

from host_tools.board import stubs
from host_tools.board.deploy import STAGED
from host_tools.board.doctor.finding import Facts
from host_tools.board.files import Files, Step
from host_tools.board.plan import AGENT, APP, MARK


def undeploy(facts: Facts, files: Files) -> tuple[list[str], list[str]]:
    """(what was removed, what is back as it was); settings stay. Power cut: safe to repeat."""
    names = facts["files"]["names"]
    removed: list[str] = []
    back: list[str] = []
    for name in reversed(stubs.NAMES):  # /main.py first: from then on nothing of ours starts
        if stubs.kind(facts["files"][name]) == stubs.OURS:
            removed.append("/" + name)
    if AGENT[1:] in names:
        removed.append(AGENT)
    if APP[1:] in names and MARK in (files.digests(APP) or {}):
        removed.append(APP)
    for path in ("/" + name for name in (*stubs.NAMES, APP[1:])):
        is_free = path in removed or path[1:] not in names
        if path[1:] + stubs.KEPT in names and is_free:
            back.append(path)
    leftovers = [f"/{name}" for name in names if name in STAGED]
    steps: list[Step] = [(path, None) for path in (*removed, *leftovers)]
    steps += [(path + stubs.KEPT, path) for path in back]
    files.act(steps)
    return removed, back
