"""Our partition tables: 4 MiB as documented, larger ones in proportion, all of them sound."""

from __future__ import annotations

import pytest

from host_tools.factory.errors import FactoryError
from host_tools.factory.layout import FLASH_SIZES, flash_bytes, layout
from host_tools.simboard.chip import partitions
from host_tools.simboard.make import TABLES

K64 = 0x10000


def fields(entries):
    return [(e.type, e.subtype, e.address, e.size, e.label) for e in entries]


def test_layout_of_4_mib_is_that_of_the_simulated_board():
    assert fields(layout(4 << 20).entries) == fields(TABLES["ours"])


@pytest.mark.parametrize(
    ("name", "slot", "vfs", "data"),
    [
        ("4MB", 0x1D0000, 0x30000, 0x20000),
        ("8MB", 0x3A0000, 0x60000, 0x50000),
        ("16MB", 0x740000, 0xC0000, 0xB0000),
    ],
)
def test_layout_grows_in_proportion_to_the_flash(name, slot, vfs, data):
    found = layout(flash_bytes(name))
    sizes = {entry.label: entry.size for entry in found.entries}
    assert sizes["ota_0"] == sizes["ota_1"] == found.slot_bytes == slot
    assert (sizes["vfs"], sizes["data"]) == (vfs, data)


@pytest.mark.parametrize("name", FLASH_SIZES)
@pytest.mark.parametrize("slot", [None, 0x100000, 0x1A0000])
def test_layout_is_without_gaps_overlaps_and_misaligned_slots(name, slot):
    found = layout(FLASH_SIZES[name], slot)
    at = 0x9000
    for entry in found.entries:
        assert entry.address == at
        assert entry.size > 0
        assert entry.size % 4096 == 0
        assert entry.type != partitions.TYPE_APP or entry.address % K64 == entry.size % K64 == 0
        at = entry.end
    assert at == FLASH_SIZES[name]
    assert found.find("data").size >= 0x20000
    decoded = partitions.decode(bytearray(partitions.encode(found.entries)))
    assert fields(decoded) == fields(found.entries)


def test_layout_with_smaller_slots_gives_the_rest_to_data():
    assert layout(16 << 20, 0x1D0000).find("data").size == 0xB0000 + 2 * (0x740000 - 0x1D0000)


@pytest.mark.parametrize("slot", [0, 0xF0000, 0x1C1000, 0x1E0000, -K64])
def test_layout_with_a_slot_that_cannot_be_is_refused_with_what_can(slot):
    with pytest.raises(FactoryError, match="from 0x100000 to 0x1D0000"):
        layout(4 << 20, slot)


@pytest.mark.parametrize(
    ("name", "text"),
    [("2MB", "do not hold two slots"), ("4", "4MB, 8MB, 16MB"), ("32MB", "choose one")],
)
def test_flash_size_that_has_no_layout_is_refused(name, text):
    with pytest.raises(FactoryError, match=text):
        flash_bytes(name)
