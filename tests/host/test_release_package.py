"""The agent as a package for mip, and frozen by a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from host_tools import paths
from host_tools.board import stubs
from host_tools.release import sources
from host_tools.release.commands import release
from host_tools.release.package import make_package


def test_package_names_every_compiled_module_and_each_is_there(tmp_path: Path) -> None:
    make_package(tmp_path, "xtensawin")
    index = json.loads((tmp_path / "package.json").read_text())
    expected = sources.agent_files("xtensawin")
    assert [target for target, _ in index["urls"]] == sorted(expected)
    for target, url in index["urls"]:
        assert (tmp_path / url).read_bytes() == expected[target]


def test_package_has_the_stubs_apart_since_they_belong_to_the_root(tmp_path: Path) -> None:
    make_package(tmp_path, "xtensawin")
    index = json.loads((tmp_path / "stubs.json").read_text())
    assert index["urls"] == [["boot.py", "boot.py"], ["main.py", "main.py"]]
    for name in ("boot.py", "main.py"):
        assert (tmp_path / name).read_bytes() == stubs.content(name)


def test_package_command_says_what_to_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(release, ["package", "--out", str(tmp_path / "new" / "dist")])
    assert result.exit_code == 0
    assert f"mpremote mip install {tmp_path}/new/dist/package.json" in result.output
    assert f"--target / {tmp_path}/new/dist/stubs.json" in result.output


def test_manifest_freezes_the_agent_and_the_stubs() -> None:
    # What MicroPython's tools/manifestfile.py does with it: paths are relative to the manifest's folder.
    calls: list[tuple[str, str, dict[str, Any]]] = []

    def record(kind: str) -> Any:
        return lambda name, **options: calls.append((kind, name, options))

    source = (paths.DEVICE / "manifest.py").read_text()
    exec(source, {kind: record(kind) for kind in ("include", "package", "module")})
    assert ("include", "$(PORT_DIR)/boards/manifest.py", {}) in calls
    found = [
        paths.DEVICE / options.get("base_path", ".") / name
        for kind, name, options in calls
        if kind != "include"
    ]
    assert {path.name for path in found} == {"enos_ota", "boot.py", "main.py"}
    assert all(path.exists() for path in found)
