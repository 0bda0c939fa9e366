"""The fast erase rests on what a chip does with a null source: whatever it does, upgrades come out the same."""

from __future__ import annotations

import pytest
from life_fixtures import BLOCK_BYTES, keep_row, upgrading

# What the chip does with it -> what the console says of the fast erase.
MODES = {
    "nothing": ["False"],
    "refuse": ["False"],
    "reset": [],
    "erase": ["True"],
}


@pytest.fixture(scope="module")
def releases(stock_releases):
    return stock_releases


def resets(rig):
    return [event for event in rig.events if "LoadProhibited" in event.get("detail", "")]


@pytest.mark.parametrize("mode", MODES)
def test_null_source_first_upgrade_and_a_kill_come_out_the_same(tmp_path, releases, mode):
    paths = releases["1.0.0"], releases["1.1.0"]
    with upgrading(tmp_path, *paths, hardware={"null_source": mode}, downgrade=True) as board:
        rig = board.rig
        board.kill_at(50)
        rig.board.power_on()
        task = board.end()
        assert (task["status"], task["progress"]) == ("succeeded", 100), task
        assert rig.version() == "1.1.0"
        [twice] = board.twice_bytes()
        keep_row(f"killed at 50 %, null source: {mode}", task, twice)
        assert 0 <= twice <= BLOCK_BYTES
        said = [line for line in rig.console() if "fast erase" in line]
        assert [line.rpartition(" ")[2] for line in said] == MODES[mode]
        # The chip is reset by the first try, and never again: not in the next upgrade either.
        assert len(resets(rig)) == (mode == "reset")
        back = rig.wait_task(rig.push(paths[0], "1.0.0"))
        assert back["status"] == "succeeded", back
        assert len(resets(rig)) == (mode == "reset")
