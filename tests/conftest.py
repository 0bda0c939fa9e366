"""What the whole run shows at its end: the tables of faults and of power cuts."""

from __future__ import annotations

import shutil

import pytest

import fault_table
import powercut_table


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(fault_table.FOLDER, ignore_errors=True)
        fault_table.TICKER.unlink(missing_ok=True)
        shutil.rmtree(powercut_table.FOLDER, ignore_errors=True)


def pytest_terminal_summary() -> None:
    fault_table.show()
    powercut_table.show()
