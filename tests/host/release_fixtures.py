"""A small VM, an application, and a release of both, for the tests of releases."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import strategies as st

from host_tools.release.check import parse_release
from host_tools.release.commands import release
from host_tools.release.errors import ReleaseError
from host_tools.release.inspect import explain
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


def refuse_flipped(data: bytes, positions: Iterable[int]) -> None:
    """With one bit flipped at any of the positions it is no release."""
    for position in positions:
        damaged = bytearray(data)
        damaged[position] ^= 0x01
        with pytest.raises(ReleaseError):
            parse_release(bytes(damaged))
        assert not explain(bytes(damaged)).sound, position


def run(*arguments: object) -> Result:
    """`enos-ota release`."""
    return CliRunner().invoke(release, [str(argument) for argument in arguments])


def refused(result: Result, text: str) -> None:
    """The command ended with one line that says so."""
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ") and result.output.count("\n") == 1
    assert text in result.output
