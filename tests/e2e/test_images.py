"""The releases of the demo, judged by esptool and by the simulated bootloader."""

from __future__ import annotations

import io
import random
import subprocess

import pytest

from host_tools import paths
from host_tools.release.check import parse_release
from host_tools.simboard.board_files import FLASH_BYTES
from host_tools.simboard.chip import bootloader
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.make import TABLES, flash_image

SLOT = 0x10000
HASH_APPENDED = 23
SAMPLES = 400


@pytest.fixture(scope="module")
def releases(stock_releases):
    return stock_releases


def test_vm_part_of_every_release_is_accepted_by_esptool(tmp_path, releases):
    for version, path in releases.items():
        image, _ = parse_release(path.read_bytes())
        vm = tmp_path / f"{version}.vm.bin"
        vm.write_bytes(path.read_bytes()[: image.length])
        command = [paths.tool("esptool"), "image-info", str(vm)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "(valid)" in said
        assert "invalid" not in said.lower()
        assert len([line for line in said.splitlines() if " 0x" in line and "RO" in line]) >= 2
        assert image.length == 1_672_976


@pytest.fixture(scope="module")
def flash(releases):
    """Flash with a release in the first slot and nothing in the other."""
    return flash_image(releases["1.1.0"].read_bytes(), TABLES["ours"], {})


def booted(flash):
    return bootloader.boot(Nor(io.BytesIO(flash), FLASH_BYTES), lambda text: None).slot


def test_vm_part_whole_is_booted(flash):
    assert booted(flash) == "ota_0"


def test_vm_part_with_any_flipped_byte_is_refused_by_the_bootloader(flash, releases):
    image, _ = parse_release(releases["1.1.0"].read_bytes())
    seed = random.randrange(1 << 32)
    pick = random.Random(seed)
    offsets = [*range(300), *range(image.length - 49, image.length)]
    offsets += [pick.randrange(image.length) for _ in range(SAMPLES)]
    damaged = bytearray(flash)
    for offset in offsets:
        mask = pick.randrange(1, 256)
        if offset == HASH_APPENDED and damaged[SLOT + offset] ^ mask == 0:
            # "No SHA-256 follows": by the format's rules that is another valid image.
            continue
        damaged[SLOT + offset] ^= mask
        assert booted(damaged) is None, f"offset {offset}, mask {mask}, seed {seed}"
        damaged[SLOT + offset] ^= mask


def test_bytes_behind_the_vm_do_not_concern_the_bootloader(flash, releases):
    image, record = parse_release(releases["1.1.0"].read_bytes())
    for offset in (image.length, record.offset, record.appfs_offset + 100):
        damaged = bytearray(flash)
        damaged[SLOT + offset] ^= 1
        assert booted(damaged) == "ota_0"
