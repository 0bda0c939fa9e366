"""First use of a board: a device at the running stand-in and a release, or MicroPython and no more."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from host_tools import paths
from host_tools.cloud.client import AdminClient, CloudNotRunningError
from host_tools.release.make import make_release
from host_tools.release.synth import STOCK_BYTES, synth_vm
from host_tools.simboard import make
from host_tools.simboard.board_files import BoardFiles
from host_tools.simboard.chip import partitions

FIRST_VERSION = "1.0.0"
STOCK_VERSION = "1.26.1"
NTP_PORT = "123"
WIFI = [{"ssid": "demo", "password": "demo-password"}]


def example_release(folder: Path) -> Path:
    """The example application as version 1.0.0 around a synthesised VM. Raises: ReleaseError."""
    folder.mkdir(parents=True, exist_ok=True)
    vm, out = folder / "vm.bin", folder / f"{FIRST_VERSION}.bin"
    vm.write_bytes(synth_vm())
    return make_release(vm, paths.DEVICE / "example", FIRST_VERSION, 1, out).path


def device_config(endpoints: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
    """`/enos.json` for a device of the stand-in; what is not here has the agent's defaults."""
    return {
        "product_key": device["product_key"],
        "device_key": device["device_key"],
        "device_secret": device["device_secret"],
        "mqtt": endpoints["mqtts"],
        "http_broker": endpoints["http_broker"],
        "base_url": endpoints["file_service"],
        "access_key": endpoints["access_key"],
        "secret_key": endpoints["secret_key"],
        "org_id": endpoints["org_id"],
        "ca": ["/ca.der"],
        "wifi": WIFI,
        "network": "wifi",
        "ntp": endpoints["ntp"]["host"],
        "trial_app_s": 5,
    }


def provision(folder: Path, name: str, release: Path | None, cloud: Path, table: str) -> None:
    """Add the device `name` to the stand-in with home `cloud` and make its board in `folder`.

    Raises: CloudNotRunningError, AdminError, ReleaseError, BoardError.
    """
    client = AdminClient(cloud)
    first = release or example_release(folder.parent / "releases")
    make.check_bootable(first)
    device = client.add_device(name)
    endpoints = client.endpoints
    make.make_board(
        folder,
        first,
        device_config(endpoints, device),
        Path(endpoints["ca_der"]).read_bytes(),
        table=table,
        ports={NTP_PORT: endpoints["ntp"]["port"]},
    )


def make_blank(folder: Path, table: str) -> None:
    """Make a board as out of the drawer: stock MicroPython in its first slot, no files, no identity."""
    slot = partitions.find(make.TABLES[table], partitions.TYPE_APP)[0]
    vm = synth_vm(min(STOCK_BYTES, slot.size), micropython=STOCK_VERSION)
    network = {"hosts": {}, "ports": {}, "wifi": WIFI}
    flash = make.flash_image(vm, make.TABLES[table], None)
    make.write_board(folder, flash, network, micropython=STOCK_VERSION)


def find_clock(files: BoardFiles, cloud: Path) -> None:
    """Let a board that knows no NTP server reach that of the stand-in with home `cloud`, if there is one."""
    board = files.config()
    if NTP_PORT not in board["network"]["ports"]:
        with contextlib.suppress(CloudNotRunningError):
            board["network"]["ports"][NTP_PORT] = AdminClient(cloud).endpoints["ntp"]["port"]
            files.save_config(board)
