"""From power-up to main.py: file system, search path, isolation from the host, heap."""

import json
import os
from pathlib import Path

import pytest
from simboard_fixtures import JOIN, SimulatedBoard, image

from host_tools import paths
from host_tools.simboard import make, process

VFS = 0x3B0000


def test_path_is_that_of_stock_firmware(tmp_path):
    script = """
import sys
show("path", lambda: sys.path)
show("argv", lambda: sys.argv)
show("name", lambda: __name__)
show("names", lambda: sorted(n for n in globals() if n not in ("show", "sys", "boot_var")))
show("boot_var", lambda: boot_var)
sys.path[:] = ["/app"]
show("in_place", lambda: __import__("sys").path)
sys.path = ["", "/lib"]
show("assigned", lambda: __import__("late").here)
print("DONE")
"""
    values = (
        SimulatedBoard(
            tmp_path, script, boot="boot_var = 1", files={"lib/late.py": b"here = 'lib'"}
        )
        .run()
        .values()
    )
    assert values["path"] == ["", ".frozen", "/lib"]
    assert values["argv"] == []
    assert values["name"] == "__main__"
    assert values["names"] == ["__name__"]
    assert values["boot_var"] == 1
    assert values["in_place"] == ["/app"]
    assert values["assigned"] == "lib"


def test_nothing_of_the_host_is_reachable(tmp_path):
    host = str(Path(__file__).resolve())
    script = f"""
import os, sys, vfs
show("root", lambda: sorted(os.listdir("/")))
show("file", lambda: open({host!r}))
show("relative", lambda: open("../../../../../../../..{host}"))
show("proc", lambda: os.stat("/proc"))
show("posix", lambda: [hasattr(m, "VfsPosix") for m in (os, vfs, __import__("uos"))])
show("environment", lambda: [hasattr(os, n) for n in ("getenv", "system", "putenv")])
show("modules", lambda: sorted(sys.modules))
show("vm_core", lambda: __import__("vm_core"))
show("chip", lambda: __import__("chip.nor"))
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script).run().values()
    assert values["root"] == ["boot.py", "main.py"]
    for name in ("file", "relative", "proc"):
        assert values[name] in (("OSError", 2), ("OSError", 22))
    assert values["posix"] == [False] * 3
    assert values["environment"] == [False] * 3
    assert not any(n.startswith(("vm_", "shim_", "chip")) for n in values["modules"])
    assert values["vm_core"][0] == "ImportError"
    assert values["chip"][0] == "ImportError"


def test_frozen_modules_are_there_and_lose_to_files_before_them(tmp_path):
    script = """
import sys
show("frozen", lambda: hasattr(__import__("ntptime"), "settime"))
import asyncio, requests, ssl, flashbdev
from umqtt.simple import MQTTClient
show("umqtt", lambda: hasattr(MQTTClient, "check_msg"))
import machine, json
show("machine", lambda: machine.mine)
show("json", lambda: json.mine)
import network
show("network", lambda: hasattr(network, "WLAN"))
print("DONE")
"""
    files = {
        "lib/ntptime.py": b"raise ValueError",
        "lib/umqtt/simple.py": b"raise ValueError",
        "lib/machine.py": b"mine = 'lib'",
        "lib/json.py": b"mine = 'lib'",
    }
    values = SimulatedBoard(tmp_path, script, files=files).run().values()
    assert values["frozen"] is True
    assert values["umqtt"] is True
    assert values["machine"] == "lib"
    assert values["json"] == "lib"
    assert values["network"] is True


def test_frozen_module_is_replaced_by_a_file_in_root_or_app(tmp_path):
    script = """
import sys
sys.path[:] = ["/app", "", ".frozen", "/lib"]
import ntptime, umqtt.simple
show("which", lambda: (ntptime.where, umqtt.simple.where))
print("DONE")
"""
    files = {
        "ntptime.py": b"where = 'root'",
        "app/umqtt/simple.py": b"where = 'app'",
        "umqtt/simple.py": b"where = 'root'",
    }
    values = SimulatedBoard(tmp_path, script, files=files).run().values()
    assert values["which"] == ("root", "app")


def test_blank_vfs_is_formatted_with_the_stock_boot_py(tmp_path):
    board = SimulatedBoard(tmp_path)
    board.write_flash(VFS, b"\xff" * 0x30000)
    board.run("Type")
    assert board.console[0] == "Performing initial setup"
    board.log.clear()
    board.run("Type")
    assert "Performing initial setup" not in board.console
    assert b"This file is executed on every boot" in board.flash(VFS, 0x30000)


def test_corrupt_vfs_hangs_and_is_left_alone(tmp_path):
    board = SimulatedBoard(tmp_path, "print('main ran')")
    board.write_flash(VFS, b"\0" * 4096)
    board.write_flash(VFS + 4096, b"\0" * 4096)
    before = board.flash(VFS, 0x30000)
    board.run("The filesystem appears to be corrupted")
    assert "main ran" not in board.console
    assert board.flash(VFS, 0x30000) == before


def test_files_written_by_the_board_outlive_a_power_cut(tmp_path):
    script = """
import os
if "kept" in os.listdir():
    with open("kept") as f:
        print("found", f.read())
else:
    with open("kept", "w") as f:
        f.write("text")
    print("DONE")
"""
    board = SimulatedBoard(tmp_path, script).run()
    board.run("found text")


def test_data_partition_mounts_beside_the_root(tmp_path):
    script = """
import vfs, os
from esp32 import Partition
vfs.mount(vfs.VfsLfs2(Partition("data")), "/data")
with open("/data/x", "w") as f:
    f.write("1")
show("data", lambda: (os.listdir("/data"), sorted(os.listdir("/"))))
print("DONE")
"""
    assert SimulatedBoard(tmp_path, script).run().values()["data"] == (
        ["x"],
        ["boot.py", "data", "main.py"],
    )


def test_littlefs_behind_the_image_of_the_running_slot_mounts(tmp_path):
    files = make.file_system(16 * 4096, {"late.py": b"where = 'slot'"})
    script = """
import sys, vfs
from esp32 import Partition
class Behind:
    def __init__(self, slot, offset, count):
        self.slot, self.offset, self.count = slot, offset, count
    def readblocks(self, n, buf, off=0):
        self.slot.readblocks(0, buf, self.offset + n * 4096 + off)
    def writeblocks(self, n, buf, off=0):
        raise OSError(30)
    def ioctl(self, op, arg):
        return {4: self.count, 5: 4096}.get(op, 0)
vfs.mount(vfs.VfsLfs2(Behind(Partition(1), 8192, 16)), "/app", readonly=True)
sys.path[:] = ["/app", "", ".frozen", "/lib"]
show("import", lambda: __import__("late").where)
print("DONE")
"""
    board = SimulatedBoard(tmp_path, script, slots={0x10000 + 8192: files}).run()
    assert board.values()["import"] == "slot"


@pytest.mark.parametrize("heap_bytes", [64 * 1024, 112 * 1024])
def test_heap_is_what_device_code_gets_in_one_piece(tmp_path, heap_bytes):
    script = """
import gc, esp32
gc.collect()
show("free", lambda: gc.mem_free() - esp32.idf_heap_info(esp32.HEAP_DATA)[0][2])
def largest():
    size = 1024
    while True:
        try:
            bytearray(size)
        except MemoryError:
            return size
        size += 1024
show("largest", largest)
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script, heap_bytes=heap_bytes).run().values()
    assert 0.9 * heap_bytes < values["free"] <= heap_bytes
    assert values["largest"] > 0.85 * heap_bytes


def test_heap_used_up_raises_memory_error(tmp_path):
    script = 'show("much", lambda: bytearray(200000))\nprint("DONE")'
    assert SimulatedBoard(tmp_path, script).run().values()["much"][0] == "MemoryError"


def test_idf_heap_info_shrinks_with_wifi(tmp_path):
    script = (
        'import esp32\nshow("before", lambda: esp32.idf_heap_info(esp32.HEAP_DATA)[0])\n'
        + JOIN
        + 'show("after", lambda: esp32.idf_heap_info(esp32.HEAP_DATA)[0])\nprint("DONE")'
    )
    values = SimulatedBoard(tmp_path, script).run().values()
    assert (values["before"][1], values["after"][1]) == (112968, 95664)


def test_power_on_without_a_board_says_what_to_do(tmp_path):
    from host_tools.simboard.board_files import BoardError
    from host_tools.simboard.supervisor import Board

    with pytest.raises(BoardError, match="holds no board"):
        Board(tmp_path).power_on()


def test_missing_tools_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKETIME_LIB", str(tmp_path / "none"))
    with pytest.raises(paths.ToolMissingError, match="FAKETIME_LIB"):
        process.faketime_library()
    monkeypatch.setenv("UMQTT_PATH", str(tmp_path))
    with pytest.raises(paths.ToolMissingError, match=r"umqtt/simple\.py"):
        process.umqtt_folder()


def test_umqtt_path_chooses_the_frozen_version(tmp_path, monkeypatch):
    (tmp_path / "upy" / "umqtt").mkdir(parents=True)
    (tmp_path / "upy" / "umqtt" / "simple.py").write_text("version = 'mine'")
    monkeypatch.setenv("UMQTT_PATH", str(tmp_path / "upy"))
    script = 'import umqtt.simple\nshow("v", lambda: umqtt.simple.version)\nprint("DONE")'
    assert SimulatedBoard(tmp_path / "b", script).run().values()["v"] == "mine"


def test_killed_boards_leave_nothing_behind(tmp_path):
    before = set(os.listdir("/dev/shm"))
    board = SimulatedBoard(tmp_path, "print('DONE')").run()
    left = {n for n in set(os.listdir("/dev/shm")) - before if "faketime" in n}
    alive = {name.rsplit("_", 1)[1] for name in left}
    assert not [pid for pid in alive if not Path(f"/proc/{pid}").exists()]
    assert json.loads(board.files.config_path.read_text())["chip"] == "esp32"


def test_make_board_writes_a_whole_board(tmp_path):
    release = tmp_path / "release.bin"
    release.write_bytes(image())
    config = {"product_key": "p", "wifi": [{"ssid": "s", "password": "w"}]}
    make.make_board(
        tmp_path / "b",
        release,
        config,
        b"certificate",
        ports={"123": 11123},
        extra_files={"lib/x.py": b"1"},
    )
    from littlefs import LittleFS, UserContext

    flash = (tmp_path / "b" / "flash.bin").read_bytes()
    assert len(flash) == 4 << 20
    for start, size, names in (
        (
            0x3B0000,
            0x30000,
            ["boot.py", "ca.der", "enos.bak", "enos.json", "lib", "main.py", "rescue.fs"],
        ),
        (0x3E0000, 0x20000, []),
    ):
        context = UserContext(size)
        context.buffer[:] = flash[start : start + size]
        fs = LittleFS(context=context, block_size=4096, block_count=size // 4096, mount=True)
        assert sorted(fs.listdir("/")) == names
        assert fs.fs_stat().disk_version == 0x20001
    assert flash[0x9000:0xF000] == b"\xff" * 0x6000
    assert json.loads((tmp_path / "b" / "board.json").read_text())["network"]["ports"] == {
        "123": 11123
    }


def test_make_board_too_large_says_by_how_much(tmp_path):
    from host_tools.simboard.board_files import BoardError

    release = tmp_path / "release.bin"
    release.write_bytes(image() + bytes(0x1D0000))
    with pytest.raises(BoardError, match="the slot 1900544"):
        make.make_board(tmp_path / "b", release, {}, b"")
    release.write_bytes(b"text")
    with pytest.raises(BoardError, match=r"would not boot: .*magic"):
        make.make_board(tmp_path / "b", release, {}, b"")
    with pytest.raises(BoardError, match="do not fit"):
        make.file_system(8192, {"x": bytes(20000)})
