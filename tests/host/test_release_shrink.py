"""Short names for what only the agent uses: the same package, with less to keep in a board's memory."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from host_tools import paths
from host_tools.release import shrink as module
from host_tools.release.shrink import names_of, shrink

AGENT = paths.DEVICE / "enos_ota"
INTERNAL = set(module._INTERNAL.split())


def run(sources: dict[str, str], code: str, folder: Path) -> str:
    """What `code` prints beside a package of these modules."""
    package = folder / "p"
    package.mkdir(parents=True)
    for name, text in sources.items():
        (package / f"{name}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ALL = {
    "__init__": "",
    "base": """
from p import helper
class Base:
    _shared = 1
    def __init__(self, first_value, second_value=2):
        self._first = first_value
        self.second = second_value
    def _step(self, count):
        def inner(item):
            nonlocal count
            count += item
            return count
        return inner(self._first) + self._shared
    def total(self, *numbers, **options):
        return sum(numbers) + options.get("extra", 0) + helper._double(number=self.second)
class Agent:
    def __init__(self, config_path="x", on_event=None):
        self._config = config_path
        self.on_event = on_event
    def call(self):
        return self._config
""",
    "helper": """
_table = {}
_LIMIT = 3
def _double(number):
    global _table
    try:
        _table = dict(_table, seen=number)
        raise ValueError(number)
    except ValueError as _error:
        return 2 * number + len(_table) + len(str(_error))
def by_name(thing, name="_first"):
    return getattr(thing, name)
""",
    "derived": """
from p.base import Base
from p.helper import _double as twice, _LIMIT
class Derived(Base):
    def _step(self, count):
        return super()._step(count) + twice(number=_LIMIT)
""",
}
CODE = """
from p.base import Agent
from p.derived import Derived
from p import helper
d = Derived(5, 7)
print(d._step(1) if hasattr(d, "_step") else "renamed", d.total(1, 2, extra=3), helper.by_name(d))
print(Agent(config_path="y", on_event=1).call(), d.second)
"""


def test_shrunk_package_does_the_same(tmp_path):
    code = CODE.replace('d._step(1) if hasattr(d, "_step") else "renamed"', "'-'")
    whole = run(ALL, code, tmp_path / "whole")
    assert whole == run(shrink(ALL), code, tmp_path / "shrunk")
    assert whole.split()[-1] == "7"


def test_private_names_and_parameters_are_gone_and_public_ones_stay():
    text = "\n".join(shrink(ALL).values())
    for gone in (
        "_shared",
        "_step",
        "_double",
        "_table",
        "_config",
        "first_value",
        "numbers",
        "item",
    ):
        assert gone not in text, gone
    # A text may name an attribute; a keyword is one of its caller's; an application names those of Agent.
    for kept in ("_first", "total", "second", "number=", "config_path", "on_event"):
        assert kept in text, kept


def test_names_that_the_compiler_folds_away_stay():
    # Renamed they would be globals, and take memory.
    text = shrink({"a": "from micropython import const\n_X = const(5)\n_y = 6\nprint(_X, _y)\n"})[
        "a"
    ]
    assert "_X = const(5)" in text
    assert "_y" not in text


def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in AGENT.glob("*.py")]


def test_names_of_the_agent_are_private_or_its_own_business_and_each_has_its_own():
    names = names_of(trees())
    assert len(names) > 100
    public = {name for name in names if name[0] != "_" or name[:2] == "__"}
    assert public == INTERNAL
    assert len(set(names.values())) == len(names)


def test_roms_names_suffice_for_the_agent():
    names = names_of(trees())
    kept = set(module._OTHERS).union(
        *(module._folded(tree) | module._words(tree) for tree in trees())
    )
    private = {
        name
        for tree in trees()
        for name in module._bound(tree)
        if name[0] == "_" and name[:2] != "__"
    }
    assert private - set(names) <= kept


def test_keywords_of_the_agents_calls_are_not_renamed():
    # A keyword stays as it is: the parameter that it names must, too.
    called = {
        node.arg for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.keyword)
    }
    assert not called & set(names_of(trees()))


def test_names_by_which_others_use_the_agent_stay():
    users = [paths.BOOT / "main.py", *(paths.DEVICE / "example").glob("*.py")]
    used = set().union(*(module._identifiers(ast.parse(path.read_text())) for path in users))
    assert {"Agent", "first", "self_test"} < used
    assert not used & INTERNAL


@pytest.mark.parametrize("name", ["_recv_len", "_thread"])
def test_names_that_others_give_stay(name):
    assert name not in names_of(trees())


def test_short_names_are_used_nowhere_else():
    taken = {name for tree in trees() for name in module._identifiers(tree)}
    umqtt = module._identifiers(ast.parse((paths.UPY_LIB / "umqtt" / "simple.py").read_text()))
    names = names_of(trees())
    assert not set(names.values()) & (taken | umqtt)


def test_agent_takes_over_a_hundred_and_fifty_names_less():
    sources = {path.stem: path.read_text() for path in AGENT.glob("*.py")}
    known = {*module._ROM.split(), *module._PARAMETERS}
    before, after = (
        set().union(*(module._identifiers(ast.parse(text)) for text in texts.values())) - known
        for texts in (sources, shrink(sources))
    )
    assert len(before - after) > 150
    assert after < before


def test_source_that_is_no_python_is_the_compilers_to_explain():
    with pytest.raises(SyntaxError):
        shrink({"a": "def f(:\n"})
