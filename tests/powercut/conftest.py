"""One workshop for each worker of pytest."""

from __future__ import annotations

from pathlib import Path

import pytest
import workshop


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a sweep needs."""
    folder = tmp_path_factory.mktemp("powercut")
    workshop.prepare(folder)
    return folder
