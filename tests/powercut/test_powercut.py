"""Power is cut at every operation of flash and NVS, and again in what follows; the board must end well.

`POWERCUT_SEED=N` chooses other cuts where not all are made. What is played stands in `upy/upgrades.py` and
`upy/mishaps.py`, what must hold in `upy/verdict.py` and where `problem` is called.
"""

from __future__ import annotations

import os

import pytest
import sweeping

import powercut_table

SEED = int(os.environ.get("POWERCUT_SEED", "1"))
ALL = 10_000

# Scenario -> how many of its first operations are cut. Behind @: what the erase of a null source does, or that NVS
# is lost. Once it is known that such an erase does nothing, all that follows is the same, whatever it did.
SINGLES = {
    "first-upgrade": ALL,
    "first-upgrade-silent": ALL,
    "trial": ALL,
    "confirm": ALL,
    "resume": ALL,
    "resume-listed": ALL,
    "resume-silent": ALL,
    "rotten": ALL,
    "rollback": ALL,
    "rollback-hang": ALL,
    "rollback-import": ALL,
    "unbootable": ALL,
    "unbootable-again": ALL,
    "heal": ALL,
    "second-upgrade": ALL,
    "after-rollback": ALL,
    "repeat": ALL,
    "overtaken": ALL,
    "return": ALL,
    "damage": ALL,
    "fixed": ALL,
    "rescued": ALL,
    "reboot": ALL,
    "first-upgrade@ignores": ALL,
    "first-upgrade@refuses": 20,
    "first-upgrade@resets": 30,
    "resume@ignores": ALL,
    "first-upgrade@wiped": ALL,
    "trial@wiped": ALL,
    "confirm@wiped": ALL,
    "rollback@wiped": ALL,
    "repeat@wiped": ALL,
    "heal@wiped": ALL,
    "return@wiped": ALL,
}
# Scenario -> how many first cuts, and how many second ones for each.
PAIRS = {
    "trial": (ALL, ALL),
    "confirm": (ALL, ALL),
    "rollback": (ALL, 16),
    "rollback-hang": (ALL, 12),
    "heal": (ALL, ALL),
    "repeat": (ALL, 12),
    "return": (ALL, 6),
    "damage": (ALL, 12),
    "unbootable": (ALL, 6),
    "unbootable-again": (ALL, 6),
    "first-upgrade": (30, 15),
    "second-upgrade": (15, 15),
    "after-rollback": (15, 15),
    "resume": (20, 15),
    "resume-silent": (15, 15),
    "rotten": (15, 15),
    "overtaken": (ALL, 5),
    "fixed": (15, 15),
    "rescued": (15, 12),
    "reboot": (15, 15),
}
# Scenario -> how many series of cuts, each in the recovery from the one before.
STORMS = {
    "first-upgrade": 40,
    "second-upgrade": 20,
    "after-rollback": 10,
    "rollback": 20,
    "return": 20,
    "damage": 20,
    "fixed": 20,
    "rescued": 20,
    "reboot": 20,
}
STORM_CUTS = 6


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SINGLES)
def test_board_whose_power_is_cut_once_ends_well(bench, scenario):
    swept = sweeping.run(bench, scenario, "singles", SINGLES[scenario])
    if swept.problems:
        pytest.fail(sweeping.report(bench, swept), pytrace=False)
    powercut_table.note(scenario, "once", swept.ops, swept.cases, swept.endings)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", PAIRS)
def test_board_whose_power_is_cut_twice_ends_well(bench, scenario):
    swept = sweeping.run(bench, scenario, "pairs", SEED, *PAIRS[scenario])
    if swept.problems:
        pytest.fail(sweeping.report(bench, swept), pytrace=False)
    powercut_table.note(scenario, "twice", swept.ops, swept.cases, swept.endings)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", STORMS)
def test_board_whose_power_is_cut_again_and_again_ends_well(bench, scenario):
    swept = sweeping.run(bench, scenario, "storms", SEED, STORMS[scenario], STORM_CUTS)
    if swept.problems:
        pytest.fail(sweeping.report(bench, swept), pytrace=False)
    powercut_table.note(scenario, "more", swept.ops, swept.cases, swept.endings)
