"""Releases as files: made, judged by esptool and MicroPython, refused."""

from __future__ import annotations

import binascii
import hashlib
import struct
import subprocess
from pathlib import Path

import pytest
from release_fixtures import EPOCH, SMALL, app, build_time, make, vm  # noqa: F401

from host_tools import paths
from host_tools.release.check import check_release, parse_release
from host_tools.release.errors import AppError, ImageError, RecordError, ReleaseError
from host_tools.release.inspect import explain
from host_tools.release.make import SLOT_BYTES, make_release
from host_tools.release.synth import STOCK_BYTES, synth_vm

# --- what was made ---------------------------------------------------------------------------


def test_release_read_by_the_tables_offsets_is_what_was_asked_for(vm: Path, app: Path) -> None:
    info = make(vm, app, min_sequence=1, product="pump")
    data = info.path.read_bytes()
    image = vm.read_bytes()
    assert data[: len(image)] == image
    at = 12_288
    assert data[len(image) : at] == b"\xff" * (at - len(image))
    sector = data[at : at + 4096]
    assert data[-4096:] == sector
    assert sector[:8] == b"EnRR\x01\x00\xf0\x00"
    assert struct.unpack_from("<I", sector, 8)[0] == binascii.crc32(sector[12:240])
    numbers = struct.unpack_from("<IIIIIHHIII", sector, 12)
    size = len(data) - at - 8192
    assert numbers == (SMALL, at + 4096, size, 1024, size // 1024, 1, 0, 2, 1, EPOCH)
    assert sector[48:80] == image[-32:]
    assert sector[80:112] == hashlib.sha256(data[at + 4096 : -4096]).digest()
    assert sector[112:240] == b"1.1.0".ljust(64, b"\0") + b"pump".ljust(64, b"\0")
    assert sector[240:] == b"\xff" * 3856


def test_release_info_tells_the_file_as_it_is(vm: Path, app: Path) -> None:
    info = make(vm, app)
    data = info.path.read_bytes()
    assert info.size == len(data) == sum(size for _name, size in info.parts)
    assert info.md5 == hashlib.md5(data).hexdigest()
    assert info.sha256 == hashlib.sha256(data).hexdigest()
    assert (info.chip, info.vm_version) == ("esp32", "1.26.1")
    assert [path for path, _size in info.files] == ["enos_main.mpy", "lib/pump.mpy"]
    assert parse_release(data) == (check_release(data).image, info.record)


def test_release_of_stock_size_with_the_real_agent_boots_its_parts(tmp_path: Path) -> None:
    vm, out = tmp_path / "vm.bin", tmp_path / "release.bin"
    vm.write_bytes(synth_vm(STOCK_BYTES))
    app = tmp_path / "app"
    app.mkdir()
    (app / "enos_main.py").write_text("import enos_ota.errors\nprint('up')\n")
    info = make_release(vm, app, "1.0.0", 1, out)
    assert info.size <= SLOT_BYTES
    assert ("enos_ota/errors.mpy" in dict(info.files)) and explain(out.read_bytes()).sound
    part = tmp_path / "part.bin"
    part.write_bytes(out.read_bytes()[:STOCK_BYTES])
    command = [paths.tool("esptool"), "image-info", str(part)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.count("(valid)") == 2
    assert "Image size: 1672976 bytes" in said
    assert started_by_micropython(out) == "up\n"


def started_by_micropython(path: Path) -> str:
    """Mount the app file system as boot.py does, from the record alone, and import the app."""
    script = f"""
import sys, vfs, struct
file = open({str(path)!r}, "rb")
def at(offset, size):
    file.seek(offset); return file.read(size)
end, count = 24, at(1, 1)[0]
for _ in range(count):
    end += 8 + struct.unpack("<I", at(end + 4, 4))[0]
end = (end | 15) + 1 + 32
head = at((end + 4095) & -4096, 240)
offset, _size, block, blocks = struct.unpack_from("<4I", head, 16)
class Slot:
    def readblocks(self, n, buf, off=0):
        file.seek(offset + n * block + off)
        assert file.readinto(buf) == len(buf)
    def writeblocks(self, *args):
        raise OSError(30)
    def ioctl(self, op, arg):
        return {{4: blocks, 5: block}}.get(op, 0)
vfs.mount(vfs.VfsLfs2(Slot()), "/app", readonly=True)
try:
    open("/app/new", "w")
    print("writable")
except OSError:
    pass
sys.path[:] = ["/app", ".frozen"]
import enos_main
"""
    command = [paths.micropython(), "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_release_is_mounted_and_imported_by_micropython(vm: Path, app: Path) -> None:
    assert started_by_micropython(make(vm, app).path) == "pump 1400\n"


def test_release_made_twice_is_the_same_file(vm: Path, app: Path, tmp_path: Path) -> None:
    first = make(vm, app, tmp_path / "a.bin").path.read_bytes()
    for path in app.rglob("*.py"):
        path.touch()
    assert make(vm, app, tmp_path / "b.bin").path.read_bytes() == first


@pytest.mark.parametrize(("chip", "number"), [("esp32c6", 13), ("esp32s3", 9)])
def test_release_for_another_chip_carries_its_id(
    chip: str, number: int, vm: Path, app: Path
) -> None:
    vm.write_bytes(synth_vm(SMALL, chip))
    (app / "fast.py").write_text("@micropython.native\ndef f(): return 1\n")
    assert make(vm, app).record.chip_id == number


def test_release_of_a_padded_vm_drops_what_follows_the_image(vm: Path, app: Path) -> None:
    plain = make(vm, app).path.read_bytes()
    vm.write_bytes(vm.read_bytes() + b"\xff" * 5000)
    assert make(vm, app).path.read_bytes() == plain


def test_build_time_is_now_without_source_date_epoch(
    vm: Path, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert make(vm, app).record.build_time > EPOCH
    assert make(vm, app, build_time=7).record.build_time == 7
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(ReleaseError, match="SOURCE_DATE_EPOCH=today is not a number"):
        make(vm, app)


# --- refusals --------------------------------------------------------------------------------


def test_release_too_large_by_one_sector_says_by_how_much(vm: Path, app: Path) -> None:
    size = make(vm, app).size
    assert make(vm, app, slot_size=size).size == size
    with pytest.raises(ReleaseError) as caught:
        make(vm, app, slot_size=size - 1)
    text = str(caught.value)
    assert f"is {size:,} bytes, 1 more than a slot of {size - 1:,}" in text
    assert "VM image 8,208, padding 4,080, app files 4,096, records 8,192" in text
    with pytest.raises(ReleaseError, match="12,345 more than"):
        make(vm, app, slot_size=size - 12_345)


@pytest.mark.parametrize(
    "version", ["1.22.2", "1.19", "0.9.1", "1.23.0-preview", "1.23.0-preview.6.g12ab"]
)
def test_vm_below_1_23_is_refused(version: str, vm: Path, app: Path) -> None:
    vm.write_bytes(synth_vm(SMALL, micropython=version))
    with pytest.raises(ReleaseError, match=r"MicroPython .*; releases need 1\.23\.0 or newer"):
        make(vm, app)


@pytest.mark.parametrize("version", ["1.23.0", "1.26.1", "1.29.0-preview.731.g1c3c2011", "2.0"])
def test_vm_from_1_23_is_taken(version: str, vm: Path, app: Path) -> None:
    vm.write_bytes(synth_vm(SMALL, micropython=version))
    assert make(vm, app).vm_version == version


def test_vm_that_names_no_version_is_refused_with_the_way_out(vm: Path, app: Path) -> None:
    vm.write_bytes(synth_vm(SMALL, micropython=""))
    with pytest.raises(ReleaseError, match=r"say it with --vm-version"):
        make(vm, app)
    assert make(vm, app, vm_version="1.25.0").vm_version == "1.25.0"
    with pytest.raises(ReleaseError, match=r"need 1\.23\.0"):
        make(vm, app, vm_version="1.20.0")
    with pytest.raises(ReleaseError, match="'new' is not a MicroPython version"):
        make(vm, app, vm_version="new")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"version": ""}, RecordError, "version is empty"),
        ({"version": "1" * 64}, RecordError, "63 are allowed"),
        ({"version": "1\t0"}, RecordError, "unprintable"),
        ({"sequence": -1}, RecordError, "sequence -1"),
        ({"min_sequence": 3}, RecordError, "above the sequence"),
        ({"build_time": -1}, RecordError, "build time -1"),
    ],
)
def test_release_with_a_field_out_of_range_is_refused(
    options: dict[str, object], error: type[ReleaseError], text: str, vm: Path, app: Path
) -> None:
    with pytest.raises(error, match=text):
        make(vm, app, **options)


def test_release_not_named_bin_is_refused(vm: Path, app: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"EnOS takes \.bin files only: name it pump\.bin"):
        make(vm, app, tmp_path / "pump.img")


def test_failed_release_leaves_the_file_and_the_folder_as_they_were(vm: Path, app: Path) -> None:
    out = make(vm, app).path
    before = out.read_bytes()
    (app / "enos_main.py").write_text("def\n")
    with pytest.raises(AppError, match=r"enos_main\.py:1: SyntaxError"):
        make(vm, app)
    assert out.read_bytes() == before
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "app",
        "micropython.bin",
        "release.bin",
    ]


def test_release_into_an_impossible_place_is_one_error(vm: Path, app: Path) -> None:
    with pytest.raises(ReleaseError, match="cannot be written"):
        make(vm, app, vm / "release.bin")
    (vm.parent / "folder.bin").mkdir()
    with pytest.raises(ReleaseError, match="cannot be written"):
        make(vm, app, vm.parent / "folder.bin")
    assert not list(vm.parent.glob(".release-*"))


def test_load_of_a_release_as_vm_takes_only_its_image(vm: Path, app: Path) -> None:
    made = make(vm, app).path
    again = make(made, app, vm.parent / "again.bin", version="1.2.0", sequence=3)
    assert again.record.image_sha256 == vm.read_bytes()[-32:]
    assert again.size == made.stat().st_size


def test_full_flash_image_as_vm_gives_its_app(vm: Path, app: Path) -> None:
    alone = make(vm, app)
    table = struct.pack("<2sBBII16sI", b"\xaaP", 0, 0, 0x10000, 0x1F0000, b"factory", 0)
    flash = (b"\xe9" * 0x7000 + table).ljust(0xF000, b"\xff") + vm.read_bytes() + b"\xff" * 4096
    vm.write_bytes(flash)  # from 0x1000 on, as micropython.org offers it
    again = make(vm, app, vm.parent / "again.bin")
    assert (again.record, again.sha256) == (alone.record, alone.sha256)


def test_full_flash_image_without_a_table_is_refused(vm: Path, app: Path) -> None:
    vm.write_bytes(b"\xff" * 0x1000 + synth_vm(SMALL))
    with pytest.raises(ImageError, match="full-flash"):
        make(vm, app)
