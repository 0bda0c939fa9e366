"""A factory image in a simulated board: it informs EnOS, and is upgraded over the air."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner
from factory_fixtures import combined

from host_tools import paths
from host_tools.demo.rig import Rig
from host_tools.demo.workshop import Workshop
from host_tools.factory.commands import factory
from host_tools.release.synth import synth_vm
from host_tools.simboard.make import write_board
from host_tools.simboard.provision import WIFI
from host_tools.simboard.supervisor import Board

VM_BYTES = 0x40000  # a small one is sooner upgraded


def switch_on(rig: Rig, flash: bytes) -> None:
    """A board with this flash, instead of one that the rig makes."""
    network = {"hosts": {}, "ports": {"123": rig.endpoints["ntp"]["port"]}, "wifi": WIFI}
    write_board(rig.folder / "board", flash, network)
    rig.board = Board(
        rig.folder / "board",
        on_console=lambda line: rig.events.append({"source": "console", "line": line}),
        on_event=lambda event: rig.events.append({"source": "board", **event}),
    )
    rig.board.power_on()


def test_factory_image_informs_and_is_upgraded_over_the_air(tmp_path: Path) -> None:
    names = ("vm.bin", "stock.bin", "board.json", "flash.bin")
    vm, stock, config, out = (tmp_path / name for name in names)
    vm.write_bytes(synth_vm(VM_BYTES))
    stock.write_bytes(combined(size=VM_BYTES))
    shop = Workshop(tmp_path / "shop")
    release = shop.release("1.1.0", 2, greeting="hello over the air", vm=vm).path
    with Rig(tmp_path) as rig:
        # The stand-in's CA is what --ca is for.
        config.write_text(json.dumps(rig.settings(ca=None)))
        options = ["--app", paths.DEVICE / "example", "--version", "1.0.0", "--sequence", 1]
        options += ["--config", config, "--ca", rig.endpoints["ca_der"], "--out", out]
        arguments = [str(option) for option in ("--stock", stock, *options)]
        result = CliRunner().invoke(factory, arguments)
        assert result.exit_code == 0, result.output
        switch_on(rig, out.read_bytes())
        rig.wait_version("1.0.0")
        rig.wait_console("hello from the factory")
        task = rig.wait_task(rig.push(release, "1.1.0"))
        assert (task["status"], task["progress"]) == ("succeeded", 100), task
        rig.wait_version("1.1.0")
        rig.wait_console("hello over the air")
        boots = [event["slot"] for event in rig.events if event.get("event") == "boot"]
        assert boots[0] == "ota_0"
        assert set(boots) == {"ota_0", "ota_1"}
        assert not [line for line in rig.console() if "boot: " in line or "formatted" in line]
