"""Release files that were damaged, cut, or put together of two."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_fixtures import SMALL, app, build_time, make, refuse_flipped, vm  # noqa: F401

from host_tools.release import record
from host_tools.release.check import parse_release
from host_tools.release.errors import ReleaseError
from host_tools.release.inspect import explain
from host_tools.release.synth import synth_vm


def test_release_with_any_byte_flipped_is_refused(vm: Path, app: Path) -> None:
    data = make(vm, app).path.read_bytes()
    first, filesystem, second = 12_288, 16_384, len(data) - 4096
    positions = [
        *range(300),  # header, segment header, descriptor
        *range(300, SMALL - 64, 97),  # segments
        *range(SMALL - 64, SMALL),  # padding, checksum, hash
        *range(SMALL, first, 131),  # padding to the sector
        *range(first, first + 240),
        *range(first + 240, filesystem, 251),
        *range(filesystem, second, 211),
        *range(second, second + 240),
        *range(second + 240, len(data), 251),
        len(data) - 1,
    ]
    refuse_flipped(data, positions)


@given(cut=st.integers(0, 30_000), extra=st.binary(max_size=5000))
@settings(max_examples=60, deadline=None)
def test_release_cut_or_lengthened_is_refused(
    cut: int, extra: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = _one_release(tmp_path_factory)
    changed = data[: len(data) - cut] + extra
    if changed != data:
        with pytest.raises(ReleaseError):
            parse_release(changed)
        report = explain(changed)
        # An image with nothing but erased flash behind it is a plain VM, and whole.
        assert not report.sound or report.kind.startswith("plain VM")


_RELEASES: list[bytes] = []


def _one_release(factory: pytest.TempPathFactory) -> bytes:
    if not _RELEASES:
        folder = factory.mktemp("one")
        (folder / "app").mkdir()
        (folder / "app" / "enos_main.py").write_text("x = 1\n")
        (folder / "vm.bin").write_bytes(synth_vm(SMALL))
        _RELEASES.append(make(folder / "vm.bin", folder / "app").path.read_bytes())
    return _RELEASES[0]


def test_release_with_the_record_of_another_image_is_refused(vm: Path, app: Path) -> None:
    data = make(vm, app).path.read_bytes()
    vm.write_bytes(synth_vm(SMALL, seed=1))
    mixed = vm.read_bytes() + data[SMALL:]
    with pytest.raises(ReleaseError, match="belongs to another image"):
        parse_release(mixed)


def test_release_with_two_different_records_is_refused(vm: Path, app: Path) -> None:
    data = make(vm, app).path.read_bytes()
    other = make(vm, app, version="9.9.9").path.read_bytes()
    with pytest.raises(ReleaseError, match="two copies of the release record differ"):
        parse_release(data[:-4096] + other[-4096:])


def test_release_with_a_sector_between_its_parts_is_refused(vm: Path, app: Path) -> None:
    data = make(vm, app).path.read_bytes()
    with pytest.raises(ReleaseError, match="the file is 28,672 bytes; its record says 24,576"):
        parse_release(data[:-4096] + bytes(4096) + data[-4096:])


def test_release_without_app_files_is_sound_if_its_record_says_so(vm: Path, app: Path) -> None:
    info = make(vm, app)
    fields = {
        **info.record.__dict__,
        "appfs_offset": 0,
        "appfs_size_bytes": 0,
        "appfs_block_count": 0,
        "appfs_block_size": 0,
        "appfs_sha256": bytes(32),
    }
    sector = record.pack(record.ReleaseRecord(**fields))
    data = info.path.read_bytes()[:12_288] + sector + sector
    assert parse_release(data)[1].appfs_offset == 0
    assert explain(data).sound
