"""The device's judgement of images and release records under CPython, against the host's own."""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import Any

import pytest
from device_fixtures import Slot, device, quick
from hypothesis import example, given, settings
from hypothesis import strategies as st
from release_fixtures import RECORD_FIELDS, U32

from host_tools.release import image as host_image
from host_tools.release import record as host_record
from host_tools.release.synth import LAYOUTS, synth_vm
from host_tools.simboard.chip import image as chip_image

# ---- image and record, against the host's own reader and writer


@pytest.fixture(scope="module")
def vm() -> bytes:
    return synth_vm(16384)


def _release(vm: bytes, version: str = "1.2.0-β", **changes: int) -> tuple[bytes, bytes]:
    """Image with padding, and its record sector."""
    fields = {
        "image_length": len(vm),
        "appfs_offset": 0,
        "appfs_size_bytes": 0,
        "appfs_block_size": 0,
        "appfs_block_count": 0,
        "stub_abi": 1,
        "chip_id": 0,
        "sequence": 7,
        "min_sequence": 0,
        "build_time": 1_700_000_000,
        "image_sha256": vm[-32:],
        "appfs_sha256": bytes(32),
        "version": version,
        "product": "pump",
    }
    sector = host_record.pack(host_record.ReleaseRecord(**{**fields, **changes}))
    return vm + b"\xff" * (-len(vm) % 4096), sector


def _read(data: bytes) -> Any:
    slot = Slot(data)
    return device.image.read_record(slot, device.image.Image(slot))


def test_image_of_the_host_is_walked_as_the_host_walks_it(vm: bytes) -> None:
    mine = device.image.Image(Slot(vm))
    theirs = host_image.parse_image(vm)
    assert mine.length_bytes == len(vm)
    assert theirs.length == len(vm)
    assert mine.digest == vm[-32:]
    assert mine.elf_digest == vm[176:208]


WORD = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=15)
NAMES = {  # of the device -> of the host
    "image_bytes": "image_length",
    "app_offset": "appfs_offset",
    "app_bytes": "appfs_size_bytes",
    "stub_abi": "stub_abi",
    "chip_id": "chip_id",
    "sequence": "sequence",
    "min_sequence": "min_sequence",
    "build_time": "build_time",
    "image_digest": "image_sha256",
    "app_digest": "appfs_sha256",
    "version": "version",
    "product": "product",
}


@quick
@given(version=WORD, when=U32)
def test_record_of_the_host_is_read_behind_its_image(vm: bytes, version: str, when: int) -> None:
    image, sector = _release(vm, version, build_time=when)
    found = _read(image + sector)
    assert (found.version, found.build_time, found.product) == (version, when, "pump")


RECORDS = st.builds(
    host_record.ReleaseRecord,
    sequence=st.integers(1000, 2**32 - 1),
    min_sequence=st.integers(0, 1000),
    version=WORD,
    product=st.just("") | WORD,
    **RECORD_FIELDS,
)


@quick
@given(RECORDS, st.binary(max_size=783))
def test_record_of_any_fields_says_on_the_device_what_the_host_wrote(
    written: host_record.ReleaseRecord, more: bytes
) -> None:
    sector = host_record.pack(written)
    if more:  # as a later tool writes it
        body = sector[12:240] + more
        head = struct.pack("<4sHHI", b"EnRR", 1, 12 + len(body), zlib.crc32(body))
        sector = (head + body).ljust(4096, b"\xff")
    assert device.record.size_of(sector) == 240 + len(more)
    read = device.record.unpack(sector)
    assert vars(read) == {mine: getattr(written, theirs) for mine, theirs in NAMES.items()}
    if more:  # a part of it is none, whatever its CRC says
        cut = sector[: 239 + len(more)]
        assert device.record.unpack(cut) is None
        assert (
            device.record.unpack(cut[:8] + struct.pack("<I", zlib.crc32(cut[12:])) + cut[12:])
            is None
        )


@quick
@given(st.binary(min_size=240, max_size=400), st.booleans())
def test_record_of_any_bytes_is_none_or_one_that_the_host_explains(
    data: bytes, is_marked: bool
) -> None:
    if is_marked:
        data = b"EnRR" + struct.pack("<HHI", 1, len(data), zlib.crc32(data[12:])) + data[12:]
    assert device.record.is_record(data[:4]) == is_marked
    found = device.record.unpack(bytearray(data))
    try:
        theirs = host_record.unpack(data)
    except host_record.RecordError:
        theirs = None  # the host judges texts and numbers that mean nothing to a board
    assert is_marked or not (found or theirs)
    if theirs:
        assert vars(found) == {mine: getattr(theirs, name) for mine, name in NAMES.items()}


@quick
@given(at=st.integers(0, 239), bit=st.integers(0, 7))
def test_record_with_any_bit_flipped_is_none(vm: bytes, at: int, bit: int) -> None:
    image, sector = _release(vm)
    damaged = bytearray(sector)
    damaged[at] ^= 1 << bit
    assert _read(image + bytes(damaged)) is None


@quick
@given(body=st.binary(min_size=228, max_size=400), belongs=st.booleans())
def test_record_of_any_content_with_a_right_crc_gives_a_record_none_or_verify_error(
    vm: bytes, body: bytes, belongs: bool
) -> None:
    # The version need not be UTF-8.
    image, _ = _release(vm)
    if belongs:
        body = struct.pack("<I", len(vm)) + body[4:36] + vm[-32:] + body[68:]
    sector = b"EnRR" + struct.pack("<HHI", 1, len(body) + 12, zlib.crc32(body)) + body
    try:
        found = _read(image + sector)
    except device.errors.VerifyError:
        return
    assert found is None or (belongs and isinstance(found.version, str))


@quick
@given(st.binary(max_size=400))
def test_image_any_bytes_give_an_image_or_verify_error(data: bytes) -> None:
    for start in (b"", b"\xe9\x01", b"\xe9\x10"):
        try:
            image = device.image.Image(Slot(start + data))
        except device.errors.VerifyError:
            continue
        assert 0 < image.length_bytes <= 0x1D0000


@quick
@given(
    segments=st.lists(st.integers(0, 0x8000) | st.integers(0, 0xFFFFFFFF), min_size=1, max_size=16),
    hashed=st.booleans(),
)
def test_image_any_segment_lengths_give_an_image_within_the_slot_or_verify_error(
    segments: list[int], hashed: bool
) -> None:
    head = bytearray(24)
    head[0:2] = bytes((0xE9, len(segments)))
    head[23] = hashed
    size = 0x10000
    flash = bytearray(b"\xff" * size)
    flash[:24] = head
    at = 24
    for length in segments:
        if at + 8 > size:
            break
        flash[at : at + 8] = struct.pack("<II", 0x3FFB0000, length)
        at += 8 + length
    try:
        image = device.image.Image(Slot(bytes(flash), size))
    except device.errors.VerifyError:
        return
    assert image.length_bytes <= size
    assert image.length_bytes % 16 == 0
    assert len(image.digest) == (32 if hashed else 0)


# ---- preflight, against the host's image maker and the chip's own check


def _preflight(data: bytes, total: int | None = None, running: bytes | None = None) -> None:
    """Judge `data` by its first 288 bytes on the board that runs `running`, or else `data` itself."""
    head = memoryview(data)[:288]
    device.preflight.check(head, len(data) if total is None else total, (running or data)[:24])


@pytest.mark.parametrize("chip", sorted(LAYOUTS))
def test_preflight_of_the_hosts_images_accepts_its_own_chip_and_names_any_other(
    vm: bytes, chip: str
) -> None:
    image = synth_vm(16384, chip)
    _preflight(image)
    if chip == "esp32":
        return
    with pytest.raises(device.errors.UpgradeError) as refusal:
        _preflight(image, running=vm)
    name = chip.upper().replace("ESP32", "ESP32-")
    assert str(refusal.value) == f"image for {name}, not ESP32"


@quick
@given(st.binary(max_size=400), st.integers(0, 2**31))
def test_preflight_any_bytes_are_accepted_or_refused_by_a_declared_error(
    vm: bytes, data: bytes, total: int
) -> None:
    for start in (b"", vm[:1], vm[:12], vm[:24], vm[:36]):
        with contextlib.suppress(device.errors.UpgradeError, device.errors.VerifyError):
            _preflight(start + data, total, vm)
            assert len(start + data) >= 288


@settings(deadline=None, max_examples=400)
@given(at=st.integers(0, 35), byte=st.integers(0, 255))
@example(at=1, byte=0)
@example(at=1, byte=17)
@example(at=12, byte=9)
@example(at=28, byte=0xFF)
@example(at=31, byte=1)
def test_preflight_of_a_damaged_head_agrees_with_the_chip(vm: bytes, at: int, byte: int) -> None:
    # Nothing that the bootloader takes is refused, and of what it refuses only what takes more than the
    # head to see: limits of a revision that Python cannot ask for, addresses, other segments.
    data = bytearray(vm)
    data[at] = byte

    def read(offset: int, buffer: bytearray) -> None:
        if offset + len(buffer) > len(data):
            raise chip_image.ImageError("beyond the file")
        buffer[:] = data[offset : offset + len(buffer)]

    try:
        chip_image.walk(read, len(data))
        boots = data[1] > 0 and data[28:32] != bytes(4) and data[32:36] == vm[32:36]
    except chip_image.ImageError:
        boots = False
    try:
        _preflight(bytes(data), running=vm)
        accepted = True
    except (device.errors.UpgradeError, device.errors.VerifyError):
        accepted = False
    assert accepted or not boots
    unseen = at in (1, *range(15, 19), *range(24, 32))
    assert boots or not accepted or (unseen and 0 < data[1] <= 16)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 0xFFFF) | st.integers(0, 4), min_size=4, max_size=4))
@example([0, 0, 300, 399])
@example([300, 0xFFFF, 0, 299])
def test_preflight_of_any_revisions_refuses_only_what_this_chip_cannot_be(
    vm: bytes, bounds: list[int]
) -> None:
    def image(least: int, most: int) -> bytes:
        return vm[:15] + struct.pack("<HH", least, most) + vm[19:]

    def allowed(least: int, most: int) -> range:
        return range(least, 0x10000 if most in (0, 0xFFFF) else most + 1)

    wanted, known = allowed(*bounds[:2]), allowed(*bounds[2:])
    if not wanted or not known:
        return
    common = max(wanted[0], known[0]) <= min(wanted[-1], known[-1])
    try:
        _preflight(image(*bounds[:2]), running=image(*bounds[2:]))
        assert common
    except device.errors.UpgradeError:
        assert not common


@quick
@given(size=st.integers(0, 0x9000) | st.integers(0, 0xFFFFFFFF), total=st.integers(288, 0x9000))
@example(size=512, total=544)
@example(size=512, total=545)
def test_preflight_of_any_first_segment_agrees_with_the_walk(
    vm: bytes, size: int, total: int
) -> None:
    data = vm[:28] + struct.pack("<I", size) + vm[32:]
    try:
        end = device.image.next_segment(Slot(data), 24, total)
        assert 32 <= end == 32 + size < total
        assert size % 4 == 0
    except device.errors.VerifyError:
        end = 32
    try:
        _preflight(data, total, vm)
        accepted = True
    except device.errors.VerifyError:
        accepted = False
    assert accepted == (end > 32)
