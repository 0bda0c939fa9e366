"""README's "On the desk first", as it stands there: a board out of the drawer is upgraded over the air."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_tools import paths

HEADING = "### On the desk first"


def commands() -> list[str]:
    """The lines of README's block, without comments."""
    section = (paths.ROOT / "README.md").read_text().split(HEADING)[1]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [line.partition("  #")[0].strip() for line in block[1].splitlines()]


@contextmanager
def running(folder: Path, *arguments: str, until: str) -> Iterator[None]:
    """`enos-ota …` in the background, from the moment it has printed `until`."""
    log = folder / f"{arguments[0]}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "host_tools", *arguments],
            stdout=out, stderr=out, cwd=folder, env=environment(folder),
        )  # fmt: skip
    try:
        for _ in range(600):
            if until in log.read_text():
                break
            assert process.poll() is None, log.read_text()
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        yield
    finally:
        process.terminate()
        process.wait(20)


def environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(paths.ROOT),
        "ENOS_OTA_BUILD": str(folder / "build"),
    }


@pytest.mark.timeout(300)
def test_commands_of_the_readme_bring_a_board_from_the_drawer_to_an_upgrade(tmp_path: Path) -> None:
    (tmp_path / "device").symlink_to(paths.DEVICE)
    (tmp_path / "build").mkdir()
    said = []
    with (
        running(tmp_path, "cloud", "--port-base", "0", until="CA certificate"),
        running(tmp_path, "board", "--blank", "--name", "desk", until="console:"),
    ):
        lines = commands()
        port = lines.pop(0)
        assert port == "PORT=build/boards/desk/console"
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", f"{port}; {line}"],
                capture_output=True, text=True, check=False, timeout=120,
                cwd=tmp_path, env=environment(tmp_path),
            )  # fmt: skip
            said.append(f"$ {line}\n{done.stdout}{done.stderr}")
            assert done.returncode == 0, "\n".join(said)
        tasks = subprocess.run(
            ["enos-ota", "job", "watch", "1", "--json"],
            capture_output=True, text=True, check=True, timeout=60,
            cwd=tmp_path, env=environment(tmp_path),
        )  # fmt: skip
    text = "\n".join(said)
    assert "0 blockers" in text
    assert "EnOS accepted its inform: version 1.0.0" in text
    assert re.search(r"importing what waits takes [\d,]+ bytes of RAM", text)
    assert '"succeeded"' in tasks.stdout
