"""What the environment says about the emulator and the firmware. Imports nothing heavy."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

QEMU, FIRMWARE = "QEMU_SYSTEM_XTENSA", "ESP32_FIRMWARE"


@dataclass(frozen=True)
class Setup:
    """The emulator's command line, the firmware, and the network in its air."""

    qemu: str
    firmware: Path
    machine: str
    nic: str
    arguments: tuple[str, ...]
    ssid: str
    password: str
    hostname: str
    flash_mb: int

    @property
    def wifi(self) -> list[dict[str, str]]:
        """The setting `wifi` of a board that is to join it."""
        secret = {"password": self.password} if self.password else {}
        return [{"ssid": self.ssid, **secret}]


def missing() -> str:
    """Why nothing here can run; "" when it can."""
    qemu, firmware = os.environ.get(QEMU, ""), os.environ.get(FIRMWARE, "")
    if not qemu or not firmware:
        return (
            f"set {QEMU} (path of qemu-system-xtensa) and {FIRMWARE} (MicroPython's combined .bin for "
            "the ESP32) to run them"
        )
    if shutil.which(qemu) is None:
        return f"{QEMU}={qemu}: there is no such program"
    return "" if Path(firmware).is_file() else f"{FIRMWARE}={firmware}: there is no such file"


def given() -> Setup:
    """What the environment says; the defaults are Espressif's."""
    get = os.environ.get
    return Setup(
        qemu=shutil.which(os.environ[QEMU]) or "",
        firmware=Path(os.environ[FIRMWARE]),
        machine=get("QEMU_MACHINE", "esp32"),
        nic=get("QEMU_NIC", "user,model=open_eth"),
        arguments=tuple(shlex.split(get("QEMU_ARGS", ""))),
        ssid=get("ESP32_WIFI_SSID", ""),
        password=get("ESP32_WIFI_PASSWORD", ""),
        hostname=get("ENOS_HOSTNAME", "enos.test"),
        flash_mb=int(get("ESP32_FLASH_MB", "4")),
    )
