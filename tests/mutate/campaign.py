"""One run over the seeded faults: first the tests without any, then each fault in a copy of its own."""

from __future__ import annotations

import difflib
import queue
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandbox import Failure, Sandbox, SandboxError
from seeded import Fault, FaultError, load

WORKERS = 2
_ROW = "{:36} {:32} {:>5}  {}"


@dataclass
class Outcome:
    """What became of one fault; no failure: it survived."""

    fault: Fault
    line: int
    diff: str
    failure: Failure | None
    duration_s: float

    def row(self) -> str:
        where = f"{self.fault.file}:{self.line}"
        caught = self.failure.test if self.failure else "SURVIVED"
        return _ROW.format(self.fault.id, where, f"{self.duration_s:.1f}", caught)


def run(root: Path, tables: Path, only: str | None) -> int:
    """Print what catches each fault of `tables` in the checkout `root`; `only` tries one, and shows it.

    The exit code: 0 when all are caught; 1 when one survives; 2 when the tests fail without a fault, or a
    fault can no longer be applied.
    """
    start_s = time.monotonic()
    survivors = []
    with tempfile.TemporaryDirectory(prefix="enos-mutate-") as folder:
        try:
            faults = _chosen(root, tables, only)
            for outcome in _try_all(faults, root, Path(folder)):
                print(outcome.row(), flush=True)
                if only:
                    said = outcome.failure.text if outcome.failure else ""
                    print(outcome.fault.why, outcome.diff, said, sep="\n")
                if not outcome.failure:
                    survivors.append(outcome.fault)
        except (FaultError, SandboxError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    for fault in survivors:
        print(f"survived: {fault.id}: {fault.why}; see it with: make mutate ONLY={fault.id}")
    caught = len(faults) - len(survivors)
    print(f"{len(faults)} faults, {caught} caught, {time.monotonic() - start_s:.0f} s")
    return 1 if survivors else 0


def _chosen(root: Path, tables: Path, only: str | None) -> list[Fault]:
    faults = [fault for fault in load(tables) if only in (None, fault.id)]
    if not faults:
        raise FaultError(f"there is no fault {only}")
    for fault in faults:
        fault.applied((root / fault.file).read_text())
    return faults


def _try_all(faults: list[Fault], root: Path, folder: Path) -> Iterator[Outcome]:
    # In the order of the faults.
    tests = tuple(dict.fromkeys(test for fault in faults for test in fault.tests))
    print(f"{len(faults)} faults; first their {len(tests)} tests without one ...", flush=True)
    first = Sandbox(root, folder / "0")
    failure = first.first_failure(tests, WORKERS)
    if failure:
        raise SandboxError(f"without a fault {failure.test} fails:\n{failure.text}")
    copies: queue.Queue[Sandbox] = queue.Queue()
    copies.put(first)
    for number in range(1, min(WORKERS, len(faults))):
        copies.put(first.twin(folder / str(number)))
    print(_ROW.format("fault", "where", "s", "caught by"))
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(lambda fault: _try_one(fault, copies), faults)


def _try_one(fault: Fault, copies: queue.Queue[Sandbox]) -> Outcome:
    copy = copies.get()
    start_s = time.monotonic()
    try:
        right = copy.read(fault.file)
        wrong, line = fault.applied(right)
        failure = copy.first_failure_with(fault.file, wrong, fault.tests)
    finally:
        copies.put(copy)
    diff = difflib.unified_diff(
        right.splitlines(), wrong.splitlines(), "right", "wrong", n=1, lineterm=""
    )
    return Outcome(fault, line, "\n".join(diff), failure, time.monotonic() - start_s)
