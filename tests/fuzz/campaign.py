"""Plays cases on MicroPython, in processes that a hang or a crash ends, and says how to play one again."""

from __future__ import annotations

import ast
import json
import os
import secrets
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from host_tools import paths

from . import workshop

HEAP = "512k"
"""More than the harness takes: what a case has of it is `ROOM_KIB`."""
ROOM_KIB = 48
"""Heap that is free when a case begins. Objects take twice the bytes that they take on a 32-bit chip."""
CHUNK = 500
"""Cases of one process."""
HANG_S = 30.0
"""Without a new case: far more than one takes, even on a machine that is busy."""
RUN = Path("tests/fuzz/upy/run_fuzz.py")
TARGETS = workshop.HERE / "upy" / "targets"
VECTORS = paths.ROOT / "tests" / "vectors" / "fuzz"
_DEATHS = 3
_SHOWN_HEX = 600
_OUTPUT = 2000


@dataclass
class Problem:
    """A case that was not taken as declared. parts: its input."""

    target: str
    seed: int
    case: int
    wrong: list[str]
    trace: str = ""
    parts: list[bytes] = field(default_factory=list)

    @property
    def kind(self) -> tuple[str, ...]:
        """The same for what is likely to be the same mistake."""
        places = [line for line in self.trace.splitlines() if line.startswith("  File")]
        return (self.target, *self.wrong, *places[-1:])

    @property
    def replay(self) -> str:
        """The command that plays it again."""
        return f"make fuzz SEED={self.seed} TARGET={self.target} CASE={self.case}"

    def __str__(self) -> str:
        shown = ".".join(part.hex() for part in self.parts)
        if len(shown) > _SHOWN_HEX:
            shown = f"{shown[:_SHOWN_HEX]}... ({len(shown) // 2} bytes)"
        text = f"{self.target}, case {self.case}: {'; '.join(self.wrong)}\n{self.trace.rstrip()}"
        return f"{text.rstrip()}\n  input: {shown}\n  replay: {self.replay}"


@dataclass
class Played:
    """What cases of one target came to. outcomes: how often they were taken in which way, as declared."""

    target: str
    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    kept_bytes: int = 0
    output: str = ""

    def add(self, other: Played) -> None:
        """Take in what other cases of the target came to."""
        self.cases += other.cases
        self.outcomes += other.outcomes
        self.problems += other.problems
        self.kept_bytes = max(self.kept_bytes, other.kept_bytes)
        self.output += other.output


@dataclass(frozen=True)
class How:
    """out: a folder of `workshop`. shows: the output holds what the device logs, and how a case was taken."""

    out: Path | None = None
    room_kib: int = ROOM_KIB
    hang_s: float = HANG_S
    shows: bool = False


AS_EVER = How()


def targets() -> list[str]:
    """The names of all."""
    return sorted(path.stem for path in TARGETS.glob("*.py"))


def count_of(target: str, cases: float) -> int:
    """How many cases a target gets where others get `cases`: as its module says in SHARE."""
    share = 1.0
    for node in ast.parse((TARGETS / f"{target}.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SHARE":
            share = float(ast.literal_eval(node.value))
    return max(1, round(cases * share))


def play(target: str, seed: int, first: int, count: int, how: How = AS_EVER) -> Played:
    """Play cases, in as many processes as hang or crash on the way."""
    played = Played(target)
    end = first + count
    while first < end and len(played.problems) < _DEATHS:
        run = _Process(target, seed, first - 1, how)
        is_whole = run.run([seed, first, end - first, *["show"] * how.shows])
        played.add(run.played)
        first = end if is_whole else run.last + 1
    return played


def play_input(target: str, file: Path, how: How = AS_EVER) -> Played:
    """Play one input: the parts in a file, a line of hex each; lines with # are comments."""
    run = _Process(target, 0, 0, how)
    run.run(["input", file])
    return run.played


def play_all(names: list[str], seed: int, cases: float, how: How = AS_EVER) -> Iterator[Played]:
    """Play all cases on all cores: something for each process that ends."""
    workshop.compiled()
    todo = []
    for name in names:
        count = count_of(name, cases)
        todo += [(name, first, min(CHUNK, count - first)) for first in range(0, count, CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda one: play(one[0], seed, *one[1:], how), todo)


class _Process:
    """last: the case that was played last."""

    def __init__(self, target: str, seed: int, last: int, how: How) -> None:
        self.played = Played(target)
        self.last = last
        self._seed = seed
        self._how = how
        self._out = how.out or workshop.compiled()
        self._mark = f"#{secrets.token_hex(4)}"  # what a case prints cannot be taken for ours
        self._part = b""
        self._seen_s = time.monotonic()

    def run(self, arguments: Sequence[object]) -> bool:
        """Whether it came to its end."""
        environment = {**os.environ, "MICROPYPATH": workshop.search_path(self._out)}
        start = (self._mark, self._how.room_kib, self.played.target)
        process = subprocess.Popen(
            [paths.micropython(), "-X", f"heapsize={HEAP}", *map(str, (RUN, *start, *arguments))],
            cwd=paths.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        ended = threading.Event()
        hung = threading.Event()
        watch = threading.Thread(target=self._watch, args=(process, ended, hung), daemon=True)
        watch.start()
        assert process.stdout is not None
        is_whole = False
        with process:
            for line in process.stdout:
                is_whole = self._read(line.rstrip("\n")) or is_whole
        ended.set()
        watch.join()
        if not is_whole:
            self._died(hung.is_set(), process.returncode)
        return is_whole

    def _watch(
        self, process: subprocess.Popen[str], ended: threading.Event, hung: threading.Event
    ) -> None:
        while not ended.wait(min(1, self._how.hang_s)):
            if time.monotonic() - self._seen_s > self._how.hang_s:
                hung.set()
                process.kill()
                return

    def _died(self, hung: bool, code: int) -> None:
        why = (
            f"no end within {self._how.hang_s:.0f} s" if hung else f"MicroPython ended with {code}"
        )
        played = self.played
        played.problems.append(
            Problem(played.target, self._seed, self.last, [why], played.output[-_OUTPUT:])
        )
        played.cases += 1

    def _read(self, line: str) -> bool:
        """Take in a line; whether it is the last."""
        if not line.startswith(self._mark):
            self.played.output += line + "\n"
            return False
        self._seen_s = time.monotonic()
        kind, _, text = line[len(self._mark) :].partition(" ")
        played = self.played
        if kind == "@":
            self.last = int(text)
        elif kind == "+":
            self._part += bytes.fromhex(text)
        elif kind == "/":
            played.problems[-1].parts.append(self._part)
            self._part = b""
        elif kind == "!":
            found = json.loads(text)
            case = (found["case"], found["wrong"], found["trace"])
            played.problems.append(Problem(played.target, self._seed, *case))
        elif kind == "=":
            found = json.loads(text)
            played.outcomes += Counter(found["outcomes"])
            played.cases += sum(found["outcomes"].values()) + len(played.problems)
            played.kept_bytes = found["kept"]
            return True
        return False
