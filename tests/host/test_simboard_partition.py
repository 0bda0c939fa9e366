"""`esp32.Partition` call by call: the table of facts the simulator is judged by."""

import pytest
from simboard_fixtures import DONE, OTA_0, OTA_1, SimulatedBoard, image

from host_tools.simboard import make
from host_tools.simboard.chip.partitions import Entry

SCRIPT = """
import uctypes
from esp32 import Partition
other = Partition("ota_1")
show("running", lambda: Partition(Partition.RUNNING).info())
show("boot_before", lambda: Partition(Partition.BOOT).info()[4])
show("bad_int", lambda: Partition(2))
show("too_many", lambda: Partition(0, 4096, 1))
show("label_app", lambda: Partition("ota_1").info())
show("label_data", lambda: Partition("nvs").info())
show("label_unknown", lambda: Partition("nothing"))
show("find_default", lambda: [p.info()[4] for p in Partition.find()])
show("find_otadata", lambda: [p.info() for p in Partition.find(Partition.TYPE_DATA, subtype=0)])
show("find_nvs", lambda: [p.info()[4] for p in Partition.find(1, 2)])
show("find_label", lambda: [p.info()[4] for p in Partition.find(1, label="data")])
show("find_none", lambda: Partition.find(type=0, subtype=0))
show("find_block_size", lambda: Partition.find(1, label="data", block_size=512)[0].ioctl(5, 0))
show("next_of_running", lambda: Partition(Partition.RUNNING).get_next_update().info()[4])
show("next_wraps", lambda: other.get_next_update().info()[4])
show("next_of_data", lambda: Partition("nvs").get_next_update().info()[4])

small = bytearray(5)
other.readblocks(0, small)
show("read_magic", lambda: small[0])
show("read_unaligned", lambda: (other.readblocks(0, small, 1234567), bytes(small))[1])
data = bytes(range(256)) * 16
show("write_erases", lambda: other.writeblocks(2, b"\\0" * 4096))
def read_back(block, length=8, offset=0):
    buf = bytearray(length)
    other.readblocks(block, buf, offset)
    return bytes(buf)
show("write_zeros", lambda: read_back(2))
show("write_again", lambda: other.writeblocks(2, data))
show("read_again", lambda: read_back(2, 4096) == data)
show("write_odd_length", lambda: other.writeblocks(3, bytes(100)))
show("write_slice", lambda: other.writeblocks(4, memoryview(data * 2)[4096:]))
show("read_slice", lambda: read_back(4, 4096) == data)
def is_blank(block, count):
    return all(read_back(n, 4096) == b"\\xff" * 4096 for n in range(block, block + count))
other.ioctl(6, 6)
show("program_only", lambda: (other.writeblocks(6, b"\\xf0\\x0f\\xff", 10), read_back(6, 5, 9))[1])
show("program_ands", lambda: (other.writeblocks(6, b"\\x3c\\xff\\xfe", 10), read_back(6, 5, 9))[1])
show("program_over_sectors", lambda: (other.writeblocks(6, bytes(4), 4094), read_back(6, 6, 4093))[1])
show("program_slice", lambda: other.writeblocks(8, memoryview(bytearray(100))[10:17], 3))
show("ioctl_123", lambda: [other.ioctl(op, 0) for op in (1, 2, 3)])
show("ioctl_4", lambda: other.ioctl(4, 0))
show("ioctl_5", lambda: other.ioctl(5, 0))
show("ioctl_6", lambda: (other.ioctl(6, 2), read_back(2)))
show("ioctl_6_small", lambda: Partition("data", 512).ioctl(6, 0))
show("ioctl_other", lambda: other.ioctl(7, 0))
show("block_size_count", lambda: Partition("data", 512).ioctl(4, 0))
part = Partition("data", 512)
block = Partition("data")
block.writeblocks(1, b"\\x55" * 4096)
part.writeblocks(9, b"\\xaa" * 512)
whole = bytearray(4096)
block.readblocks(1, whole)
show("small_block", lambda: whole == b"\\x55" * 512 + b"\\xaa" * 512 + b"\\x55" * 3072)
show("repr", lambda: str(other))

other.writeblocks(16, b"\\x11" * 4096)
other.writeblocks(15, b"\\x22" * 4096)
other.writeblocks(32, b"\\x33" * 4096)
show("null_64k", lambda: other.writeblocks(16, uctypes.bytearray_at(0, 65536)))
show("null_erased", lambda: is_blank(16, 16))
show("null_neighbours", lambda: (read_back(15, 2), read_back(32, 2)))
show("null_256k", lambda: other.writeblocks(32, uctypes.bytearray_at(0, 262144)))
show("null_256k_erased", lambda: is_blank(32, 64))
show("null_then_program", lambda: (other.writeblocks(16, data, 0), read_back(16, 4096) == data)[1])
show("null_read", lambda: other.readblocks(16, uctypes.bytearray_at(0, 4096)))
show("null_program", lambda: other.writeblocks(16, uctypes.bytearray_at(0, 4096), 0))

show("selected", lambda: Partition(Partition.BOOT).info()[4])
good = bytearray(image_bytes)
for n in range(0, len(good), 4096):
    block = good[n:n + 4096]
    other.writeblocks(n // 4096, block + b"\\xff" * (4096 - len(block)))
show("set_boot", lambda: other.set_boot())
show("boot_after", lambda: Partition(Partition.BOOT).info()[4])
show("running_after", lambda: Partition(Partition.RUNNING).info()[4])
show("mark_on_class", lambda: Partition.mark_app_valid_cancel_rollback())
show("mark_on_object", lambda: other.mark_app_valid_cancel_rollback())
print("DONE")
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    new = image(3000, mark=b"new")
    script = f"image_bytes = {new!r}\n" + SCRIPT
    return SimulatedBoard(
        tmp_path_factory.mktemp("board"), script, slots={OTA_1: image(9000)}
    ).run()


@pytest.fixture(scope="module")
def values(board):
    return board.values()


def test_partition_running_is_the_slot_that_executes(values):
    assert values["running"] == (0, 16, 0x10000, 0x1D0000, "ota_0", False)


def test_partition_boot_follows_otadata_at_once(values):
    assert values["boot_before"] == "ota_0"
    assert (values["boot_after"], values["running_after"]) == ("ota_1", "ota_0")


def test_partition_other_integer_raises_value_error(values):
    assert values["bad_int"] == ("ValueError",)
    assert values["too_many"][0] == "TypeError"


def test_partition_label_finds_app_and_data(values):
    assert values["label_app"] == (0, 17, 0x1E0000, 0x1D0000, "ota_1", False)
    assert values["label_data"] == (1, 2, 0x9000, 0x4000, "nvs", False)


def test_partition_unknown_label_raises_enoent_with_one_argument(values):
    assert values["label_unknown"] == ("OSError", 2)


def test_find_defaults_to_apps(values):
    assert values["find_default"] == ["ota_0", "ota_1"]


def test_find_by_subtype_and_label(values):
    assert values["find_otadata"] == [(1, 0, 0xD000, 0x2000, "otadata", False)]
    assert values["find_nvs"] == ["nvs"]
    assert values["find_label"] == ["data"]
    assert values["find_block_size"] == 512


def test_find_nothing_returns_empty_list(values):
    assert values["find_none"] == []


def test_get_next_update_goes_on_from_self_and_wraps(values):
    assert values["next_of_running"] == "ota_1"
    assert values["next_wraps"] == "ota_0"
    assert values["next_of_data"] == "ota_0"


def test_readblocks_takes_any_length_and_offset(values):
    assert values["read_magic"] == 0xE9
    assert values["read_unaligned"] == b"\xff" * 5


def test_writeblocks_without_offset_erases_first(values):
    assert values["write_erases"] is None
    assert values["write_zeros"] == bytes(8)
    assert values["read_again"] is True


def test_writeblocks_odd_length_raises_invalid_size(values):
    assert values["write_odd_length"] == ("OSError", -260, "ESP_ERR_INVALID_SIZE")


def test_writeblocks_takes_slices(values):
    assert values["read_slice"] is True
    assert values["program_slice"] is None


def test_writeblocks_with_offset_only_clears_bits(values):
    assert values["program_only"] == b"\xff\xf0\x0f\xff\xff"
    assert values["program_ands"] == b"\xff\x30\x0f\xfe\xff"
    assert values["program_over_sectors"] == b"\xff\0\0\0\0\xff"


def test_ioctl_answers_by_operation(values):
    assert values["ioctl_123"] == [0, 0, 0]
    assert values["ioctl_4"] == 0x1D0000 // 4096
    assert values["ioctl_5"] == 4096
    assert values["ioctl_6"] == (0, b"\xff" * 8)
    assert values["ioctl_other"] is None


def test_ioctl_erase_with_another_block_size_returns_minus_einval(values):
    assert values["ioctl_6_small"] == -22


def test_block_size_below_a_sector_keeps_the_neighbours(values):
    assert values["block_size_count"] == 0x20000 // 512
    assert values["small_block"] is True


def test_partition_prints_as_the_port_does(values):
    text = "<Partition type=0, subtype=17, address=1966080, size=1900544, label=ota_1, encrypted=0>"
    assert values["repr"] == text


def test_null_source_erases_exactly_the_range_then_raises(values):
    assert values["null_64k"] == ("OSError", -258, "ESP_ERR_INVALID_ARG")
    assert values["null_erased"] is True
    assert values["null_neighbours"] == (b"\x22\x22", b"\x33\x33")
    assert values["null_256k"] == ("OSError", -258, "ESP_ERR_INVALID_ARG")
    assert values["null_256k_erased"] is True


def test_null_source_leaves_flash_programmable(values):
    assert values["null_then_program"] is True


def test_null_source_elsewhere_raises_invalid_arg(values):
    refused = ("OSError", -258, "ESP_ERR_INVALID_ARG")
    assert values["null_read"] == refused
    assert values["null_program"] == refused


def test_set_boot_selects_and_mark_valid_is_a_classmethod(board, values):
    assert values["set_boot"] is None
    assert values["mark_on_class"] is None
    assert values["mark_on_object"] is None
    assert board.otadata() == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("Partition(Partition.RUNNING).writeblocks(0, bytes(4096))", "erase"),
        ('Partition("ota_0").writeblocks(9, b"a", 5)', "program"),
        ('Partition("ota_0").ioctl(6, 400)', "erase"),
        ('Partition("table").ioctl(6, 0)', "erase"),
        ('Partition("loader").writeblocks(0, b"a", 0)', "program"),
    ],
)
def test_protected_flash_touched_kills_the_chip(tmp_path, statement, what):
    table = (
        *make.TABLES["ours"],
        Entry(1, 0x40, 0x8000, 0x1000, "table"),
        Entry(1, 0x40, 0x1000, 0x7000, "loader"),
    )
    script = f"""
from esp32 import Partition
import machine
if machine.reset_cause() == 1:
    try:
        {statement}
    finally:
        print("went on")
print("cause", machine.reset_cause())
"""
    board = SimulatedBoard(tmp_path, script, table=table)
    before = board.flash(0, 0x9000), board.flash(OTA_0, 0x1D0000)
    board.run("cause")
    assert "cause 2" in board.console
    assert "went on" not in board.console
    assert f"{what} of protected flash" in board.events("reset")[0]["detail"]
    assert (board.flash(0, 0x9000), board.flash(OTA_0, 0x1D0000)) == before


def test_protected_flash_reached_by_a_range_kills_the_chip(tmp_path):
    table = (*make.TABLES["ours"], Entry(1, 0x40, 0xF000, 0x10000, "over"))
    script = """
from esp32 import Partition
import machine
if machine.reset_cause() == 1:
    Partition("over").writeblocks(0, bytes(8192))
print("cause", machine.reset_cause())
"""
    board = SimulatedBoard(tmp_path, script, table=table).run("cause")
    assert "cause 2" in board.console


@pytest.mark.parametrize("label", ["otadata", "nvs", "vfs"])
def test_partitions_of_data_are_not_protected(tmp_path, label):
    script = f"""
from esp32 import Partition
show("erase", lambda: Partition("{label}").ioctl(6, 1))
print("DONE")
"""
    assert SimulatedBoard(tmp_path, script).run().values()["erase"] == 0


@pytest.mark.parametrize(
    ("mode", "result", "erased"),
    [
        ("nothing", ("OSError", -258, "ESP_ERR_INVALID_ARG"), False),
        ("refuse", ("ValueError", "object with buffer protocol required"), False),
    ],
)
def test_null_source_switch_changes_what_the_vm_does(tmp_path, mode, result, erased):
    script = """
import uctypes
from esp32 import Partition
other = Partition("ota_1")
other.writeblocks(0, bytes(4096))
show("null", lambda: other.writeblocks(0, uctypes.bytearray_at(0, 65536)))
print("DONE")
"""
    board = SimulatedBoard(tmp_path, script)
    config = board.files.config_path.read_text()
    board.files.config_path.write_text(config.replace("{", f'{{"null_source": "{mode}",', 1))
    board.run()
    assert board.values()["null"] == result
    assert (board.flash(OTA_1, 4096) == b"\xff" * 4096) is erased


def test_null_source_switch_can_reset_the_chip(tmp_path):
    script = """
import uctypes, machine
from esp32 import Partition
if machine.reset_cause() == 1:
    Partition("ota_1").writeblocks(0, uctypes.bytearray_at(0, 65536))
print("DONE")
"""
    board = SimulatedBoard(tmp_path, script)
    config = board.files.config_path.read_text()
    board.files.config_path.write_text(config.replace("{", '{"null_source": "reset",', 1))
    board.run()
    assert board.boots() == [("ota_0", "PWRON"), ("ota_0", "HARD")]


def test_stock_table_gets_a_vfs_partition_to_the_flash_end(tmp_path):
    script = """
from esp32 import Partition
show("vfs", lambda: Partition("vfs").info())
show("slots", lambda: [p.info()[2:4] for p in Partition.find()])
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script, table=make.TABLES["stock"]).run().values()
    assert values["vfs"] == (1, 0x81, 0x310000, 0xF0000, "vfs", False)
    assert values["slots"] == [(0x10000, 0x180000), (0x190000, 0x180000)]


def test_factory_table_has_no_ota(tmp_path):
    table = (
        Entry(1, 2, 0x9000, 0x6000, "nvs"),
        Entry(1, 1, 0xF000, 0x1000, "phy_init"),
        Entry(0, 0, 0x10000, 0x1F0000, "factory"),
    )
    script = """
from esp32 import Partition
show("running", lambda: Partition(Partition.RUNNING).info()[4])
show("boot", lambda: Partition(Partition.BOOT))
show("next", lambda: Partition(Partition.RUNNING).get_next_update())
show("set_boot", lambda: Partition("factory").set_boot())
show("mark", lambda: Partition.mark_app_valid_cancel_rollback())
print("DONE")
"""
    values = SimulatedBoard(tmp_path, script, table=table).run(DONE).values()
    assert values["running"] == "factory"
    assert values["boot"] == ("OSError", 2)
    assert values["next"] == ("OSError", 2)
    assert values["set_boot"] == ("OSError", -261, "ESP_ERR_NOT_FOUND")
    assert values["mark"] == ("OSError", -261, "ESP_ERR_NOT_FOUND")
