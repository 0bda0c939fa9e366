"""The parser of ESP32 app images, judged by esptool and by every damage that can be thought of."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools import paths
from host_tools.release.errors import ImageError, ReleaseError
from host_tools.release.image import micropython_version, parse_image
from host_tools.release.inspect import explain
from host_tools.release.make import load_vm
from host_tools.release.synth import LAYOUTS, STOCK_BYTES, synth_vm

SMALL = synth_vm(8192)
HASH_FLAG = 23


def image_info(path: Path) -> str:
    command = [paths.tool("esptool"), "image-info", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}"


def esptool_accepts(path: Path) -> bool:
    said = image_info(path)
    return "Validation hash" in said and said.count("(valid)") == 2 and "invalid" not in said


@pytest.mark.parametrize("chip", LAYOUTS)
def test_synth_of_stock_size_is_accepted_by_esptool(chip: str, tmp_path: Path) -> None:
    path = tmp_path / "vm.bin"
    path.write_bytes(synth_vm(STOCK_BYTES, chip))
    assert path.stat().st_size == 1_672_976
    assert esptool_accepts(path)
    named = {"esp32": "ESP32"}.get(chip, f"ESP32-{chip[5:].upper()}")
    said = image_info(path)
    assert f"Detected image type: {named}\n" in said
    for memory in ("DROM", "DRAM", "IRAM", "IROM"):
        assert memory in said


def test_esptool_refuses_what_the_parser_refuses(tmp_path: Path) -> None:
    for position in (200, len(SMALL) - 33, len(SMALL) - 1):
        path = tmp_path / "vm.bin"
        path.write_bytes(flipped(SMALL, position, 0xFF))
        assert not esptool_accepts(path)


@pytest.mark.parametrize("chip", LAYOUTS)
def test_synth_maps_flash_segments_at_equal_offsets_in_mmu_pages(chip: str) -> None:
    image = parse_image(synth_vm(STOCK_BYTES, chip))
    assert image.chip == chip
    assert len(image.segments) >= 5
    drom, dram, iram, irom, iram_rest = image.segments
    for mapped in (drom, irom):
        assert mapped.offset % 0x10000 == mapped.address % 0x10000
    assert iram_rest.address == iram.address + iram.length
    assert dram.length > 0
    assert iram.address <= image.entry < iram.address + iram.length


@pytest.mark.parametrize("size", [8192, 16_384, 98_288, 98_304, 300_000, 0x300000])
def test_synth_has_exactly_the_size_asked_for(size: int) -> None:
    data = synth_vm(size)
    assert len(data) == parse_image(data).length == size


def test_synth_depends_on_every_argument_and_on_nothing_else() -> None:
    again = synth_vm.__wrapped__(8192)
    assert again == SMALL
    others = [
        synth_vm(8208),
        synth_vm(8192, "c3"),
        synth_vm(8192, micropython="1.25.0"),
        synth_vm(8192, seed=1),
    ]
    assert len({hashlib.sha256(data).digest() for data in [SMALL, *others]}) == 5


@pytest.mark.parametrize(("size", "chip"), [(8193, "esp32"), (4096, "esp32"), (8192, "esp8266")])
def test_synth_of_impossible_arguments_is_refused(size: int, chip: str) -> None:
    with pytest.raises(ReleaseError):
        synth_vm(size, chip)


def test_parse_reads_header_descriptor_and_length() -> None:
    image = parse_image(SMALL + b"whatever follows")
    assert image.length == 8192
    assert image.sha256 == SMALL[-32:] == hashlib.sha256(SMALL[:-32]).digest()
    assert image.max_revision == 399
    assert image.descriptor is not None
    assert (image.descriptor.version, image.descriptor.project) == ("", "")
    assert image.descriptor.idf_version == "v5.4.2"
    assert image.descriptor.elf_sha256 == SMALL[176:208]
    assert struct.unpack_from("<I", SMALL, 32) == (0xABCD5432,)
    assert b"\x003.4.0; MicroPython v1.26.1 on 2025-09-11\x00" in SMALL
    assert micropython_version(SMALL) == "1.26.1"


@pytest.mark.parametrize("mask", [0xFF, 0x80, 0x01])
def test_parse_of_any_flipped_byte_is_refused(mask: int) -> None:
    for position in range(len(SMALL)):
        if (position, mask) != (HASH_FLAG, 0x01):
            with pytest.raises(ImageError):
                parse_image(flipped(SMALL, position, mask))


def test_cleared_hash_flag_is_an_image_but_cannot_be_released(tmp_path: Path) -> None:
    # On the chip such an image boots, checked by its checksum alone.
    path = tmp_path / "vm.bin"
    path.write_bytes(flipped(SMALL, HASH_FLAG, 0x01))
    assert parse_image(path.read_bytes()).sha256 == b""
    with pytest.raises(ImageError, match="no appended SHA-256"):
        load_vm(path)


def test_parse_of_any_truncation_is_refused() -> None:
    for length in range(len(SMALL)):
        with pytest.raises(ImageError):
            parse_image(SMALL[:length])


def resealed(data: bytes) -> bytes:
    return data[:-32] + hashlib.sha256(data[:-32]).digest()


@pytest.mark.parametrize(
    ("offset", "value", "text"),
    [
        (1, b"\x00", "0 segments"),
        (1, b"\x11", "17 segments"),
        (12, b"\x77\x00", r"unknown chip \(id 119\)"),
        (23, b"\x02", "flag is 2, not 0 or 1"),
        (28, struct.pack("<I", 7), "not whole words"),
        (28, struct.pack("<I", 0xFFFFFFFC), "truncated"),
        (8192 - 36, b"\x01", "padding before the checksum"),
        (8192 - 33, b"\x5a", "checksum is 0x5A"),
        (6000, b"\xff\xff\xff", "checksum"),
    ],
)
def test_parse_with_a_right_hash_still_checks_the_rest(
    offset: int, value: bytes, text: str
) -> None:
    data = SMALL[:offset] + value + SMALL[offset + len(value) :]
    with pytest.raises(ImageError, match=text):
        parse_image(resealed(data))


def test_parse_with_a_wrong_hash_only_says_so() -> None:
    with pytest.raises(ImageError, match="SHA-256 is wrong"):
        parse_image(flipped(SMALL, 10, 0xFF))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"<html><body>404</body></html>", "web page"),
        (b"\x7fELF\x01\x01", "ELF file"),
        (b"PK\x03\x04", "begins with 0x50"),
        (b"\xff" * 100, "begins with 0xFF"),
        (b"\xe9", "truncated"),
        (SMALL[:5000], "segment 3 ends at byte"),
    ],
)
def test_parse_of_other_files_says_what_they_are(data: bytes, text: str) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        parse_image(data)
    assert "\n" not in str(caught.value)


def full_flash(first: int, bootloader: int) -> bytes:
    """A flash from offset `first` on, as `firmware.bin` of a build holds it."""
    flash = bytearray(b"\xff" * 0x10000)
    flash[bootloader : bootloader + 8192] = SMALL
    entries = [("nvs", 1, 2, 0x9000, 0x6000), ("factory", 0, 0, 0x10000, 0x1F0000)]
    for index, (label, kind, subtype, offset, size) in enumerate(entries):
        entry = struct.pack("<2sBBII16sI", b"\xaaP", kind, subtype, offset, size, label.encode(), 0)
        flash[0x8000 + 32 * index : 0x8020 + 32 * index] = entry
    return bytes(flash[first:]) + SMALL


# ESP32 from 0 and as downloaded; S3 and C3; C5 and P4 as downloaded.
@pytest.mark.parametrize(
    ("first", "bootloader"), [(0, 0x1000), (0x1000, 0x1000), (0, 0), (0x2000, 0x2000)]
)
def test_parse_of_a_full_flash_image_says_to_take_the_app(first: int, bootloader: int) -> None:
    data = full_flash(first, bootloader)
    with pytest.raises(ImageError, match=r"full-flash image.*micropython\.bin.*0x10000"):
        parse_image(data)
    report = explain(data)
    assert report.kind.startswith("full-flash")
    assert "MicroPython 1.26.1, 8,192 bytes" in dict(report.facts)["factory"]


def test_parse_of_a_full_flash_image_without_table_is_recognised() -> None:
    with pytest.raises(ImageError, match="full-flash"):
        parse_image(b"\xff" * 0x1000 + SMALL)


@given(st.binary(max_size=600) | st.binary(max_size=600).map(lambda tail: b"\xe9" + tail))
@settings(max_examples=300, deadline=None)
def test_parse_of_random_bytes_raises_only_image_errors(data: bytes) -> None:
    with pytest.raises(ImageError):
        parse_image(data)
    assert not explain(data).sound


@given(
    st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=4),
    st.integers(0, 8192),
)
@settings(max_examples=300, deadline=None)
def test_parse_of_a_mutated_header_raises_only_image_errors(
    patches: list[tuple[int, bytes]], length: int
) -> None:
    data = SMALL
    for offset, value in patches:
        data = data[:offset] + value + data[offset + len(value) :]
    data = data[:length]
    try:
        parse_image(data)
    except ImageError:
        assert not explain(data).sound
    else:
        assert data == SMALL or data[HASH_FLAG] == 0


def flipped(data: bytes, position: int, mask: int) -> bytes:
    return data[:position] + bytes([data[position] ^ mask]) + data[position + 1 :]
