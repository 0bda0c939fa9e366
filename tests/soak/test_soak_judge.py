"""The verdicts: each is given where it must be, and only there."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from .judge import BRICKED, COSTLY, UNREPORTED, WRONG, History, judge
from .life import Result
from .releases import HANGS, SOURS
from .report import failures, rows

GOOD_BOOTS = [(0.0, "ota_0", [(1.0, "1.0.0")]), (10.0, "ota_1", [(11.0, "1.1.0")])]
BACK_BOOTS = [*GOOD_BOOTS[:1], (10.0, "ota_1", [(11.0, HANGS)]), (20.0, "ota_0", [(21.0, "1.0.0")])]


def upgraded(**changes):
    """The history of an upgrade that went well, or what `changes` make of it."""
    seen = History(1, 3, "1.0.0", "1.1.0", "1.1.0")
    told = {
        "boots": GOOD_BOOTS, "informs": [(12.0, "1.1.0")], "calm": 5.0, "heard": 12.0,
        "status": "succeeded", "step": 100, "running": "1.1.0", "informed": "1.1.0", "intact": True,
    }  # fmt: skip
    for name, value in (told | changes).items():
        setattr(seen, name, value)
    return seen


def rolled_back(**changes):
    """The history of a bad release that was rolled back and reported."""
    told = {
        "target": HANGS, "lasting": "1.0.0", "boots": BACK_BOOTS, "informs": [(22.0, "1.0.0")],
        "steps": [(21.5, -6, "watchdog")], "status": "failed", "step": -6, "desc": "watchdog",
        "running": "1.0.0", "informed": "1.0.0",
    }  # fmt: skip
    return upgraded(**(told | changes))


SURVIVED = {
    "upgraded": upgraded(),
    "rolled back": rolled_back(),
    "failed, then upgraded": upgraded(
        status="failed", step=-2, steps=[(6.0, -2, "")], again="succeeded"
    ),
    "no word from the agent alone": upgraded(
        boots=[GOOD_BOOTS[0], (9.0, "ota_0", []), GOOD_BOOTS[1]],
        informs=[(9.5, "1.0.0+safe"), (12.0, "1.1.0")],
    ),
    "overtaken by a former command": upgraded(
        status="failed", desc="timed out after 60 s", overtaken=True, again="succeeded"
    ),
    "fetched a block again": upgraded(twice_bytes=[65_536, 65_536]),
    "logged late": upgraded(
        boots=[*GOOD_BOOTS, (12.5, "ota_1", [(13.0, "1.1.0")])], informs=[(12.6, "1.1.0")]
    ),
    "turned bad and went back": upgraded(
        target=SOURS, lasting="1.0.0", running="1.0.0", informed="1.0.0",
        boots=[(0.0, "ota_0", []), (10.0, "ota_1", [(11.0, SOURS)]), (30.0, "ota_0", [(31.0, "1.0.0")])],
        informs=[(12.0, SOURS), (32.0, "1.0.0")],
    ),
}  # fmt: skip

LOST = {
    "never heard again": (BRICKED, upgraded(heard=None)),
    "does not take the next command": (
        BRICKED,
        upgraded(status="failed", step=-2, steps=[(6.0, -2, "")], again="failed -2 no link"),
    ),
    "informs what does not run": (WRONG, upgraded(informs=[(5.0, "1.1.0"), (12.0, "1.1.0")])),
    "informs another version in the end": (WRONG, upgraded(informed="1.0.0")),
    "runs the former version after a success": (WRONG, upgraded(running="1.0.0", informed="1.0.0")),
    "runs nothing": (WRONG, upgraded(running="")),
    "runs a bad release": (WRONG, rolled_back(running=HANGS, informed=HANGS)),
    "runs a release that turned bad": (
        WRONG,
        upgraded(target=SOURS, lasting="1.0.0", running=SOURS, informed=SOURS),
    ),
    "runs what it reported as failed": (
        WRONG,
        upgraded(status="failed", step=-2, steps=[(6.0, -2, "")]),
    ),
    "runs from a damaged slot": (WRONG, upgraded(intact=False)),
    "succeeded without an inform": (WRONG, upgraded(informs=[])),
    "still under way": (UNREPORTED, upgraded(status="upgrading", step=98)),
    "timed out in EnOS": (
        UNREPORTED,
        upgraded(status="failed", desc="timed out after 60 s", again="succeeded"),
    ),
    "fetched more than a block again": (COSTLY, upgraded(twice_bytes=[0, 65_537])),
    "failed without a step": (UNREPORTED, rolled_back(steps=[])),
}


@pytest.mark.parametrize("case", SURVIVED)
def test_judge_survived_upgrade_has_no_verdict(case):
    assert judge(SURVIVED[case]) == {}


@pytest.mark.parametrize("case", LOST)
def test_judge_lost_upgrade_has_its_verdict(case):
    verdict, seen = LOST[case]
    assert verdict in judge(seen)


def test_report_verdict_fails_the_run_and_says_how_to_replay_it():
    _, seen = LOST["never heard again"]
    out = io.StringIO()
    failed = failures(Console(file=out, width=200), [Result(3, seen, judge(seen))], "soak --seed 1")
    assert failed
    assert "BRICKED" in out.getvalue()
    assert "soak --seed 1 --only 3" in out.getvalue()


def test_report_survived_upgrades_do_not_fail_the_run():
    results = [Result(number, seen, judge(seen)) for number, seen in enumerate(SURVIVED.values())]
    assert not failures(Console(file=io.StringIO()), results, "soak")


def test_report_soak_that_broke_fails_the_run():
    assert failures(Console(file=io.StringIO()), [Result(3, None, {}, "OSError: full")], "soak")


def test_report_row_counts_each_strike_with_the_end_of_its_upgrade():
    twice = upgraded(struck=["power cut", "power cut"])
    once = rolled_back(struck=["power cut"])
    table = rows([Result(0, twice, {}), Result(1, once, {})])
    assert table["power cut"].struck == 3
    assert dict(table["power cut"].ended) == {"upgraded": 2, "rolled back": 1}
    assert table[f"release {HANGS}"].struck == 1
