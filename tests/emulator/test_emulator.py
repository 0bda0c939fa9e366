"""The life of a board on an emulated chip with MicroPython as it is released.

Each stage is a fixture that takes the board further, and leaves what its tests look at. With a power cut in
between or not, the board is one and the same from the drawer to the rolled back release.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulated import Bench, Emulated
    from emulator_env import Setup
    from resolver import HostServices

    from host_tools.cloud.server import CloudThread
    from host_tools.factory.bootloader import Stock

pytestmark = pytest.mark.timeout(3600)

BOOT_S = 180
ONLINE_S = 300
UPGRADE_S = 1800
VALID = 2
DEVICE = "emulated"
Record = Callable[[str, object], None]


@dataclass(frozen=True)
class Timed:
    """What a stage left, and how long it took."""

    result: Any
    seconds: float


def timed(action: Callable[[], Any]) -> Timed:
    start = time.monotonic()
    result = action()
    return Timed(result, round(time.monotonic() - start, 1))


# ---- what the stages need


@pytest.fixture(scope="module")
def stock(given: Setup) -> Stock:
    from host_tools.factory.bootloader import read_stock

    return read_stock(given.firmware)


@pytest.fixture(scope="module")
def example() -> str:
    from host_tools import paths

    return str(paths.DEVICE / "example")


@pytest.fixture(scope="module")
def cloud(
    network: None, given: Setup, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudThread]:
    from host_tools.cloud.server import CloudThread

    with CloudThread(tmp_path_factory.mktemp("cloud"), hostname=given.hostname) as running:
        yield running


@pytest.fixture(scope="module")
def overrides(given: Setup, services: HostServices) -> dict[str, Any]:
    """Settings other than those for a simulated board: an emulated chip is slow."""
    clock = given.hostname if services.has_clock else ""
    return {"wifi": given.wifi, "ntp": clock, "watchdog_s": 300, "spread_s": 1}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The private key that signs releases; beside it lies the public one, `owner.pub.pem`."""
    return new_key(tmp_path_factory.mktemp("keys") / "owner.pem")


def new_key(path: Path) -> Path:
    from emulated import enos_ota

    enos_ota("release", "keygen", "--out", str(path))
    return path


@pytest.fixture(scope="module")
def release(
    *,
    stock: Stock,
    bench: Bench,
    example: str,
    owner: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Path]:
    """Make a signed release of the firmware and an application, which may have one line more."""
    from emulated import enos_ota

    folder = tmp_path_factory.mktemp("releases")
    vm = folder / "micropython.bin"
    vm.write_bytes(stock.app)

    def make(version: str, sequence: int, app: str = example, key: Path = owner) -> Path:
        out = folder / f"{version}.bin"
        slot = str(bench.layout.slot_bytes)
        source = ("--vm", str(vm), "--app", app, "--slot-size", slot)
        named = ("--version", version, "--sequence", str(sequence))
        enos_ota("release", "make", *source, *named, "--key", str(key), "--out", str(out))
        return out

    return make


# ---- the stages


@pytest.fixture(scope="module")
def drawer(bench: Bench, stock: Stock) -> Emulated:
    """A board that got our partition table, and has run once."""
    from emulated import drawer_flash

    board = bench.board("board", drawer_flash(stock, bench.layout))
    board.power_on()
    board.wait_for(f"MicroPython v{stock.micropython}", BOOT_S)
    board.wait_for(">>>", BOOT_S)
    return board


@pytest.fixture(scope="module")
def examined(drawer: Emulated) -> dict[str, Any]:
    return drawer.examine()


@pytest.fixture(scope="module")
def deployed(drawer: Emulated, examined: dict[str, Any], example: str) -> Timed:
    return timed(lambda: drawer.json("deploy", "--app", example, "--version", "1.0.0"))


@pytest.fixture(scope="module")
def deployed_again(drawer: Emulated, deployed: Timed, example: str) -> Timed:
    return timed(lambda: drawer.json("deploy", "--app", example, "--version", "1.0.0"))


@pytest.fixture(scope="module")
def connected(
    *,
    cloud: CloudThread,
    drawer: Emulated,
    deployed_again: Timed,
    overrides: dict[str, Any],
    owner: Path,
) -> Timed:
    home = ("--stand-in", DEVICE, "--cloud", str(cloud.home))
    home += ("--signing-key", str(owner.with_name("owner.pub.pem")))
    pairs = [f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in overrides.items()]
    options = [word for pair in pairs for word in ("--set", pair)]
    return timed(lambda: drawer.json("provision", *home, *options))


@pytest.fixture(scope="module")
def upgraded(
    cloud: CloudThread, drawer: Emulated, connected: Timed, release: Callable[..., Path]
) -> Timed:
    from emulated import finished_task

    cloud.client.add_firmware(release("1.1.0", 2), "1.1.0")

    def upgrade() -> dict[str, Any]:
        job = cloud.client.create_job(["1.1.0"], [DEVICE])
        until = ("--until", "EnOS knows version 1.1.0", "--seconds", str(UPGRADE_S))
        drawer.run("monitor", *until)
        return finished_task(cloud.client, job["id"], 60)

    return timed(upgrade)


@pytest.fixture(scope="module")
def examined_again(drawer: Emulated, upgraded: Timed) -> dict[str, Any]:
    drawer.skip_printed()
    return drawer.examine()


@pytest.fixture(scope="module")
def cut(drawer: Emulated, examined_again: dict[str, Any]) -> Timed:
    drawer.wait_for("EnOS knows version 1.1.0", ONLINE_S)  # after doctor's reset
    drawer.power_off()
    drawer.skip_printed()
    drawer.power_on()
    return timed(lambda: drawer.wait_for("EnOS knows version 1.1.0", ONLINE_S))


@pytest.fixture(scope="module")
def rolled_back(
    *,
    cloud: CloudThread,
    drawer: Emulated,
    cut: Timed,
    release: Callable[..., Path],
    example: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Timed:
    from emulated import finished_task

    bad = tmp_path_factory.mktemp("bad")
    for file in Path(example).glob("*.py"):
        (bad / file.name).write_text(file.read_text())
    source = (bad / "app.py").read_text()
    (bad / "app.py").write_text(
        source.replace('print("app:", GREETING)', 'raise ValueError("bad")')
    )
    cloud.client.add_firmware(release("1.2.0", 3, str(bad)), "1.2.0")

    def upgrade() -> dict[str, Any]:
        job = cloud.client.create_job(["1.2.0"], [DEVICE])
        return finished_task(cloud.client, job["id"], UPGRADE_S)

    return timed(upgrade)


@pytest.fixture(scope="module")
def attacked(
    *,
    cloud: CloudThread,
    drawer: Emulated,
    rolled_back: Timed,
    release: Callable[..., Path],
    example: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Timed:
    from emulated import finished_task

    key = new_key(tmp_path_factory.mktemp("attacker") / "evil.pem")
    cloud.client.add_firmware(release("6.6.6", 9, example, key), "6.6.6")

    def upgrade() -> dict[str, Any]:
        job = cloud.client.create_job(["6.6.6"], [DEVICE])
        return finished_task(cloud.client, job["id"], UPGRADE_S)

    return timed(upgrade)


# ---- what must hold after each


def test_stock_firmware_in_our_table_boots_to_its_prompt(drawer: Emulated) -> None:
    assert ">>>" in drawer.tail()


def test_doctor_of_board_out_of_the_drawer_finds_no_blocker(examined: dict[str, Any]) -> None:
    levels = {finding["name"]: finding["level"] for finding in examined["findings"]}
    assert examined["blockers"] == 0
    assert examined["facts"]["partitions"]["running"] == "ota_0"
    assert {levels[name] for name in ("partition table", "slot size", "flash size")} == {"ok"}


def test_deploy_brings_stubs_agent_and_application(
    deployed: Timed, record_property: Record
) -> None:
    done = deployed.result
    record_property("agent, bytes of .mpy", done["agent"]["mpy_bytes"])
    record_property("agent while it waits, bytes of RAM", done["agent"]["ram_bytes"])
    record_property("example application, bytes of .mpy", done["app"]["mpy_bytes"])
    record_property("first deploy, s", deployed.seconds)
    assert set(done["changed"]) == {"/boot.py", "/main.py", "/rescue.fs", "/app"}
    assert done["version"] == "1.0.0"
    assert 0 < done["agent"]["ram_bytes"] < 40_000


def test_deploy_again_changes_nothing(deployed_again: Timed, record_property: Record) -> None:
    record_property("deploy with nothing to do, s", deployed_again.seconds)
    assert deployed_again.result["changed"] == []
    assert deployed_again.result["sent_bytes"] == 0


def test_provision_at_the_stand_in_sees_the_inform_accepted(
    connected: Timed, cloud: CloudThread, record_property: Record
) -> None:
    record_property("provision, to the answer of EnOS, s", connected.seconds)
    device = cloud.client.device(DEVICE)
    assert connected.result["connected"], connected.result
    assert device is not None
    assert device["version"] == "1.0.0"


def test_upgrade_over_the_air_succeeds_in_the_stand_in(
    upgraded: Timed, cloud: CloudThread, record_property: Record
) -> None:
    record_property("upgrade of the whole slot, s", upgraded.seconds)
    record_property("release, bytes", cloud.client.firmware()[0]["size_bytes"])
    task = upgraded.result
    assert (task["status"], task["to_version"]) == ("succeeded", "1.1.0"), task


def test_upgraded_board_runs_the_other_slot_and_both_are_valid(
    examined_again: dict[str, Any],
) -> None:
    partitions = examined_again["facts"]["partitions"]
    assert examined_again["blockers"] == 0
    assert partitions["running"] == "ota_1"
    assert [state for _, state, _ in partitions["otadata"]] == [VALID, VALID]


def test_board_comes_back_with_the_new_version_after_a_power_cut(
    cut: Timed, record_property: Record
) -> None:
    record_property("power on to the answer of EnOS, s", cut.seconds)


def test_release_whose_application_raises_is_rolled_back(
    rolled_back: Timed, cloud: CloudThread, drawer: Emulated, record_property: Record
) -> None:
    record_property("bad release, until it is reported, s", rolled_back.seconds)
    task, device = rolled_back.result, cloud.client.device(DEVICE)
    assert (task["status"], task["progress"]) == ("failed", -6), task
    assert "bad" in task["desc"]
    assert device is not None
    assert device["version"] == "1.1.0"


def test_release_signed_with_another_key_is_refused(
    attacked: Timed, record_property: Record
) -> None:
    record_property("release of another key, until it is refused, s", attacked.seconds)
    task = attacked.result
    assert (task["status"], task["progress"]) == ("failed", -3), task
    assert "not trusted" in task["desc"]


def test_undeploy_brings_back_the_files_that_were_there(
    bench: Bench, drawer: Emulated, stock: Stock, example: str
) -> None:
    from emulated import drawer_flash

    from host_tools.board.files import Files
    from host_tools.board.port import attached

    board = bench.board("undeployed", drawer_flash(stock, bench.layout))
    board.power_on()
    board.wait_for(">>>", BOOT_S)
    with attached(board.url) as port:
        Files(port).write("/main.py", b"print('somebody was here')\n")
    board.wait_for("somebody was here", BOOT_S)
    board.power_off()
    before = board.files()
    done = board.json("deploy", "--app", example, "--version", "1.0.0", "--replace")
    undone = board.json("undeploy")
    board.skip_printed()
    board.wait_for("somebody was here", BOOT_S)
    board.power_off()
    assert "/main.py.before-ota" in done["kept"]
    assert "/main.py" in undone["restored"]
    assert board.files() == before


def test_factory_image_boots_and_informs(
    *,
    bench: Bench,
    cloud: CloudThread,
    given: Setup,
    example: str,
    overrides: dict[str, Any],
    tmp_path: Path,
    record_property: Record,
) -> None:
    from emulated import enos_ota

    from host_tools.simboard.provision import device_config

    device = cloud.client.add_device("from-the-factory")
    settings = device_config(cloud.endpoints, device) | overrides
    del settings["ca"]  # --ca says it
    config, out = tmp_path / "enos.json", tmp_path / "flash.bin"
    config.write_text(json.dumps(settings))
    source = ("--stock", str(given.firmware), "--app", example)
    named = ("--version", "1.0.0", "--sequence", "1", "--flash-size", f"{given.flash_mb}MB")
    known = ("--config", str(config), "--ca", cloud.endpoints["ca_der"])
    enos_ota("factory", *source, *named, *known, "--out", str(out))
    board = bench.board("factory", out.read_bytes())
    board.power_on()
    booted = timed(lambda: board.wait_for("EnOS knows version 1.0.0", ONLINE_S))
    record_property("first start of a factory image, to the answer of EnOS, s", booted.seconds)
    informed = cloud.client.device("from-the-factory")
    assert informed is not None
    assert informed["version"] == "1.0.0"
