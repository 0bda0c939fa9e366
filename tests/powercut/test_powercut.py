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

# Scenario -> processes that share its cuts. Behind @: what the erase of a null source does, or that NVS is lost.
SINGLES = {
    "first-upgrade": 1,
    "first-upgrade-silent": 1,
    "trial": 1,
    "confirm": 1,
    "resume": 1,
    "resume-listed": 1,
    "resume-silent": 1,
    "rotten": 1,
    "rollback": 1,
    "rollback-hang": 1,
    "rollback-import": 1,
    "unbootable": 1,
    "unbootable-again": 1,
    "heal": 1,
    "second-upgrade": 1,
    "after-rollback": 1,
    "repeat": 1,
    "overtaken": 1,
    "return": 1,
    "damage": 1,
    "fixed": 1,
    "rescued": 1,
    "reboot": 1,
    "first-upgrade@ignores": 1,
    "first-upgrade@refuses": 1,
    "first-upgrade@resets": 2,
    "resume@ignores": 1,
    "resume@refuses": 1,
    "resume@resets": 1,
    "first-upgrade@wiped": 1,
    "trial@wiped": 1,
    "confirm@wiped": 1,
    "rollback@wiped": 1,
    "repeat@wiped": 1,
    "heal@wiped": 1,
    "return@wiped": 1,
}
# Scenario -> how many first cuts, and how many second ones for each.
PAIRS = {
    "trial": (ALL, ALL),
    "confirm": (ALL, ALL),
    "rollback": (ALL, ALL),
    "rollback-hang": (ALL, 16),
    "heal": (ALL, ALL),
    "repeat": (ALL, ALL),
    "return": (ALL, ALL),
    "damage": (ALL, ALL),
    "unbootable": (ALL, 10),
    "unbootable-again": (ALL, 10),
    "first-upgrade": (40, 25),
    "second-upgrade": (20, 20),
    "after-rollback": (15, 20),
    "resume": (30, 20),
    "resume-silent": (15, 20),
    "rotten": (15, 20),
    "overtaken": (ALL, 12),
    "fixed": (15, 15),
    "rescued": (15, 15),
    "reboot": (20, 20),
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
@pytest.mark.parametrize(
    ("scenario", "part"),
    [
        pytest.param(name, part, id=f"{name}-{part}")
        for name, parts in SINGLES.items()
        for part in range(parts)
    ],
)
def test_board_whose_power_is_cut_once_ends_well(bench, scenario, part):
    swept = sweeping.run(bench, scenario, "singles", part, SINGLES[scenario])
    if swept.problems:
        pytest.fail(sweeping.report(bench, swept), pytrace=False)
    powercut_table.note(scenario, f"once-{part}", swept.ops, swept.cases, swept.endings)


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
