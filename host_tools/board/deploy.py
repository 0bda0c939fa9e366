"""Copy stubs, agent and application to a board: beside what is there first, then in its place at once.

Wherever it is interrupted, the board runs what it ran before, or nothing: /main.py goes before the first
rename and comes after the last. Repeated, it goes on with what had arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from host_tools.board import stubs
from host_tools.board.doctor.finding import Facts
from host_tools.board.errors import BoardCodeError, BoardError
from host_tools.board.files import Files, Step
from host_tools.board.plan import AGENT, APP, MARK, Plan, same

NEW, OLD = ".enos-new", ".enos-old"
"""Names that nobody else gives."""
BOOT, MAIN = ("/" + name for name in stubs.NAMES)
STAGED = frozenset([name + NEW for name in (*stubs.NAMES, AGENT[1:], APP[1:])] + [APP[1:] + OLD])
"""What an interrupted deploy may leave in the root."""
FOLDER_BLOCKS = 2
SKIP_LIST_BYTES = 32
"""At most so much of a block are LittleFS's pointers to others of the file."""
Say = Callable[[str], None]


@dataclass
class Deployed:
    """What a deploy did."""

    changed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    sent_bytes: int = 0


def app_names(files: Files) -> list[str]:
    """The names in APP that a deploy brought there."""
    try:
        return [*json.loads(files.read(f"{APP}/{MARK}")), MARK]
    except (BoardCodeError, ValueError):
        return []


class Deploy:
    """One deploy to an attached board.

    `say(text)` is told each file as it is copied, `expect(count)` how many bytes there will be.
    """

    def __init__(
        self,
        facts: Facts,
        plan: Plan,
        files: Files,
        say: Say,
        expect: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._expect = expect
        self._facts = facts
        self._plan = plan
        self._files = files
        self._say = say
        self._gated = [MAIN] if MAIN in plan.singles else []
        """It leaves for the switch; where it is frozen, nothing can."""
        self.result = Deployed()

    def run(self, replace: bool) -> Deployed:
        """Bring the board to the plan.

        `replace`: what is not ours may be renamed to *.before-ota.
        Raises: BoardError before anything is touched when something foreign is in the way or there is no room.
        """
        self._names = self._files.names()
        if APP[1:] not in self._names and APP[1:] + OLD in self._names:
            # Cut in the switch: what others put there is in the old one.
            self._files.act([(APP + OLD, APP)])
            self._names = self._files.names()
        self._look_at_app()
        foreign = self._foreign(replace)
        singles = self._changed_singles()
        app = self._changed_app()
        idle = not (foreign or singles or app)
        missing = self._clean([] if idle else list(dict.fromkeys([*singles, *self._gated])), app)
        if idle:
            return self.result
        gate = self._gate(foreign)
        if self._is_tight(missing, AGENT in singles):
            # No room for two agents: the board runs nothing meanwhile.
            self._files.act([*gate, (AGENT, None)])
            gate = []
        self._expect(sum(map(len, missing.values())))
        for path, data in missing.items():
            self._stage(path, data)
        if app and APP not in foreign:
            for name, digest in self._own.items():
                self._files.copy(f"{APP}/{name}", f"{APP}{NEW}/{name}", digest)
        self._files.act([*gate, *self._switch(singles, app, APP in foreign)])
        self._look_at_app()
        if self._changed_singles() or self._changed_app():
            raise BoardError("the board does not hold what was copied: run deploy again")
        self.result.changed = singles + ([APP] if app else [])
        return self.result

    # ---- what is there

    def _foreign(self, replace: bool) -> list[str]:
        """What is not ours, and will be kept under another name."""
        names = self._names
        found = []
        for name in reversed(stubs.NAMES):  # /main.py is the first to go
            kind = stubs.kind(self._facts["files"][name])
            if kind == stubs.FOREIGN and not replace:
                raise BoardError(
                    f"/{name} is not ours: look at it with 'mpremote cat :/{name}'; --replace keeps it as "
                    f"{name}{stubs.KEPT}, and 'enos-ota undeploy' brings it back"
                )
            if kind == stubs.FOREIGN or (kind == stubs.EMPTY and name + stubs.KEPT not in names):
                found.append("/" + name)
        if self._plan.app and APP[1:] in names and MARK not in self._app:
            if not replace:
                raise BoardError(f"{APP} is not ours: --replace keeps it as {APP}{stubs.KEPT}")
            found.append(APP)
        for path in found:
            if path[1:] + stubs.KEPT in names:
                raise BoardError(
                    f"{path}{stubs.KEPT} is there already: move it, or {path}, out of the way"
                )
        self.result.kept = [path + stubs.KEPT for path in found]
        return found

    def _changed_singles(self) -> list[str]:
        contents = self._plan.singles
        return [path for path in contents if not same(contents[path], self._files.digest(path))]

    def _look_at_app(self) -> None:
        """Digests of what lies in APP: brought by a deploy, or put there by somebody else."""
        there = (self._files.digests(APP) or {}) if self._plan.app else {}
        listed = app_names(self._files) if MARK in there else []
        self._app = {name: digest for name, digest in there.items() if name in listed}
        self._own = {name: digest for name, digest in there.items() if name not in listed}
        both = sorted(set(self._own) & set(self._plan.app)) if MARK in self._app else []
        if both:
            raise BoardError(
                f"{APP}/{both[0]} was put there by somebody else, and this application has such a file, too: "
                "move it out of the way"
            )

    def _changed_app(self) -> bool:
        wanted = self._plan.app
        if not wanted:
            return False
        return set(self._app) != set(wanted) or not all(
            same(data, self._app[name]) for name, data in wanted.items()
        )

    # ---- what is brought

    def _clean(self, singles: list[str], app: bool) -> dict[str, bytes]:
        """Remove what an interrupted deploy left, but for what is of use now; returns what is missing.

        By the path that it will have.
        """
        names = self._names
        wanted = {path + NEW: self._plan.singles[path] for path in singles}
        if app:
            wanted |= {f"{APP}{NEW}/{name}": data for name, data in self._plan.app.items()}
        staged = {f"{APP}{NEW}/{name}" for name in self._files.digests(APP + NEW) or {}}
        staged |= {"/" + name for name in names if name in STAGED and name != APP[1:] + NEW}
        good = {p for p in staged & set(wanted) if same(wanted[p], self._files.digest(p))}
        steps: list[Step] = [(path, None) for path in sorted(staged - good)]
        if not app:
            steps.append((APP + NEW, None))
        if APP[1:] in names:
            steps.append((APP + OLD, None))
        self._files.act(steps)
        return {path: data for path, data in wanted.items() if path not in good}

    def _is_tight(self, missing: dict[str, bytes], replaces_agent: bool) -> bool:
        """Whether there is room only once the agent that is there is gone.

        Raises: BoardError when there is none even then.
        """
        block = self._facts["files"]["block"]
        folders = {path.rpartition("/")[0] for path in missing}
        blocks = sum(-(-len(data) // (block - SKIP_LIST_BYTES)) for data in missing.values())
        needed = (blocks + FOLDER_BLOCKS * len(folders)) * block
        free = self._files.free_bytes()
        if free >= needed:
            return False
        gained = self._files.size(AGENT) if replaces_agent else 0
        if free + gained < needed:
            raise BoardError(
                f"the board's file system is full: {needed:,} bytes are needed, {free:,} free: remove files "
                "with 'mpremote rm'"
            )
        return True

    def _stage(self, staged: str, data: bytes) -> None:
        path = staged.replace(NEW, "")
        there = self._app.get(path.removeprefix(APP + "/"))
        if there and same(data, there):
            self._files.copy(path, staged, there)
            self._expect(-len(data))
            return
        self._files.write(staged, data)
        self.result.sent_bytes += len(data)
        if not path.endswith(MARK):
            self._say(f"{path}  {len(data):,} bytes")

    # ---- what is put in its place

    def _gate(self, foreign: list[str]) -> list[Step]:
        """From here to the end of the switch the board has no /main.py, so that nothing half new runs."""
        ours: list[Step] = [(path, None) for path in self._gated if path not in foreign]
        return ours + [(path, path + stubs.KEPT) for path in foreign]

    def _switch(self, singles: list[str], app: bool, app_is_kept: bool) -> list[Step]:
        steps: list[Step] = [(path + NEW, path) for path in singles if path != MAIN]
        if app:
            steps.append((APP + OLD, None))
            if APP[1:] in self._names and not app_is_kept:
                steps.append((APP, APP + OLD))
            steps += [(APP + NEW, APP), (APP + OLD, None)]
        return steps + [(path + NEW, path) for path in self._gated]
