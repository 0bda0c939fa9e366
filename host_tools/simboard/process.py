"""One boot of the VM: the MicroPython process that plays the app core."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from host_tools import paths

HERE = Path(__file__).resolve().parent
BOOTSTRAP = HERE / "vm" / "bootstrap.py"
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def faketime_library() -> Path:
    """libfaketime: `FAKETIME_LIB` if set, else the one set-up installed. Raises: ToolMissingError."""
    chosen = os.environ.get("FAKETIME_LIB")
    if chosen:
        if not Path(chosen).is_file():
            raise paths.ToolMissingError(f"FAKETIME_LIB={chosen} is not a file")
        return Path(chosen)
    spec = importlib.util.find_spec("libfaketime")
    for folder in (spec and spec.submodule_search_locations) or []:
        for name in ("libfaketime.so.1", "libfaketime.1.dylib"):
            library = Path(folder) / "vendor/libfaketime/src" / name
            if library.is_file():
                return library
    raise paths.ToolMissingError(
        "libfaketime is missing: run 'make setup', or install it and set FAKETIME_LIB=/path"
    )


def umqtt_folder() -> Path:
    """Folder that holds `umqtt/simple.py`: `UMQTT_PATH` if set, else the one set-up fetched."""
    folder = Path(os.environ.get("UMQTT_PATH") or paths.UPY_LIB)
    if not (folder / "umqtt" / "simple.py").is_file():
        raise paths.ToolMissingError(
            f"{folder} holds no umqtt/simple.py: run 'make setup', or set UMQTT_PATH"
        )
    return folder


def _environment(clock: Path) -> dict[str, str]:
    library = faketime_library()
    if library.suffix == ".dylib":
        preload = {"DYLD_INSERT_LIBRARIES": str(library)}
    else:
        # By name: the loader would take a blank in a path for the end of it.
        preload = {"LD_PRELOAD": library.name, "LD_LIBRARY_PATH": str(library.parent)}
    return {
        "PATH": os.environ.get("PATH", ""),
        "TZ": "UTC",
        **preload,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Vm:
    """A running VM. `console_fd` and `control_fd` are read by the supervisor until they end.

    With `console` in `config` it ends in its REPL, which reads `typing_fd`; else -1.
    """

    def __init__(self, heap_bytes: int, clock: Path, config: dict[str, Any]) -> None:
        self.console_fd, console = os.pipe()
        self.control_fd, control = os.pipe()
        # An argument of the unix port holds at most 255 bytes: the configuration goes by a pipe.
        config_fd, config_in = os.pipe()
        config = {**config, "clock": str(clock), "control_fd": control}
        os.write(config_in, json.dumps(config).encode())
        os.close(config_in)
        # A pipe and not a terminal: changing the modes of one, the REPL would lose what is typed ahead.
        typing, self.typing_fd = os.pipe() if config["console"] else (subprocess.DEVNULL, -1)
        command = [
            paths.micropython(), "-X", f"heapsize={heap_bytes}", *(["-i"] if config["console"] else []),
            str(BOOTSTRAP), str(config_fd), str(umqtt_folder()),
        ]  # fmt: skip
        try:
            self._process = subprocess.Popen(
                command,
                stdin=typing,
                stdout=console,
                stderr=console,
                pass_fds=[control, config_fd],
                env=_environment(clock),
                cwd="/",
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call of libc, looked up before
            )
        finally:
            for fd in (console, control, config_fd, *([typing] if config["console"] else [])):
                os.close(fd)
        if config["console"]:
            os.set_blocking(self.typing_fd, False)

    @property
    def pid(self) -> int:
        """Of the process, also when it has ended by itself."""
        return self._process.pid

    def kill(self) -> None:
        """End it at any instruction: what power and reset lines do."""
        self._process.kill()

    def reap(self) -> None:
        """Wait for its end, and remove what libfaketime leaves of a killed process."""
        self._process.wait()
        for name in ("faketime_shm_%d", "sem.faketime_sem_%d"):
            Path("/dev/shm", name % self._process.pid).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the pipes."""
        os.close(self.console_fd)
        os.close(self.control_fd)
        if self.typing_fd >= 0:
            os.close(self.typing_fd)
