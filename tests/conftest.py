"""What the whole run shows at its end: the tables of faults and of power cuts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import fault_table
import powercut_table

HERE = Path(__file__).parent
LONG = ("e2e", "powercut", "soak")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(fault_table.FOLDER, ignore_errors=True)
        fault_table.TICKER.unlink(missing_ok=True)
        shutil.rmtree(powercut_table.FOLDER, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The long ones first, and a share of them for each worker: else the last minutes are one of them.
    count = getattr(config, "workerinput", {}).get("workercount", 1)
    items.sort(key=lambda item: item.path.relative_to(HERE).parts[0] not in LONG)
    items[:] = [item for n in range(count) for item in items[n::count]]


def pytest_terminal_summary() -> None:
    fault_table.show()
    powercut_table.show()
