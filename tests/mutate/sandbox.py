"""A private copy of the checkout, in which the code may be made wrong and the tests be run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
_SCRATCH = "scratch"
_TEMP = "temp"
_A_TEST_TAKES_S = 300  # at most
# Tests on MicroPython need none of these, and they take longer to load than such a test runs.
_LEAVE_OUT = ["--confcutdir=tests/unit", "-p", "no:hypothesispytest"]


class SandboxError(Exception):
    """The tests could not be run at all; the text says why."""


@dataclass
class Failure:
    """The first test that failed, and all that it said."""

    test: str
    text: str


class Sandbox:
    """The checkout `root`, copied to `folder`; the environment stays the checkout's own."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(root, folder, ignore=_LEFT_OUT)
        (folder / ".venv").symlink_to(root / ".venv")

    def twin(self, folder: Path) -> Sandbox:
        """Another copy, with all that the tests have compiled in this one."""
        shutil.copytree(
            self.folder,
            folder,
            symlinks=True,
            ignore=shutil.ignore_patterns(_TEMP, _SCRATCH, "__pycache__"),
        )
        twin = object.__new__(Sandbox)
        twin.folder = folder
        return twin

    def read(self, file: str) -> str:
        """The text of a source file."""
        return (self.folder / file).read_text()

    def first_failure_with(self, file: str, text: str, tests: tuple[str, ...]) -> Failure | None:
        """The same as `first_failure` with another text in a source file, which is put back then."""
        path = self.folder / file
        right, times = path.read_text(), path.stat()
        path.write_text(text)
        try:
            return self.first_failure(tests)
        finally:
            path.write_text(right)
            # By its time it is known what was compiled of it.
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def first_failure(self, tests: tuple[str, ...], jobs: int = 1) -> Failure | None:
        """Run `tests` (paths below tests/, or node ids) in this order; those of one folder in one go.

        Raises: SandboxError when they did not run.
        """
        groups: dict[str, list[str]] = {}
        for test in tests:
            groups.setdefault(test.split("/")[0], []).append(test)
        for name, group in groups.items():
            failure = self._run(group, jobs, _LEAVE_OUT if name == "unit" else [])
            if failure:
                return failure
        return None

    def _run(self, tests: list[str], jobs: int, options: list[str]) -> Failure | None:
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        # What a test leaves that a fault ends in its midst goes with it.
        scratch = self.folder / _SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        command += ["--basetemp", str(self.folder / _TEMP), f"--junitxml={report}"]
        command += ["-n", str(jobs)] if jobs > 1 else []
        command += options
        command += [f"tests/{test}" for test in tests]
        # The environment's editable install leads to the checkout: the copy must come before it.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        environment["PYTHONPATH"] = str(self.folder)
        environment["TMPDIR"] = _SCRATCH  # seen from the copy
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_A_TEST_TAKES_S * len(tests),
            )
        except subprocess.TimeoutExpired:
            raise SandboxError(f"still running: {' '.join(command)}") from None
        if done.returncode == 0:
            return None
        failure = _first(report) if report.exists() else None
        if done.returncode not in (1, 2) or failure is None:
            raise SandboxError(f"pytest ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return failure


def _first(report: Path) -> Failure | None:
    for case in ET.parse(report).iter("testcase"):
        for kind in ("failure", "error"):
            found = case.find(kind)
            if found is not None:
                text = found.text or ""
                return Failure(_name(case, text), text)
    return None


def _name(case: ET.Element, text: str) -> str:
    # A file that ran on MicroPython is one test for pytest; its first line names those that failed.
    name = case.get("name", "?")
    module = case.get("classname", "").removeprefix("tests.").replace(".", "/")
    first_line = text.partition("\n")[0]
    inner = first_line.partition(" failed: ")[2].partition(",")[0]
    if not inner and first_line.startswith("ended in "):
        inner = first_line
    return f"{module}: {inner or name}"
