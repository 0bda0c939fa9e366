"""A slice of the soak, real boards and all; `python -m tests.soak` plays more."""

from __future__ import annotations

import subprocess
import sys

from host_tools import paths

SLICE = ("--upgrades", "6", "--life", "2", "--boards", "3", "--seed", "83")


def test_soak_slice_is_survived(tmp_path):
    command = [sys.executable, "-m", "tests.soak", *SLICE, "--out", str(tmp_path / "soak")]
    done = subprocess.run(
        command, cwd=paths.ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 bricked, 0 wrong code running, 0 unreported" in done.stdout
