"""Releases are made once a session: the slow part that no test is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.demo.script import make_releases
from host_tools.demo.workshop import Workshop
from host_tools.release.synth import synth_vm

SMALL_BYTES = 400_000
"""Of a VM that is upgraded in a third of the time."""


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(_small(tmp_path_factory.mktemp("workshop")))


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The demo's, around a small VM."""
    return make_releases(_small(tmp_path_factory.mktemp("releases")))


@pytest.fixture(scope="session")
def stock_releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The demo's, as large as they are."""
    return make_releases(tmp_path_factory.mktemp("stock-releases"))


def _small(folder: Path) -> Path:
    (folder / "vm.bin").write_bytes(synth_vm(SMALL_BYTES))
    return folder
