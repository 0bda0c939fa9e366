"""Releases are made once a session: the slow part that no test is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.demo.script import make_releases
from host_tools.demo.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_releases(tmp_path_factory.mktemp("releases"))
