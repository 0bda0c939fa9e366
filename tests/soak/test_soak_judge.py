"""The verdicts: each is given where it must be, and only there."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from . import crew
from .judge import BRICKED, COSTLY, HELPED, UNREPORTED, WRONG, History, judge
from .life import Result
from .menu import FORMER
from .releases import HANGS, SOURS
from .report import failures, rows
from .stage import SimulatorDiedError, Stage

GOOD_BOOTS = [(0.0, "ota_0", [(1.0, "1.0.0")]), (10.0, "ota_1", [(11.0, "1.1.0")])]
BACK_BOOTS = [*GOOD_BOOTS[:1], (10.0, "ota_1", [(11.0, HANGS)]), (20.0, "ota_0", [(21.0, "1.0.0")])]


def upgraded(**changes):
    """The history of an upgrade that went well, or what `changes` make of it."""
    seen = History(1, 3, "1.0.0", "1.1.0", "1.1.0")
    told = {
        "boots": GOOD_BOOTS, "informs": [(12.0, "1.1.0")], "calm": 5.0, "heard": 12.0,
        "status": "succeeded", "step": 100, "running": "1.1.0", "informed": "1.1.0", "intact": True,
    }  # fmt: skip
    told |= changes
    told.setdefault("active", (told["boots"][-1][1], "VALID"))
    for name, value in told.items():
        setattr(seen, name, value)
    return seen


def failed_at_first(**changes):
    """The history of a good release that failed, and succeeded when it was commanded again."""
    told = {"status": "failed", "step": -2, "steps": [(6.0, -2, "")], "again": "succeeded"}
    return upgraded(**(told | changes))


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
    "failed by what it was sent, then upgraded": failed_at_first(struck=["other content"]),
    "failed after two power cuts, then upgraded": failed_at_first(
        struck=["power cut in the trial", "power cut in the boot after one"]
    ),
    "failed after a power cut and a trial without Wi-Fi, then upgraded": failed_at_first(
        struck=["power cut in the trial", "Wi-Fi away for a whole trial"]
    ),
    "failed amid other commands, then upgraded": failed_at_first(crossed=True),
    "failed after a former command, then upgraded": failed_at_first(struck=[FORMER]),
    "upgraded in spite of a power cut": upgraded(struck=["power cut in the trial", "pushed twice"]),
    "bad release with other content": rolled_back(
        step=-3, desc="digest", steps=[(6.0, -3, "digest")], struck=["other content"]
    ),
    "bad release rolled back in spite of a power cut": rolled_back(struck=["power cut in the trial"]),
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
    "bad release succeeded": (
        WRONG,
        rolled_back(status="succeeded", step=100, informs=[(12.0, HANGS), (22.0, "1.0.0")]),
    ),
    "still on trial in the end": (WRONG, upgraded(active=("ota_1", "PENDING_VERIFY"))),
    "another slot selected": (WRONG, upgraded(active=("ota_0", "VALID"))),
    "no slot selected": (WRONG, upgraded(active=("", ""))),
    "bad release without a trial": (
        UNREPORTED,
        rolled_back(step=-3, desc="digest", steps=[(6.0, -3, "digest")]),
    ),
    "bad release without a trial after a power cut": (
        UNREPORTED,
        rolled_back(
            step=-3, desc="digest", steps=[(6.0, -3, "digest")], struck=["power cut in the trial"]
        ),
    ),
    "bad release never ended": (UNREPORTED, rolled_back(status="upgrading", step=98)),
    "failed without a trouble": (HELPED, failed_at_first()),
    "failed after one power cut": (HELPED, failed_at_first(struck=["power cut in the trial"])),
    "rolled back after one trial without Wi-Fi": (
        HELPED,
        failed_at_first(
            step=-6, steps=[(6.0, -6, "")], struck=["Wi-Fi away for a whole trial", "pushed twice"]
        ),
    ),
    "release that turns bad later failed at once": (
        HELPED,
        failed_at_first(target=SOURS, lasting="1.0.0", running="1.0.0", informed="1.0.0"),
    ),
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


class DeadBoard:
    """A board that is off."""

    def wait(self, timeout_s):
        return True

    def power_off(self):
        pass

    def power_on(self):
        raise AssertionError("powered on")


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path, lambda event: None, lambda at, who, what: None)
    made.board = DeadBoard()
    return made


@pytest.mark.parametrize("make", [Stage.give_power, Stage.cut_power, Stage.check_alive])
def test_stage_board_that_is_off_uncut_fails_the_soak(stage, make):
    with pytest.raises(SimulatorDiedError):
        make(stage)


def test_stage_board_whose_process_ended_by_itself_fails_the_soak(stage):
    stage.board.wait = lambda timeout_s: False
    stage.events.append({"source": "board", "event": "reset", "detail": "machine.reset()"})
    stage.check_alive()
    stage.events.append({"source": "board", "event": "reset", "detail": "the VM ended"})
    with pytest.raises(SimulatorDiedError):
        stage.check_alive()


def test_stage_board_that_was_cut_is_powered_on_once(stage):
    powered = []
    stage.board.power_on = lambda: powered.append(True)
    stage.board.wait = lambda timeout_s: False
    stage.cut_power()
    stage.board.wait = lambda timeout_s: True
    stage.check_alive()
    stage.give_power()
    stage.board.wait = lambda timeout_s: False
    stage.give_power()
    assert powered == [True]


def leaves_without_a_word(seed, life, folder, results):
    """A worker that ends well, it seems."""


def test_crew_worker_that_ends_without_a_word_is_not_waited_for(monkeypatch, tmp_path):
    monkeypatch.setattr(crew, "_work", leaves_without_a_word)
    (result,) = crew.play(1, [(0, 9)], 1, tmp_path)
    assert result.error == "its process ended with 0"
