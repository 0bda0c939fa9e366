"""The loop on a laptop: stand-in, board, upgrade, trial, rollback."""

from __future__ import annotations

import pytest

from host_tools.demo.rig import DEVICE, Rig
from host_tools.demo.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    return Workshop(tmp_path_factory.mktemp("releases"))


def test_loop_good_release_runs_and_bad_one_rolls_back(tmp_path, workshop):
    first = workshop.release("1.0.0", 1)
    second = workshop.release("1.1.0", 2, greeting="hello again")
    with Rig(tmp_path) as rig:
        rig.make_board(first.path)
        rig.board.power_on()
        rig.wait_version("1.0.0")
        task = rig.wait_task(rig.push(second.path, "1.1.0"))
        assert task["status"] == "succeeded"
        assert any("hello again" in line for line in rig.console())
        assert DEVICE
