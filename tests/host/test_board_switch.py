"""Deploy and undeploy on a file system in memory, cut at every step: nothing half-copied can run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from host_tools.board import stubs
from host_tools.board.deploy import Deploy
from host_tools.board.errors import BoardCodeError, BoardError
from host_tools.board.plan import MARK, Plan
from host_tools.board.undeploy import undeploy

BLOCK = 4096
BOOT, MAIN, AGENT = "/boot.py", "/main.py", "/rescue.fs"
OLD_STUB, NEW_STUB = (
    b"# Stub ABI 1 [%s]. A stub.\n%s" % (hashlib.sha256(text).hexdigest()[:8].encode(), text)
    for text in (b"old\n", b"new\n")
)
FOREIGN = b"import mine\n"
Tree = dict[str, bytes]


class CutError(Exception):
    """The power is gone."""


class Memory:
    """What `Files` does, on a dict; the power goes after `steps` changes."""

    def __init__(self, tree: Tree, steps: int = 10**9, blocks: int = 48) -> None:
        self.tree = tree
        self.left = steps
        self.blocks = blocks

    def _change(self) -> None:
        if not self.left:
            raise CutError
        self.left -= 1

    def digest(self, path: str) -> str | None:
        return hashlib.sha256(self.tree[path]).hexdigest() if path in self.tree else None

    def digests(self, folder: str) -> dict[str, str] | None:
        found = {p[len(folder) + 1 :]: p for p in self.tree if p.startswith(folder + "/")}
        return {name: str(self.digest(path)) for name, path in found.items()} or None

    def names(self) -> list[str]:
        return sorted({path.split("/")[1] for path in self.tree})

    def read(self, path: str) -> bytes:
        if path not in self.tree:
            raise BoardCodeError("on the board: OSError: 2", "OSError: 2")
        return self.tree[path]

    def write(self, path: str, content: bytes) -> None:
        self._change()
        self.tree[path] = content[: len(content) // 2]  # what a cut in the middle leaves
        self._change()
        self.tree[path] = content

    def copy(self, source: str, target: str, digest: str) -> None:
        assert self.digest(source) == digest
        self.write(target, self.tree[source])

    def size(self, path: str) -> int:
        return len(self.tree.get(path, b""))

    def free_bytes(self) -> int:
        return (self.blocks - sum(-(-len(data) // BLOCK) for data in self.tree.values())) * BLOCK

    def act(self, steps: Sequence[tuple[str, str | None]]) -> None:
        for source, target in steps:
            self._change()
            moved = {
                p: d for p, d in self.tree.items() if p == source or p.startswith(source + "/")
            }
            if target is not None:
                assert moved, f"{source} is not there"
                assert not any(p.startswith(target + "/") for p in self.tree), (
                    f"{target} is not empty"
                )
            for path, data in moved.items():
                del self.tree[path]
                if target is not None:
                    self.tree[target + path[len(source) :]] = data


def facts(tree: Tree) -> dict[str, Any]:
    names = sorted({path.split("/")[1] for path in tree})
    found: dict[str, Any] = {"names": names, "block": BLOCK, "frozen_stubs": False}
    for name in stubs.NAMES:
        data = tree.get("/" + name)
        found[name] = None if data is None else stubs.found(data)
    return {"files": found}


def plan(app: Tree) -> Plan:
    return Plan({BOOT: NEW_STUB, MAIN: NEW_STUB, AGENT: b"new" * 9000}, app, 0, 0)


def deploy(memory: Memory, app: Tree, replace: bool = True) -> None:
    files: Any = memory
    Deploy(facts(memory.tree), plan(app), files, lambda text: None).run(replace)


NEW_APP = {"app.mpy": b"new app", "more.mpy": b"new", "same.mpy": b"same"}
NEW_APP[MARK] = json.dumps(sorted(NEW_APP)).encode()
OLD_APP = {"app.mpy": b"old app", "gone.mpy": b"old", "same.mpy": b"same"}
OLD_APP[MARK] = json.dumps(sorted(OLD_APP)).encode()
DEPLOYED = {BOOT: OLD_STUB, MAIN: OLD_STUB, AGENT: b"old" * 9000} | {
    f"/app/{name}": data for name, data in OLD_APP.items()
}
BEFORE: dict[str, tuple[Tree, int]] = {
    "deployed": (DEPLOYED, 48),
    "tight": (DEPLOYED, 24),
    "foreign": ({BOOT: FOREIGN, MAIN: FOREIGN, "/app/own.py": b"own", "/data.txt": b"17"}, 48),
    "leftovers": (
        DEPLOYED
        | {
            "/app.enos-new/strange.mpy": b"?",
            "/app.enos-new/app.mpy": b"ne",
            "/boot.py.enos-new": b"#",
        },
        48,
    ),
    "own file": (DEPLOYED | {"/app/own.json": b"17"}, 48),
    "own main": ({BOOT: FOREIGN, MAIN: OLD_STUB, AGENT: b"old" * 9000}, 48),
    "stock": ({BOOT: b"# by MicroPython\n"}, 48),
}


def cut_anywhere(before: Tree, blocks: int, act: Callable[[Memory], None]) -> list[Tree]:
    """What each cut leaves, from the first change to the last."""
    found = []
    for steps in range(10_000):
        memory = Memory(dict(before), steps, blocks)
        try:
            act(memory)
        except CutError:
            found.append(memory.tree)
        else:
            return [*found, memory.tree]
    raise AssertionError("does not end")


def runnable(tree: Tree) -> Tree:
    """What a boot would use; nothing without /main.py."""
    keys = [p for p in tree if p in (BOOT, MAIN, AGENT) or p.startswith("/app/")]
    return {path: tree[path] for path in keys} if MAIN in tree else {}


@pytest.mark.parametrize("start", BEFORE)
def test_deploy_cut_at_any_step_runs_the_old_or_nothing_and_is_repeated(start: str) -> None:
    before, blocks = BEFORE[start]
    left = cut_anywhere(before, blocks, lambda memory: deploy(memory, NEW_APP))
    whole = left[-1]
    assert len(left) > 15
    for tree in left:
        assert runnable(tree) in ({}, runnable(before), runnable(whole))
        again = Memory(dict(tree), blocks=blocks)
        deploy(again, NEW_APP)
        assert again.tree == whole
    assert {path: whole[f"/app/{path}"] for path in NEW_APP} == NEW_APP
    assert not [path for path in whole if ".enos-" in path or "gone" in path]
    assert whole.get("/app/own.json") == before.get("/app/own.json")


@pytest.mark.parametrize("start", ["foreign", "stock"])
def test_undeploy_cut_at_any_step_and_repeated_restores_every_byte(start: str) -> None:
    before, blocks = BEFORE[start]
    for deployed in cut_anywhere(before, blocks, lambda memory: deploy(memory, NEW_APP)):
        for tree in cut_anywhere(deployed, blocks, take_away):
            assert runnable(tree) in ({}, runnable(before), runnable(deployed))
            again = Memory(dict(tree), blocks=blocks)
            take_away(again)
            assert again.tree == before


def take_away(memory: Memory) -> None:
    files: Any = memory
    undeploy(facts(memory.tree), files)


def test_undeploy_leaves_what_others_put_into_the_application() -> None:
    memory = Memory(dict(BEFORE["own file"][0]))
    take_away(memory)
    assert memory.tree == {"/app/own.json": b"17"}


def test_deploy_of_a_file_that_somebody_else_put_there_is_refused() -> None:
    memory = Memory(DEPLOYED | {"/app/more.mpy": b"not ours"})
    before = dict(memory.tree)
    with pytest.raises(BoardError, match=r"/app/more\.mpy was put there by somebody else"):
        deploy(memory, NEW_APP)
    assert memory.tree == before
