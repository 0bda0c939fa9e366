"""An emulated chip: QEMU with its flash in a file and its serial console on a port of this machine.

Espressif documents this command line (esp-toolchain-docs, qemu/esp32):

    qemu-system-xtensa -nographic -machine esp32 -drive file=flash.bin,if=mtd,format=raw
        -nic user,model=open_eth -serial tcp::5555,server,nowait

Here the console is for this machine only, the chip waits until it is connected, and no monitor reads stdin.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from emulator_env import Setup
from serial_cable import LOOPBACK, SerialCable

UP_S = 20.0
"""How long QEMU may take until its console can be connected."""


class QemuError(Exception):
    """QEMU ended, or does not listen; the text holds what it wrote to stderr."""


class Qemu:
    """A chip with the flash in `folder`/flash.bin. `prefix`: words before the command line."""

    def __init__(self, folder: Path, setup: Setup, prefix: Sequence[str] = ()) -> None:
        self.flash = folder / "flash.bin"
        self._log = folder / "console.log"
        self._errors = folder / "qemu.err"
        self._setup, self._prefix = setup, prefix
        self._cable = SerialCable(self._log)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The console, as `enos-ota … PORT` takes it."""
        return self._cable.url

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return self._process is not None and self._process.poll() is None

    def command(self, port: int) -> list[str]:
        """The command line of a chip whose console is at `port`."""
        flash = str(self.flash).replace(",", ",,")  # one comma ends an option of QEMU
        return [
            *self._prefix,
            self._setup.qemu,
            "-nographic",
            *("-machine", self._setup.machine),
            *("-drive", f"file={flash},if=mtd,format=raw"),
            *("-nic", self._setup.nic or "none"),
            *("-serial", f"tcp:{LOOPBACK}:{port},server"),
            *("-monitor", "none"),
            *self._setup.arguments,
        ]

    def power_on(self) -> None:
        """Give it power. Raises: QemuError."""
        if self.is_on:
            return
        port = _free_port()
        command = self.command(port)
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        end = time.monotonic() + UP_S
        while self.is_on and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self._cable.plug(socket.create_connection((LOOPBACK, port), UP_S))
                return
            time.sleep(0.1)
        self.power_off()
        said = self._errors.read_text("utf-8", "replace").strip()
        raise QemuError(f"{' '.join(command)}\n{said or 'its console is not there'}")

    def power_off(self) -> None:
        """Cut the power, in the middle of whatever goes on."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        self._cable.unplug()

    def printed(self) -> str:
        """Everything that its console has shown."""
        return self._log.read_bytes().decode("utf-8", "replace").replace("\r", "")


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])
