"""Runs a sweep on MicroPython, and says how to play a case again."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from host_tools import paths

HEAP = "16m"
_LOG_LINES = 60
_SHOWN = 10


@dataclass
class Swept:
    """What a sweep came to. problems: case -> what was wrong. output: what else it said."""

    ops: int = 0
    cases: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    output: str = ""


def run(bench: Path, scenario: str, *task: object, timeout_s: float = 600) -> Swept:
    """Play a task of `upy/run_sweep.py`."""
    command = [paths.micropython(), "-X", f"heapsize={HEAP}", str(bench / "run_sweep.py")]
    command += [str(bench), scenario, *map(str, task)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )
    swept = Swept()
    rest = []
    for line in done.stdout.splitlines():
        if not line.startswith("@"):
            rest.append(line)
            continue
        found = json.loads(line[1:])
        if "problems" in found:
            swept.problems[found["case"]] = found["problems"]
        else:
            swept.ops, swept.cases, swept.endings = found["ops"], found["cases"], found["endings"]
    swept.output = "\n".join(rest)
    if done.returncode:
        swept.problems[scenario] = [
            f"the sweep itself ended with {done.returncode}",
            *rest[-_SHOWN:],
        ]
    return swept


def replay(bench: Path, case: str) -> str:
    """The log of the board from the first cut on."""
    output = run(bench, case.partition(":")[0], "replay", case).output
    return output[output.find("-- now with") :] if "-- now with" in output else output


def report(bench: Path, swept: Swept) -> str:
    """What a failure prints: the cases, and the end of the log of the first."""
    cases = list(swept.problems)
    lines = [f"{len(cases)} cases failed"]
    lines += [f"  {case}: {'; '.join(swept.problems[case])}" for case in cases[:_SHOWN]]
    lines += ["  ..."] * (len(cases) > _SHOWN)
    if ":" in cases[0]:
        lines.append(f"play it again: .venv/bin/python tests/powercut/replay.py '{cases[0]}'")
        lines += replay(bench, cases[0]).splitlines()[-_LOG_LINES:]
    return "\n".join(lines)
