"""The agent's compiled size is a promise: the waiting layer and the package have budgets."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from host_tools import paths, size

AGENT = paths.DEVICE / "enos_ota"


def test_package_is_within_its_budgets() -> None:
    sizes = size.measure(AGENT)
    assert sizes.waiting_bytes > 0
    assert sizes.over_budget() == []


def test_waiting_layer_counts_every_module_that_importing_the_agent_imports() -> None:
    found: set[str] = set()
    pending = ["__init__", "agent"]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += imported_modules(AGENT / f"{name}.py")
    assert "session" in found
    assert found <= set(size.WAITING)


def test_waiting_layer_names_only_modules_that_exist() -> None:
    assert {f"{name}.py" for name in size.WAITING} <= {path.name for path in AGENT.iterdir()}


def test_moments_name_only_modules_that_exist_and_do_not_wait() -> None:
    names = {name for names in size.MOMENTS.values() for name in names}
    assert {f"{name}.py" for name in names} <= {path.name for path in AGENT.iterdir()}
    assert not names & set(size.WAITING)


def test_moments_hold_what_their_modules_import() -> None:
    for names in size.MOMENTS.values():
        for name in names:
            needed = set(imported_modules(AGENT / f"{name}.py"))
            assert needed <= {*names, *size.WAITING}, name


def imported_modules(path: Path) -> list[str]:
    """Modules of the package that `path` imports when it is imported, not when it is called."""
    names = []
    for node in module_level(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level or node.module == "enos_ota"):
            base = (node.module or "").removeprefix("enos_ota")
            names += [base] if base else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("enos_ota."):
            names.append((node.module or "").split(".")[1])
        elif isinstance(node, ast.Import):
            dotted = [alias.name.split(".") for alias in node.names]
            names += [parts[1] for parts in dotted if parts[0] == "enos_ota" and len(parts) > 1]
    return [name for name in names if (AGENT / f"{name}.py").exists()]


def module_level(tree: ast.AST) -> list[ast.AST]:
    """All nodes that are not inside a function."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found += [node, *module_level(node)]
    return found


def test_sums_count_the_waiting_modules_always_and_the_others_in_their_moment() -> None:
    sizes = size.Sizes({"agent": 1000, "session": 24, "slot": 500, "http": 300, "trial": 70})
    assert sizes.sums() == [
        ("waiting layer", 1024, 12_288),
        ("most at once", 1524, 20_480),
        ("package", 1894, 63_488),
    ]
    assert sizes.over_budget() == []


def test_over_budget_by_one_byte_is_named() -> None:
    assert size.Sizes({"agent": 12_289}).over_budget() == [
        "waiting layer is 1 bytes over its 12,288"
    ]
    assert size.Sizes({"slot": 20_481}).over_budget() == ["most at once is 1 bytes over its 20,480"]
    assert size.Sizes({"startup": 63_489}).over_budget() == ["package is 1 bytes over its 63,488"]


def test_main_over_budget_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "enos_ota"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "agent.py").write_text("x = 'twelve bytes and more'\n")
    monkeypatch.setattr(paths, "DEVICE", tmp_path)
    size.main()
    assert "agent" in capsys.readouterr().out
    monkeypatch.setattr(size, "WAITING_BUDGET_BYTES", 10)
    with pytest.raises(SystemExit) as caught:
        size.main()
    assert str(caught.value.code).startswith("error: waiting layer is ")


def test_readme_shows_the_figures_of_today() -> None:
    text = (paths.ROOT / "README.md").read_text()
    for name, size_bytes, budget_bytes in size.measure(AGENT).sums():
        assert f"{size_bytes:,} bytes of `.mpy`, of {budget_bytes:,} allowed" in text, name
