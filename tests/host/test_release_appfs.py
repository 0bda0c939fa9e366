"""The app file system: what goes in, and what a real MicroPython finds in it."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from littlefs import LittleFS, UserContext

from host_tools import paths
from host_tools.release import appfs
from host_tools.release.errors import AppError

# A file cut out of another, as blocks: what boot.py does with the slot. Writing is an error.
BLOCK_DEVICE = """
import sys, vfs, os, json
class Blocks:
    def __init__(self, path, offset, size, count):
        self.file = open(path, "rb"); self.offset = offset; self.size = size; self.count = count
    def readblocks(self, block, buf, off=0):
        self.file.seek(self.offset + block * self.size + off)
        assert self.file.readinto(buf) == len(buf)
    def writeblocks(self, block, buf, off=0):
        raise OSError(30)
    def ioctl(self, op, arg):
        if op == 4: return self.count
        if op == 5: return self.size
        if op == 6: raise OSError(30)
"""


def on_micropython(script: str, *arguments: object) -> str:
    """Run a script on the real unix port and return what it printed."""
    command = [paths.micropython(), "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_by_micropython(folder: Path, built: appfs.AppFs) -> dict[str, bytes]:
    image = folder / "app.fs"
    image.write_bytes(built.data)
    script = BLOCK_DEVICE + (
        f"fs = vfs.VfsLfs2(Blocks({str(image)!r}, 0, 1024, {built.block_count}))\n"
        "vfs.mount(fs, '/app', readonly=True)\n"
        "def walk(folder):\n"
        "    for name, kind, *_ in os.ilistdir(folder):\n"
        "        path = folder + '/' + name\n"
        "        if kind == 0x4000: walk(path)\n"
        "        else: print(json.dumps([path, open(path, 'rb').read().hex()]))\n"
        "walk('/app')\n"
    )
    lines = [json.loads(line) for line in on_micropython(script).splitlines()]
    return {path.removeprefix("/app/"): bytes.fromhex(content) for path, content in lines}


def pattern(size: int) -> bytes:
    return bytes((7 * index + size) % 251 for index in range(size))


def test_build_of_every_awkward_size_is_read_back_by_micropython(tmp_path: Path) -> None:
    # Around the 128 bytes of MicroPython's cache, the block, and two blocks.
    sizes = [0, 1, 100, 127, 128, 129, 255, 256, 400, 1023, 1024, 1025, 2047, 2048, 5000, 40_000]
    files = {f"d{size % 3}/e/f{size}": pattern(size) for size in sizes}
    assert read_by_micropython(tmp_path, appfs.build(files)) == files


def test_build_of_many_files_in_one_folder_is_read_back_by_micropython(tmp_path: Path) -> None:
    files = {f"enos_ota/module_{index:03}.mpy": pattern(60 * index) for index in range(60)}
    built = appfs.build(files)
    assert read_by_micropython(tmp_path, built) == files
    assert built.files == tuple((path, len(files[path])) for path in sorted(files))


def test_superblock_is_what_micropython_itself_would_write(tmp_path: Path) -> None:
    ours = appfs.build({"a": b"x"})
    script = BLOCK_DEVICE + (
        "class Memory:\n"
        "    data = bytearray(1024 * 4)\n"
        "    def readblocks(self, block, buf, off=0):\n"
        "        at = block * 1024 + off; buf[:] = self.data[at : at + len(buf)]\n"
        "    def writeblocks(self, block, buf, off=0):\n"
        "        at = block * 1024 + off; self.data[at : at + len(buf)] = buf\n"
        "    def ioctl(self, op, arg): return {4: 4, 5: 1024}.get(op, 0)\n"
        "memory = Memory()\n"
        "vfs.VfsLfs2.mkfs(memory)\n"
        "print(memory.data[8:44].hex())\n"
    )
    theirs = bytes.fromhex(on_micropython(script).strip())
    assert ours.data[8:44] == theirs
    assert struct.unpack("<8s4xIIIIII", theirs)[:4] == (b"littlefs", 0x00020001, 1024, 4)


def test_build_gives_the_same_bytes_in_any_order() -> None:
    files = {f"f{index}": pattern(300 * index) for index in range(12)}
    backwards = dict(reversed(files.items()))
    assert appfs.build(files) == appfs.build(backwards)


@pytest.mark.parametrize("content", [1, 4000, 20_000, 100_000])
def test_build_takes_whole_sectors_and_not_one_too_many(content: int) -> None:
    built = appfs.build({"f": pattern(content)})
    assert len(built.data) == built.block_count * 1024
    assert len(built.data) % 4096 == 0
    assert len(built.data) - 4096 < built.used_blocks * 1024 + 1024


def test_build_zeroes_exactly_the_blocks_that_littlefs_calls_free() -> None:
    built = appfs.build({f"f{index}": pattern(700 * index) for index in range(10)})
    blocks = [built.data[at : at + 1024] for at in range(0, len(built.data), 1024)]
    zeroed = sum(block == bytes(1024) for block in blocks)
    context = UserContext(buffer=bytearray(built.data))
    mounted = LittleFS(context, block_size=1024, block_count=built.block_count, mount=False)
    mounted.mount()
    assert built.used_blocks == mounted.used_block_count == len(blocks) - zeroed
    assert zeroed >= 0


def test_build_leaves_no_trace_of_blocks_written_and_freed_on_the_way() -> None:
    # Three sectors and more of small files compact their folder many times.
    built = appfs.build({f"small{index:02}": pattern(90) for index in range(40)})
    blocks = [built.data[at : at + 1024] for at in range(0, len(built.data), 1024)]
    assert sum(block != bytes(1024) for block in blocks) == built.used_blocks


def test_build_of_nothing_or_too_much_is_refused() -> None:
    with pytest.raises(AppError, match="empty"):
        appfs.build({})
    with pytest.raises(AppError, match=r"too large: 4,300,000 bytes"):
        appfs.build({"f": bytes(4_300_000)})


@given(st.binary(max_size=5000))
@settings(max_examples=50, deadline=None)
def test_read_of_random_bytes_raises_only_app_errors(data: bytes) -> None:
    with pytest.raises(AppError):
        appfs.read(data, 4)
