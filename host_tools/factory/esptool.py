"""esptool, run as a program: it is GPL, and never imported."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from host_tools import paths
from host_tools.factory.errors import FactoryError
from host_tools.factory.report import KEEP

FAST_BAUD = "460800"


class Esptool:
    """Writes the flash of a board on `port`.

    `by_hand`: the port has no reset lines; `ask(text)` returns once a person has put the chip into its
    download mode, or out of it. `no_stub`: use the ROM's loader alone: slower, needs nothing of esptool's own.
    """

    def __init__(
        self, port: str, chip: str, ask: Callable[[str], None], *, by_hand: bool, no_stub: bool
    ) -> None:
        self._ask = ask
        self._by_hand = by_hand
        self._command = [paths.tool("esptool"), "--port", port, "--chip", chip]
        if no_stub:
            self._command.append("--no-stub")
        else:
            self._command += ["--baud", FAST_BAUD]

    def write(self, image: Path) -> None:
        """Write a whole flash and compare it. Power cut: the board is blank, and the same again repairs it.

        Raises: FactoryError with esptool's last words, and how to try again.
        """
        if self._by_hand:
            self._ask("hold BOOT, press RESET, let BOOT go")
        self._run("write-flash", "--compress", *KEEP, "0", str(image))
        self._run("verify-flash", *KEEP, "0", str(image), last=True)
        if self._by_hand:
            self._ask("press RESET")

    def _run(self, *arguments: str, last: bool = False) -> None:
        command = list(self._command)
        if self._by_hand:
            command += ["--before", "no-reset", "--after", "no-reset"]
        elif not last:
            command += ["--after", "no-reset"]
        # Nothing of the user's own settings: they might rewrite the header.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ESPTOOL_")}
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            said = next((line for line in reversed(lines) if "rror" in line), (lines or ["?"])[-1])
            again = " ".join(["esptool", *command[1:], *arguments])
            raise FactoryError(f"esptool failed: {said.strip()}; to try that step again: {again}")
