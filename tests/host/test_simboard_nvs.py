"""NVS: IDF's page format, judged by Espressif's own generator, and its limits as seen on a chip."""

import io
import subprocess
import sys

import pytest
from simboard_fixtures import SimulatedBoard

from host_tools.simboard.chip import nvs, nvs_page
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.chip.nvs_item import ENTRY_COUNT

SIZE = 0x4000
FULL = ("OSError", -4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")


class CutError(Exception):
    """The power went."""


class CuttingNor(Nor):
    """A flash whose power goes before operation number `cut`."""

    cut = None

    def _operate(self, kind, *rest):
        if self.cut is not None and self.operations >= self.cut:
            raise CutError
        super()._operate(kind, *rest)


def blank(content=b"\xff" * SIZE):
    return CuttingNor(io.BytesIO(content), SIZE)


def mounted(nor):
    storage = nvs.mount(nor, 0, SIZE)
    return storage, storage.namespace("test")


def raises(number, function, *arguments):
    with pytest.raises(OSError) as caught:
        function(*arguments)
    assert caught.value.errno == number


def generated(folder, rows, size=0x4000):
    """An NVS image made by Espressif's generator."""
    csv = folder / "nvs.csv"
    csv.write_text("key,type,encoding,value\n" + "".join(row + "\n" for row in rows))
    target = folder / "nvs.bin"
    command = [sys.executable, "-m", "esp_idf_nvs_partition_gen", "generate"]
    subprocess.run([*command, str(csv), str(target), hex(size)], check=True, capture_output=True)
    return target.read_bytes()


def test_generated_image_is_read(tmp_path):
    long = bytes(range(256)) * 20
    rows = [
        "wifi,namespace,,",
        "count,data,i32,-12345",
        "small,data,i32,7",
        "blob,data,hex2bin,00ff10",
        f"long,data,hex2bin,{long.hex()}",
        "other,namespace,,",
        "count,data,i32,99",
    ]
    nor = blank(generated(tmp_path, rows))
    storage = nvs.Storage(nor, 0, SIZE)
    assert nor.operations == 0
    wifi, other = storage.namespace("wifi"), storage.namespace("other")
    assert storage.get_i32(wifi, "count") == -12345
    assert storage.get_i32(wifi, "small") == 7
    assert storage.get_blob(wifi, "blob") == b"\x00\xff\x10"
    assert storage.get_blob(wifi, "long") == long
    assert storage.get_i32(other, "count") == 99


def test_written_page_equals_the_generated_one(tmp_path):
    rows = ["space,namespace,,", "n,data,i32,-5", f"b,data,hex2bin,{'ab' * 40}"]
    expected = generated(tmp_path, rows)
    nor = blank()
    storage = nvs.mount(nor, 0, SIZE)
    index = storage.namespace("space")
    storage.set_i32(index, "n", -5)
    storage.set_blob(index, "b", b"\xab" * 40)
    assert nor.file.getvalue()[:4096] == expected[:4096]


def test_values_outlive_a_mount():
    nor = blank()
    storage, space = mounted(nor)
    storage.set_i32(space, "n", -(1 << 31))
    storage.set_blob(space, "b", b"")
    storage.set_blob(space, "c", bytes(5000))
    storage, space = mounted(nor)
    assert storage.get_i32(space, "n") == -(1 << 31)
    assert storage.get_blob(space, "b") == b""
    assert storage.get_blob(space, "c") == bytes(5000)


def test_update_writes_the_new_value_and_marks_the_old_erased():
    nor = blank()
    storage, space = mounted(nor)
    for value in range(3):
        storage.set_i32(space, "n", value)
        storage.set_blob(space, "b", bytes([value]) * 40)
    assert storage.get_i32(space, "n") == 2
    assert storage.get_blob(space, "b") == b"\x02" * 40
    page = storage.pages[0]
    states = [page.entry_state(i) for i in range(page.next_free)]
    assert states.count(nvs_page.WRITTEN) == 1 + 1 + 4
    assert states.count(nvs_page.ERASED) == 2 * (1 + 4)


def test_same_value_again_writes_nothing():
    nor = blank()
    storage, space = mounted(nor)
    storage.set_i32(space, "n", 5)
    storage.set_blob(space, "b", b"same")
    before = nor.operations
    storage.set_i32(space, "n", 5)
    storage.set_blob(space, "b", b"same")
    assert nor.operations == before


def test_missing_keys_and_long_names_raise():
    storage, space = mounted(blank())
    raises(-4354, storage.get_i32, space, "none")
    raises(-4354, storage.get_blob, space, "none")
    raises(-4354, storage.erase_key, space, "none")
    raises(-4361, storage.set_i32, space, "x" * 16, 1)
    raises(-4361, storage.set_blob, space, "x" * 16, b"1")
    raises(-4361, storage.namespace, "x" * 16)
    raises(-4366, storage.set_blob, space, "b", bytes(3 * 4000 + 1))
    storage.set_i32(space, "x" * 15, 1)
    assert storage.get_i32(space, "x" * 15) == 1


def test_erase_key_forgets_any_type():
    storage, space = mounted(blank())
    storage.set_i32(space, "n", 1)
    storage.set_blob(space, "b", b"1")
    storage.erase_key(space, "n")
    storage.erase_key(space, "b")
    raises(-4354, storage.get_i32, space, "n")
    raises(-4354, storage.get_blob, space, "b")


def test_other_type_under_the_same_key_replaces_it():
    storage, space = mounted(blank())
    storage.set_i32(space, "k", 1)
    storage.set_blob(space, "k", b"blob")
    raises(-4354, storage.get_i32, space, "k")
    storage.set_i32(space, "k", 2)
    raises(-4354, storage.get_blob, space, "k")
    assert storage.get_i32(space, "k") == 2


def test_full_store_refuses_updates_of_existing_blobs_too():
    nor = blank()
    storage, space = mounted(nor)
    count = 0
    with pytest.raises(OSError) as caught:
        while True:
            storage.set_blob(space, f"k{count}", bytes([count]) * 64)
            count += 1
    assert caught.value.errno == -4357
    assert 90 <= count <= 3 * ENTRY_COUNT // 4
    raises(-4357, storage.set_blob, space, "k0", b"new" * 20)
    storage, space = mounted(nor)
    for index in range(count):
        assert storage.get_blob(space, f"k{index}") == bytes([index]) * 64
    storage.erase_key(space, "k1")
    storage.erase_key(space, "k2")
    storage.set_blob(space, "k0", b"new" * 20)
    assert storage.get_blob(space, "k0") == b"new" * 20


def test_pages_are_reused_one_stays_free():
    nor = blank()
    storage, space = mounted(nor)
    storage.set_blob(space, "kept", b"k" * 100)
    for value in range(2000):
        storage.set_i32(space, "n", value)
        assert storage.free
    storage, space = mounted(nor)
    assert storage.get_i32(space, "n") == 1999
    assert storage.get_blob(space, "kept") == b"k" * 100
    assert storage.pages[-1].sequence > 10


def test_no_free_page_or_a_new_version_wipes_the_store():
    nor = blank()
    storage, space = mounted(nor)
    storage.set_i32(space, "n", 1)
    page = nor.file.getvalue()[:4096]
    pages = []
    for sequence in range(4):
        header = bytearray(page[:32])
        header[4:8] = sequence.to_bytes(4, "little")
        header[28:32] = nvs_page.data_crc(header[4:28]).to_bytes(4, "little")
        pages.append(bytes(header) + page[32:])
    with pytest.raises(OSError, match="NO_FREE_PAGES"):
        nvs.Storage(blank(b"".join(pages)), 0, SIZE)
    header = bytearray(page[:32])
    header[8] = 0xFD
    header[28:32] = nvs_page.data_crc(header[4:28]).to_bytes(4, "little")
    newer = bytes(header) + page[32:] + b"\xff" * 0x3000
    with pytest.raises(OSError, match="NEW_VERSION"):
        nvs.Storage(blank(newer), 0, SIZE)
    for content in (b"".join(pages), newer):
        storage, space = mounted(blank(content))
        raises(-4354, storage.get_i32, space, "n")


def test_page_with_a_wrong_header_is_reused():
    nor = blank(b"\0" * 4096 + b"\xff" * 0x3000)
    storage, space = mounted(nor)
    for value in range(600):
        storage.set_i32(space, "n", value)
    assert storage.get_i32(space, "n") == 599


def test_value_is_old_or_new_wherever_power_goes():
    """Every operation of an update is a place where power can go."""
    nor = blank()
    storage, space = mounted(nor)
    for index in range(29):
        storage.set_blob(space, f"fill{index}", bytes([index]) * 64)
    storage.set_blob(space, "b", b"old" * 30)
    storage.set_i32(space, "n", 1)
    before, start = nor.file.getvalue(), nor.operations
    storage.set_blob(space, "b", b"new" * 30)
    storage.set_i32(space, "n", 2)
    operations = nor.operations - start
    assert operations >= 15
    seen = set()
    for cut in range(operations):
        nor = blank(before)
        storage, space = mounted(nor)
        nor.cut = nor.operations + cut
        with pytest.raises(CutError):
            storage.set_blob(space, "b", b"new" * 30)
            storage.set_i32(space, "n", 2)
        nor.cut = None
        storage, space = mounted(nor)
        blob, number = bytes(storage.get_blob(space, "b")), storage.get_i32(space, "n")
        assert blob in (b"old" * 30, b"new" * 30)
        assert number in (1, 2)
        assert (blob, number) != (b"old" * 30, 2)
        seen.add((blob, number))
        assert all(storage.get_blob(space, f"fill{i}") == bytes([i]) * 64 for i in range(29))
    assert len(seen) >= 2


def test_move_of_a_page_is_finished_after_a_power_cut():
    nor = blank()
    storage, space = mounted(nor)
    value = 0
    for page in range(3):
        storage.set_blob(space, f"kept{page}", bytes([page]) * 100)
        while storage.pages[-1].next_free < ENTRY_COUNT or len(storage.pages) <= page:
            value += 1
            storage.set_i32(space, "n", value)
    before, start = nor.file.getvalue(), nor.operations
    storage.set_i32(space, "n", value + 1)
    operations = nor.operations - start
    assert operations > 10
    for cut in range(operations):
        nor = blank(before)
        storage, space = mounted(nor)
        nor.cut = nor.operations + cut
        with pytest.raises(CutError):
            storage.set_i32(space, "n", value + 1)
        nor.cut = None
        storage, space = mounted(nor)
        assert storage.get_i32(space, "n") in (value, value + 1)
        for page in range(3):
            assert storage.get_blob(space, f"kept{page}") == bytes([page]) * 100
        assert storage.free
        assert not [page for page in storage.pages if page.state == nvs_page.FREEING]


SCRIPT = """
import esp32, machine
nvs = esp32.NVS("app")
show("missing", lambda: nvs.get_i32("n"))
show("set", lambda: (nvs.set_i32("n", -7), nvs.commit()))
show("get", lambda: nvs.get_i32("n"))
show("wraps", lambda: (nvs.set_i32("w", 0xFFFFFFFF), nvs.get_i32("w"))[1])
buf = bytearray(10)
show("blob", lambda: (nvs.set_blob("b", b"four"), nvs.get_blob("b", buf), bytes(buf[:4])))
show("blob_text", lambda: (nvs.set_blob("t", "text"), nvs.get_blob("t", buf), bytes(buf[:4])))
show("small", lambda: nvs.get_blob("b", bytearray(3)))
show("wrong_type", lambda: nvs.get_blob("n", buf))
show("long_key", lambda: nvs.set_i32("x" * 16, 1))
show("long_value", lambda: nvs.set_blob("v", bytes(12001)))
show("erase", lambda: nvs.erase_key("b"))
show("erased", lambda: nvs.get_blob("b", buf))
show("apart", lambda: esp32.NVS("other").get_i32("n"))
def fill():
    for n in range(200):
        nvs.set_blob("k%d" % n, bytes(64))
show("full", fill)
show("full_update", lambda: nvs.set_blob("k1", b"1" * 64))
print("DONE")
"""


def test_nvs_from_python_has_the_ports_errors(tmp_path):
    board = SimulatedBoard(tmp_path, SCRIPT).run()
    values = board.values()
    missing = ("OSError", -4354, "ESP_ERR_NVS_NOT_FOUND")
    assert values["missing"] == missing
    assert values["get"] == -7
    assert values["wraps"] == -1
    assert values["blob"] == (None, 4, b"four")
    assert values["blob_text"] == (None, 4, b"text")
    assert values["small"] == ("OSError", -4364, "ESP_ERR_NVS_INVALID_LENGTH")
    assert values["wrong_type"] == missing
    assert values["long_key"] == ("OSError", -4361, "ESP_ERR_NVS_KEY_TOO_LONG")
    assert values["long_value"] == ("OSError", -4366, "ESP_ERR_NVS_VALUE_TOO_LONG")
    assert values["erased"] == missing
    assert values["apart"] == missing
    assert values["full"] == FULL
    assert values["full_update"] == FULL
    storage = nvs.Storage(Nor(io.BytesIO(board.flash(0x9000, SIZE)), SIZE), 0, SIZE)
    assert storage.get_i32(storage.namespace("app"), "n") == -7


def test_nvs_outlives_resets_and_power_cuts(tmp_path):
    script = """
import esp32, machine
nvs = esp32.NVS("app")
try:
    n = nvs.get_i32("boots")
except OSError:
    n = 0
nvs.set_i32("boots", n + 1)
print("boot", n)
if n % 2 == 0:
    machine.reset()
"""
    board = SimulatedBoard(tmp_path, script).run("boot 1")
    board.run("boot 3")


def test_board_without_nvs_partition_raises(tmp_path):
    from host_tools.simboard import make

    script = 'import esp32\nshow("open", lambda: esp32.NVS("a"))\nprint("DONE")'
    board = SimulatedBoard(tmp_path, script, table=make.TABLES["ours"][1:]).run()
    assert board.values()["open"] == ("OSError", -4353, "ESP_ERR_NVS_NOT_INITIALIZED")
