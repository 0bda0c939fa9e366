"""Damage that no upgrade made: settings, NVS, `data` and slots; the board still reaches the cloud."""

from __future__ import annotations

import random

import pytest
from life_fixtures import (
    DATA,
    NVS,
    SLOT_BYTES,
    SLOTS,
    VFS,
    app,
    boots,
    damage,
    read_flash,
    restart,
    upgrade,
    vfs_without,
    write_flash,
)

from host_tools.demo.rig import Rig
from host_tools.demo.script import NEW_GREETING
from host_tools.release import appfs
from host_tools.release.check import parse_release
from host_tools.simboard.make import file_system

SETTINGS = {
    "damaged": {"enos.json": b'{"product_key": "pk'},
    "empty": {"enos.json": b""},
    "garbage": {"enos.json": bytes(range(256))},
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_damage_of_settings_is_made_good_by_their_copy(tmp_path, releases, kind):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], extra_files=SETTINGS[kind])


def test_damage_that_took_all_settings_does_no_harm(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.make_board(releases["1.0.0"])
        whole = read_flash(rig, 0, 4 << 20)
        vfs_without(rig, "enos.json")
        rig.board.power_on()
        rig.wait_version("1.0.0")
        rig.board.power_off()
        vfs_without(rig, "enos.bak")
        rig.board.power_on()
        rig.wait("four more boots", lambda: len(boots(rig)) >= 5)
        rig.board.power_off()
        for address in SLOTS.values():
            assert read_flash(rig, address, SLOT_BYTES) == whole[address:][:SLOT_BYTES]
        write_flash(rig, VFS[0], whole[VFS[0] :][: VFS[1]])
        seen = len(rig.messages("inform"))
        rig.board.power_on()
        rig.wait("inform", lambda: len(rig.messages("inform")) > seen)


KEEPING = app(
    """
try:
    with open("/data/log", "w") as file:
        file.write(" " * 20_000)
    print("app: kept")
except OSError as error:
    print("app: not kept: errno", error.errno)
while True:
    await asyncio.sleep(1)
""",
    head="\nfrom enos_ota import data\n\ndata.mount()\n",
)


@pytest.mark.parametrize("kind", ["garbage", "erased", "full"])
def test_damage_of_the_data_partition_does_not_matter(tmp_path, releases, workshop, kind):
    address, size = DATA
    content = {
        "garbage": random.Random(1).randbytes(size),
        "erased": b"\xff" * size,
        "full": file_system(size, {"fill": bytes(size - 5 * 4096)}),
    }[kind]
    keeping = workshop.release("1.0.0", 1, app=KEEPING, name="keeps-data").path
    with Rig(tmp_path) as rig:
        rig.make_board(keeping, trial_app_s=0)
        write_flash(rig, address, content)
        rig.board.power_on()
        rig.wait_console("app: not kept: errno 28" if kind == "full" else "app: kept")
        rig.wait_version("1.0.0")
        upgrade(rig, releases["1.1.0"], "1.1.0")


@pytest.mark.parametrize("kind", ["erased", "zeros", "garbage"])
def test_damage_of_nvs_does_not_matter(tmp_path, releases, kind):
    address, size = NVS
    content = {"erased": b"\xff", "zeros": b"\0"}.get(kind, b"") * size
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        rig.board.power_off()
        write_flash(rig, address, content or random.Random(1).randbytes(size))
        rig.board.power_on()
        rig.wait("inform", lambda: len(rig.messages("inform")) == 2)
        upgrade(rig, releases["1.1.0"], "1.1.0")


def test_damage_of_nvs_in_a_trial_does_not_hide_the_rollback(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=30)
        job = rig.push(releases["1.1.0"], "1.1.0")
        rig.wait_console(NEW_GREETING)
        rig.board.power_off()
        write_flash(rig, NVS[0], b"\xff" * NVS[1])
        rig.board.power_on()
        task = rig.wait_task(job)
        assert (task["progress"], task["desc"]) == (-6, "1.1.0: rolled back")
        rig.wait("inform", lambda: len(rig.messages("inform")) == 2)
        restart(rig)
        rig.wait("inform", lambda: len(rig.messages("inform")) == 3)
        steps = [m["payload"]["params"]["step"] for m in rig.messages("progress")]
        assert steps.count("-6") == 1


def test_damage_of_the_vm_in_a_slot_returns_to_the_former_release(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        upgrade(rig, releases["1.1.0"], "1.1.0")
        damage(rig, "ota_1", 200_000, bytes(16))
        rig.board.power_on()
        rig.wait_version("1.0.0")
        rig.board.power_off()
        refused = [e for e in rig.events if "not bootable" in e.get("text", "")]
        rig.board.power_on()
        rig.wait("inform", lambda: len(rig.messages("inform")) == 4)
        assert [e for e in rig.events if "not bootable" in e.get("text", "")] == refused
        upgrade(rig, releases["1.3.0"], "1.3.0")


def without_superblocks(path):
    _, record = parse_release(path.read_bytes())
    return record.appfs_offset, bytes(2 * record.appfs_block_size)


def test_damage_of_the_files_in_a_slot_returns_to_the_former_release(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        upgrade(rig, releases["1.1.0"], "1.1.0")
        damage(rig, "ota_1", *without_superblocks(releases["1.1.0"]))
        rig.board.power_on()
        rig.wait_version("1.0.0")
        upgrade(rig, releases["1.3.0"], "1.3.0")


def test_damage_of_the_files_in_the_only_slot_is_rescued(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        damage(rig, "ota_0", *without_superblocks(releases["1.0.0"]))
        rig.board.power_on()
        rig.wait_version("1.0.0+rescue")
        upgrade(rig, releases["1.0.0"], "1.0.0")
        assert boots(rig)[-1] == "ota_1"


def test_damage_of_the_agent_in_the_only_slot_is_rescued(tmp_path, releases):
    content = releases["1.0.0"].read_bytes()
    _, record = parse_release(content)
    files = appfs.read(
        content[record.appfs_offset :][: record.appfs_size_bytes], record.appfs_block_count
    )
    block = files["enos_ota/agent.mpy"][: record.appfs_block_size]
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        damage(rig, "ota_0", content.index(block), bytes(len(block)))
        rig.board.power_on()
        rig.wait_version("1.0.0+rescue", timeout_s=60)
        upgrade(rig, releases["1.1.0"], "1.1.0")
