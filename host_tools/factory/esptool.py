"""esptool, run as a program: it is GPL, and never imported."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from host_tools import paths
from host_tools.factory.errors import FactoryError
from host_tools.factory.report import KEEP

FAST_BAUD = 460800
Working = Callable[[str], AbstractContextManager[Callable[[str], None]]]
"""Called with what begins: shows that it goes on, and the texts that its value is called with."""
_PERCENT = re.compile(r"(\d[\d.]*)%")
_FOUND = re.compile(r"Detected flash size: (\d+)(KB|MB)")
_UNITS = {"KB": 10, "MB": 20}


class Esptool:
    """Reads and writes the flash of a board on `port`.

    `by_hand`: the port has no reset lines; `ask(text)` returns once a person has put the chip into its
    download mode, or out of it, or False where there is nobody. `no_stub`: use the ROM's loader alone: slower,
    without `baud`, needs nothing of esptool's own.
    """

    def __init__(
        self,
        port: str,
        chip: str,
        ask: Callable[[str], bool],
        working: Working,
        *,
        by_hand: bool = False,
        no_stub: bool = False,
        baud: int = FAST_BAUD,
    ) -> None:
        self._ask = ask
        self._working = working
        self._by_hand = by_hand
        self._command = [paths.tool("esptool"), "--port", port, "--chip", chip]
        self._command += ["--no-stub"] if no_stub else ["--baud", str(baud)]
        self._advice = "" if no_stub else "; where the cable is bad, a lower --baud helps: 115200"

    def begin(self) -> int | None:
        """Bytes of flash as its own id tells; None where that is unknown. Nothing is written.

        Raises: FactoryError, also when nobody is there to press the buttons.
        """
        if self._by_hand and not self._ask("hold BOOT, press RESET, let BOOT go"):
            raise FactoryError("nothing was written: there is nobody to press the buttons")
        # Where it stays out of its download mode: a board that is refused now must go on as before.
        said = self._run("asking for the size of the flash", "hard-reset", "flash-id")
        found = next(filter(None, map(_FOUND.search, said)), None)
        return int(found[1]) << _UNITS[found[2]] if found else None

    def write(self, image: Path) -> None:
        """Write a whole flash and compare it. Power cut: the board is blank, and the same again repairs it.

        Raises: FactoryError with esptool's last words, and how to try again.
        """
        what = "writing the flash, which takes a minute or two"
        self._run(what, "no-reset", "write-flash", "--compress", *KEEP, "0", str(image))
        self._run("comparing it", "hard-reset", "verify-flash", *KEEP, "0", str(image))

    def end(self) -> None:
        """The application runs; after `write` it does unless that is a person's work."""
        if self._by_hand:
            self._ask("press RESET")

    def _run(self, what: str, after: str, *arguments: str) -> list[str]:
        """Its lines."""
        before = ["--before", "no-reset"] if self._by_hand else []
        after = "no-reset" if self._by_hand else after
        command = [*self._command, *before, "--after", after, *arguments]
        # Nothing of the user's own settings: they might rewrite the header.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ESPTOOL_")}
        lines = []
        with (
            self._working(what) as note,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                env=environment | {"PYTHONUNBUFFERED": "1"},
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                percent = _PERCENT.search(line)
                if percent:
                    note(f"{percent[1]} %")
                elif line.strip():
                    lines.append(line.strip())
        if process.returncode:
            said = next((x for x in reversed(lines) if "rror" in x), (lines or ["?"])[-1])
            again = shlex.join(["esptool", *command[1:]])
            raise FactoryError(
                f"esptool failed: {said}{self._advice}; to try that step again: {again}"
            )
        return lines
