"""A small VM, an application, and a release of both, for the tests of releases."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import strategies as st

from host_tools.release.make import ReleaseInfo, make_release
from host_tools.release.synth import synth_vm

# tests/signing.py serves the tests of all folders; pytest adds only those with tests or a conftest.
sys.path.append(str(Path(__file__).resolve().parent.parent))

U32 = st.integers(0, 2**32 - 1)
RECORD_FIELDS = {
    **dict.fromkeys(
        (
            *("image_length", "appfs_offset", "appfs_size_bytes", "appfs_block_size"),
            *("appfs_block_count", "build_time"),
        ),
        U32,
    ),
    **dict.fromkeys(("stub_abi", "chip_id"), st.integers(0, 0xFFFF)),
    **dict.fromkeys(("image_sha256", "appfs_sha256"), st.binary(min_size=32, max_size=32)),
}
"""Those fields of a release record that are free of each other."""
SMALL = 8192 + 16  # does not end at a sector, so that there is padding
EPOCH = 1_760_000_000


@pytest.fixture(autouse=True)
def build_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))


@pytest.fixture
def vm(tmp_path: Path) -> Path:
    path = tmp_path / "micropython.bin"
    path.write_bytes(synth_vm(SMALL))
    return path


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "lib").mkdir(parents=True)
    (folder / "enos_main.py").write_text("from lib import pump\nprint('pump', pump.SPEED)\n")
    (folder / "lib" / "pump.py").write_text("SPEED = 1400\n")
    return folder


def make(vm: Path, app: Path, out: Path | None = None, **options: object) -> ReleaseInfo:
    fields = {"version": "1.1.0", "sequence": 2, "with_agent": False} | options
    return make_release(vm, app, out=out or vm.parent / "release.bin", **fields)
