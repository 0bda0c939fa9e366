"""The simulated ROM loader, used by the real esptool over a PTY and a socket."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import operator
import os
import random
import socket
import struct
import subprocess
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools import paths
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.rom.serve import serve

FLASH_BYTES = 4 << 20
MAC = "24:6f:28:7a:d8:84"
OLD = bytes(range(256)) * (FLASH_BYTES // 256)
SIZE = 200 * 1024


def esptool(port: str, *arguments: object, stub: bool = False) -> list[str]:
    """The command line for a chip that is in download mode already."""
    command = [paths.tool("esptool"), "--port", port, "--before", "no-reset"]
    command += [] if stub else ["--no-stub"]
    command += [] if "--after" in arguments else ["--after", "no-reset"]
    return [*command, *map(str, arguments)]


def run(*arguments: object, stub: bool = False) -> subprocess.CompletedProcess[str]:
    command = esptool(*map(str, arguments), stub=stub)
    return subprocess.run(command, capture_output=True, text=True, check=False)


class SwappingNor(Nor):
    """A flash that mixes up two bytes of what it is given: no XOR checksum can tell."""

    def program(self, address, data):
        super().program(address, bytes((data[1], data[0])) + bytes(data[2:]))


class Chip:
    """A chip in download mode on a line; `left` is what `serve` returned, once it has."""

    def __init__(self, path: Path, port: str, fd: int, kind: type[Nor] = Nor) -> None:
        self.path, self.port = path, port
        self.left: bool | None = None
        self.stop = threading.Event()
        self._nor = kind(path.open("r+b", buffering=0), FLASH_BYTES)
        self._thread = threading.Thread(target=self._run, args=(fd,))
        self._thread.start()

    def _run(self, fd: int) -> None:
        self.left = serve(fd, self._nor, MAC, self.stop)

    def join(self) -> bool | None:
        self._thread.join(20)
        return self.left

    def close(self) -> None:
        self.stop.set()
        self._thread.join()
        self._nor.file.close()

    def does(self, *arguments: object) -> str:
        done = run(self.port, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def fails(self, *arguments: object, stub: bool = False) -> str:
        done = run(self.port, *arguments, stub=stub)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def flash(self) -> bytes:
        return self.path.read_bytes()


@contextlib.contextmanager
def chip_on_pty(folder: Path, kind: type[Nor] = Nor) -> Iterator[Chip]:
    path = folder / "flash.bin"
    path.write_bytes(OLD)
    master, slave = os.openpty()
    tty.setraw(slave)
    chip = Chip(path, os.ttyname(slave), master, kind)
    os.close(slave)
    try:
        yield chip
    finally:
        chip.close()
        os.close(master)


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    with chip_on_pty(tmp_path) as made:
        yield made


def data_file(folder: Path, size: int = SIZE) -> Path:
    """Data that a compressor shortens by a third or so."""
    path = folder / "data.bin"
    path.write_bytes(bytes(random.Random(size).choices(range(40), k=size)))
    return path


def bootloader(flash_size: int) -> bytes:
    """The smallest image that esptool takes for a bootloader; `flash_size` 1 is 2 MB, 2 is 4 MB."""
    data = bytes(range(256))
    image = struct.pack("<BBBBI", 0xE9, 1, 2, flash_size << 4, 0x40080000)
    image += struct.pack("<I11sB", 0xEE, b"\0\0\0\0\0\xff\xff", 1)
    image += struct.pack("<II", 0x3FFF0000, len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes((functools.reduce(operator.xor, data, 0xEF),))
    return image + hashlib.sha256(image).digest()


def test_flash_id_of_simulated_chip_names_chip_mac_and_4mb(chip):
    said = chip.does("flash-id")
    for expected in (
        "ESP32-D0WD-V3 (revision v3.1)",
        "Wi-Fi, BT, Dual Core + LP Core, 240MHz",
        "Crystal frequency:  40MHz",
        MAC,
        "Device: 4016",
        "Detected flash size: 4MB",
    ):
        assert expected in said
    assert "WARN" not in said


def test_compressed_write_changes_its_sectors_and_no_others(chip, tmp_path):
    new = data_file(tmp_path, SIZE + 1001).read_bytes()
    assert "Hash of data verified" in chip.does(
        "--baud", 921600, "write-flash", "--compress", 0x300000, tmp_path / "data.bin"
    )
    end = 0x300000 + SIZE + 4096
    expected = OLD[:0x300000] + new.ljust(SIZE + 4096, b"\xff") + OLD[end:]
    assert chip.flash() == expected


def test_plain_write_verifies_and_reads_back_equal(chip, tmp_path):
    data = data_file(tmp_path)
    assert "Hash of data verified" in chip.does("write-flash", "--no-compress", 0x10000, data)
    assert chip.flash()[0x10000 : 0x10000 + SIZE] == data.read_bytes()
    assert "digest matched" in chip.does("verify-flash", 0x10000, data)
    chip.does("read-flash", 0x10000, SIZE, tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == data.read_bytes()


def test_verify_of_altered_flash_fails(chip, tmp_path):
    data = data_file(tmp_path, 8192)
    with chip.path.open("r+b") as file:
        file.seek(0x10000)
        file.write(data.read_bytes()[:-1] + b"\xff")
    assert "digest mismatch" in chip.fails("verify-flash", 0x10000, data)


def test_write_to_flash_that_mixes_bytes_up_fails_by_md5(tmp_path):
    with chip_on_pty(tmp_path, SwappingNor) as chip:
        said = chip.fails("write-flash", "--no-compress", 0x10000, data_file(tmp_path, 4096))
    assert "MD5 of file does not match data in flash" in said


def test_erase_region_erases_it_and_erase_flash_is_refused(chip):
    chip.does("erase-region", 0x3FE000, 0x1000)
    erased = OLD[:0x3FE000] + b"\xff" * 0x1000 + OLD[0x3FF000:]
    assert chip.flash() == erased
    assert "ROM does not support function erase_flash" in chip.fails("erase-flash")
    assert chip.flash() == erased


def test_stub_upload_is_refused_and_changes_nothing(chip):
    assert "Failed to enter RAM download mode" in chip.fails("erase-flash", stub=True)
    assert chip.flash() == OLD


def test_bootloader_written_with_detected_size_differs_in_size_and_hash_only(chip, tmp_path):
    path = tmp_path / "bootloader.bin"
    path.write_bytes(bootloader(flash_size=1))
    chip.does("write-flash", 0x1000, path)
    assert chip.flash()[0x1000:].startswith(bootloader(flash_size=1))
    chip.does("write-flash", "--flash-size", "detect", 0x1000, path)
    assert chip.flash()[0x1000:].startswith(bootloader(flash_size=2))


def test_whole_flash_written_from_0_stays_as_it_is(chip, tmp_path):
    image = bytearray(b"\xff" * FLASH_BYTES)
    image[0x1000 : 0x1000 + len(bootloader(1))] = bootloader(1)
    image[-SIZE:] = data_file(tmp_path).read_bytes()
    (tmp_path / "image.bin").write_bytes(image)
    write = ("write-flash", "--compress", "--flash-size", "keep", 0, tmp_path / "image.bin")
    chip.does(*write)
    assert chip.flash() == image


def test_soft_reset_over_socket_ends_download_mode(tmp_path):
    path = tmp_path / "flash.bin"
    path.write_bytes(OLD)
    data = data_file(tmp_path, 10_000)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"socket://127.0.0.1:{server.getsockname()[1]}"
        write = ("--after", "soft-reset", "write-flash", "--compress", 0x10000, data)
        with subprocess.Popen(esptool(port, *write), stdout=subprocess.DEVNULL) as host:
            connection = server.accept()[0]
            chip = Chip(path, port, connection.fileno())
            try:
                assert chip.join() is True
            finally:
                chip.close()
                connection.close()
    assert host.returncode == 0
    assert chip.flash()[0x10000:].startswith(data.read_bytes())
