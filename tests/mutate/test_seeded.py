"""The run over the seeded faults: what it says of one that is caught, survives, or fits the code no more."""

from __future__ import annotations

import campaign
import pytest
import seeded
from seeded import FOLDER, Fault, FaultError, load

from host_tools import paths

FAULTS = load()
SOURCE = """\
def add(a, b):
    # A guard.
    if a < 0:
        raise ValueError
    return a + b


def sub(a, b):
    if a < 0:
        raise ValueError
    return a - b
"""
TEST = """\
import os, sys
sys.path.insert(0, os.getcwd())
from device import calc

def test_add_small_numbers_gives_their_sum():
    assert calc.add(1, 2) == 3
"""


def fault(line: str, becomes: str = "", within: str = "") -> Fault:
    return Fault(
        "f", "device/calc.py", line, becomes, "why", ("unit/test_calc.py",), within, "t.toml"
    )


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one source file and one test, with an empty table of faults."""
    root = tmp_path / "checkout"
    for file, text in (("device/calc.py", SOURCE), ("tests/unit/test_calc.py", TEST)):
        (root / file).parent.mkdir(parents=True)
        (root / file).write_text(text)
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (root / "faults").mkdir()
    return root


def run(root, *entries: tuple[str, str, str], only: str | None = None) -> int:
    """Run over faults, each given by its id, its line in `add`, and what that becomes."""
    table = "".join(
        f"[[fault]]\nid = '{name}'\nfile = 'device/calc.py'\nwithin = 'add'\nline = '{line}'\n"
        f"becomes = '{becomes}'\nwhy = 'sums'\ntests = ['unit/test_calc.py']\n"
        for name, line, becomes in entries
    )
    (root / "faults" / "sums.toml").write_text(table)
    return campaign.run(root, root / "faults", only)


@pytest.mark.parametrize("known", FAULTS, ids=lambda known: known.id)
def test_fault_of_the_tables_fits_the_code_and_its_tests_are_there(known):
    wrong, line = known.applied((paths.ROOT / known.file).read_text())
    assert wrong.splitlines() != (paths.ROOT / known.file).read_text().splitlines()
    assert line > 0
    assert known.tests
    for test in known.tests:
        assert (paths.ROOT / "tests" / test.partition("::")[0]).is_file(), test


def test_tables_hold_at_least_350_faults_and_each_file_is_used():
    assert len(FAULTS) >= 350
    assert {known.table for known in FAULTS} == {path.name for path in FOLDER.glob("*.toml")}


def test_fault_is_applied_in_its_function_and_says_which_line():
    wrong, line = fault("if a < 0:", "if False:", "sub").applied(SOURCE)
    assert line == 9
    assert wrong.splitlines()[8] == "    if False:"
    assert wrong.count("if False:") == 1


@pytest.mark.parametrize(
    ("line", "within", "what"),
    [
        ("if a < 0:", "", "found 2 times"),
        ("if b < 0:", "", "found 0 times"),
        ("return a - b", "add", "found 0 times"),
        ("return a - b", "mul", "function mul is found 0 times"),
    ],
)
def test_fault_whose_line_is_not_found_exactly_once_says_to_adapt_its_table(line, within, what):
    with pytest.raises(FaultError, match=f"{what}.*code has changed: adapt .*t.toml"):
        fault(line, "pass", within).applied(SOURCE)


def test_fault_that_leaves_no_python_is_refused():
    # It would be caught by whatever imports the module.
    with pytest.raises(FaultError, match="no Python"):
        fault("if a < 0:", "", "add").applied(SOURCE)


@pytest.mark.parametrize("damage", ["id = 'one'\n", "id = 'one'\nmood = 'bad'\n"])
def test_table_with_missing_or_unknown_fields_is_refused(tmp_path, damage):
    (tmp_path / "t.toml").write_text(f"[[fault]]\n{damage}")
    with pytest.raises(FaultError, match=r"t\.toml: one"):
        seeded.load(tmp_path)


def test_run_with_all_faults_caught_names_the_tests_and_exits_with_0(checkout, capsys):
    assert run(checkout, ("minus", "a + b", "a - b"), ("guard", "a < 0", "a >= 0")) == 0
    said = capsys.readouterr().out
    assert "minus" in said and "device/calc.py:5" in said and "device/calc.py:3" in said
    assert said.count("unit/test_calc: test_add_small_numbers_gives_their_sum") == 2
    assert "2 faults, 2 caught" in said
    assert (checkout / "device/calc.py").read_text() == SOURCE


def test_run_with_a_survivor_names_it_and_exits_with_1(checkout, capsys):
    assert run(checkout, ("minus", "a + b", "a - b"), ("guard", "a < 0", "False")) == 1
    said = capsys.readouterr().out
    assert "survived: guard: sums; see it with: make mutate ONLY=guard" in said
    assert "2 faults, 1 caught" in said


def test_run_of_one_fault_shows_it_and_what_the_test_said(checkout, capsys):
    faults = (("minus", "a + b", "a - b"), ("guard", "a < 0", "False"))
    assert run(checkout, *faults, only="minus") == 0
    said = capsys.readouterr().out
    assert "+    return a - b" in said and "assert -1 == 3" in said
    assert "guard" not in said


def test_run_with_a_fault_that_fits_no_more_tries_none_and_exits_with_2(checkout, capsys):
    assert run(checkout, ("minus", "a + b", "a - b"), ("gone", "a * b", "a")) == 2
    said = capsys.readouterr()
    assert "gone" in said.err and "sums.toml" in said.err
    assert said.out == ""


def test_run_whose_tests_fail_without_a_fault_says_so_and_exits_with_2(checkout, capsys):
    (checkout / "tests/unit/test_calc.py").write_text(TEST.replace("== 3", "== 4"))
    assert run(checkout, ("minus", "a + b", "a - b")) == 2
    assert "without a fault unit/test_calc: test_add_small" in capsys.readouterr().err


def test_run_whose_tests_cannot_be_run_is_no_catch(checkout, capsys):
    (checkout / "tests/unit/test_calc.py").unlink()
    assert run(checkout, ("minus", "a + b", "a - b")) == 2
    assert "pytest ended with" in capsys.readouterr().err


def test_run_of_an_unknown_id_exits_with_2(checkout, capsys):
    assert run(checkout, ("minus", "a + b", "a - b"), only="plus") == 2
    assert "there is no fault plus" in capsys.readouterr().err
