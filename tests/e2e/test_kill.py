"""The process of the board killed in an upgrade: it ends upgraded, and at most a block is fetched twice."""

from __future__ import annotations

import os
import random

import pytest
from life_fixtures import (
    AGAIN,
    BLOCK_BYTES,
    app,
    journal,
    keep_row,
    starts,
    upgrading,
)

from host_tools.demo.rig import DEVICE, Rig

KILLS = 5
VERIFY = 2  # a state of the journal


@pytest.fixture(scope="module")
def releases(stock_releases):
    return stock_releases


def succeeded(task, rig):
    return (task["status"], task["progress"], rig.version()) == ("succeeded", 100, "1.1.0")


@pytest.mark.parametrize("percent", [10, 50, 90])
def test_kill_in_a_download_costs_at_most_a_block(tmp_path, releases, percent):
    with upgrading(tmp_path, releases["1.0.0"], releases["1.1.0"]) as board:
        board.kill_at(percent)
        board.rig.board.power_on()
        task = board.end()
        assert succeeded(task, board.rig), task
        [twice] = board.twice_bytes()
        keep_row(f"process killed at {percent} % of the download", task, twice)
        assert 0 <= twice <= BLOCK_BYTES
        assert board.held_bytes[0] > percent * releases["1.1.0"].stat().st_size // 100 - BLOCK_BYTES
        assert len(board.rig.messages("upgrade")) == 2


def test_kill_again_and_again_costs_at_most_a_block_each(tmp_path, releases):
    seed = int(os.environ.get("KILL_SEED") or random.randrange(1 << 32))
    pick = random.Random(seed)
    percents = sorted(pick.sample(range(5, 95, 5), KILLS))
    with upgrading(tmp_path, releases["1.0.0"], releases["1.1.0"]) as board:
        for percent in percents:
            board.kill_at(percent, later_s=pick.random() * 0.1)
            board.rig.board.power_on()
        task = board.end()
        replay = f"replay with KILL_SEED={seed}: {percents} %, {board.held_bytes} held"
        assert succeeded(task, board.rig), replay
        twice = board.twice_bytes()
        keep_row(f"process killed {KILLS} times in one download, the costliest", task, max(twice))
        assert all(0 <= one <= BLOCK_BYTES for one in twice), f"{twice}; {replay}"


SILENT = {
    "lists it": {"repush": "never", "getversion_serves_push": "yes"},
    "is silent": {"repush": "never"},
}


@pytest.mark.parametrize("way", SILENT)
def test_kill_is_survived_where_enos_does_not_push_again(tmp_path, releases, way):
    with upgrading(tmp_path, releases["1.0.0"], releases["1.1.0"], SILENT[way]) as board:
        board.kill_at(50)
        board.rig.board.power_on()
        task = board.end(timeout_s=120)
        assert succeeded(task, board.rig), task
        [twice] = board.twice_bytes()
        keep_row(f"process killed at 50 %, EnOS {way}", task, twice)
        assert 0 <= twice <= BLOCK_BYTES
        assert len(board.rig.messages("upgrade")) == 1
        [offers] = [m["payload"]["data"] for m in board.rig.messages("getversion_reply")]
        assert len(offers) == (way == "lists it")


HOLDING = app("""
while 98 not in steps:
    await asyncio.sleep_ms(0)
for _ in range(40):
    await asyncio.sleep_ms(0)
print("app: holds the board")
time.sleep(60)
""")


def test_kill_while_the_slot_is_verified_fetches_nothing_again(tmp_path, releases, workshop):
    old = workshop.release("1.0.0", 1, app=HOLDING, name="holds-the-verify").path
    with upgrading(tmp_path, old, releases["1.1.0"]) as board:
        board.rig.wait_console("app: holds the board")
        board.rig.board.power_off()
        assert journal(board.rig)["state"] == VERIFY
        board.rig.board.power_on()
        task = board.end()
        assert succeeded(task, board.rig), task
        whole = releases["1.1.0"].stat().st_size
        large = [c for c in board.rig.net.connections("http") if c.bytes_down > whole // 2]
        assert len(large) == 1


def test_kill_is_resumed_from_another_address(tmp_path, releases):
    with Rig(tmp_path, badnet=True, switches=AGAIN) as rig:
        rig.net.rate("http", 700_000)
        rig.start(releases["1.0.0"], trial_app_s=0)
        firmware = rig.cloud.add_firmware(releases["1.1.0"], "1.1.0", url_shape="https")
        path = "/files/" + firmware["file_url"].rpartition("/")[2]
        url = f"https://localhost:{rig.net.ports['http']}{path}?token="
        rig.cloud.set_fault("cmd_url", value=url + "first", times=0)
        job = int(rig.cloud.create_job(["1.1.0"], [DEVICE])["id"])
        rig.wait_console("downloading, 50 %")
        rig.board.power_off()
        rig.cloud.set_fault("cmd_url", value=url + "second", times=0)
        rig.board.power_on()
        task = rig.wait_task(job)
        assert succeeded(task, rig), task
        urls = [m["payload"]["params"]["fileUrl"] for m in rig.messages("upgrade")]
        assert [one.rpartition("=")[2] for one in urls] == ["first", "second"]
        assert starts(rig)[1] >= 10 * BLOCK_BYTES


def test_kill_and_a_file_replaced_meanwhile_is_fetched_again_from_its_first_byte(
    tmp_path, releases
):
    good = releases["1.1.0"].read_bytes()
    other = bytearray(good)
    other[300_000] ^= 1
    with Rig(tmp_path, badnet=True, switches=AGAIN) as rig:
        rig.net.rate("http", 700_000)
        rig.start(releases["1.0.0"], trial_app_s=0)
        sha256 = rig.cloud.add_firmware(releases["1.1.0"], "1.1.0")["sha256"]
        served = tmp_path / "cloud" / "firmware" / sha256
        served.write_bytes(other)
        job = int(rig.cloud.create_job(["1.1.0"], [DEVICE])["id"])
        rig.wait_console("downloading, 50 %")
        rig.board.power_off()
        served.write_bytes(good)
        rig.board.power_on()
        task = rig.wait_task(job)
        assert succeeded(task, rig), task
        first, resumed, again = starts(rig)[:3]
        assert (first, again) == (0, 0)
        assert resumed >= 10 * BLOCK_BYTES
        rig.wait_console("once more from the first byte")
