"""otadata and the bootloader's choice, rule by rule, on a flash in memory."""

import io

import pytest
from simboard_fixtures import OTA_0, OTA_1, OTADATA, image, otadata_sectors

from host_tools.simboard import make
from host_tools.simboard.board_files import FLASH_BYTES
from host_tools.simboard.chip import bootloader, otadata
from host_tools.simboard.chip.nor import Nor
from host_tools.simboard.chip.otadata import ABORTED, INVALID, NEW, PENDING_VERIFY, VALID
from host_tools.simboard.chip.partitions import Entry

E = None
FACTORY_TABLE = (
    Entry(1, 2, 0x9000, 0x4000, "nvs"),
    Entry(1, 0, 0xD000, 0x2000, "otadata"),
    Entry(0, 0, 0x10000, 0x100000, "factory"),
    Entry(0, 0x10, 0x110000, 0x100000, "ota_0"),
    Entry(0, 0x11, 0x210000, 0x100000, "ota_1"),
)


class Chip:
    """Flash with two good slots and chosen otadata."""

    def __init__(self, *entries, table=make.TABLES["ours"], slots=("ota_0", "ota_1")):
        flash = bytearray(make.flash_image(image(), table, {}))
        flash[OTA_0 : OTA_0 + 32] = b"\xff" * 32
        for entry in table:
            if entry.label in slots:
                content = image(mark=entry.label.encode())
                flash[entry.address : entry.address + len(content)] = content
        flash[OTADATA : OTADATA + 8192] = otadata_sectors(*entries)
        self.nor = Nor(io.BytesIO(bytes(flash)), FLASH_BYTES)
        self.text = []
        self.address = OTADATA

    def boot(self):
        self.result = bootloader.boot(self.nor, self.text.append)
        return self.result.slot

    @property
    def entries(self):
        found = otadata.read(self.nor, OTADATA)
        return [E if e.sequence == otadata.EMPTY else (e.sequence, e.state) for e in found]

    def set_boot(self, slot):
        otadata.select(self.nor, OTADATA, slot, 2)

    def mark(self):
        return otadata.mark_valid(self.nor, OTADATA)

    def poke(self, address, content):
        self.nor.file.seek(address)
        self.nor.file.write(content)


@pytest.mark.parametrize(("sequence", "crc"), [(1, 0x4743989A), (2, 0x55F63774), (3, 0xED4A5011)])
def test_otadata_crc_is_that_of_otatool(sequence, crc):
    assert otadata.sequence_crc(sequence) == crc


@pytest.mark.parametrize(
    ("entries", "index"),
    [
        ([(1, VALID), E], 0),
        ([E, (2, VALID)], 1),
        ([(1, VALID), (2, VALID)], 1),
        ([(3, VALID), (2, VALID)], 0),
        ([(2, VALID), (2, VALID)], 0),
        ([(2, NEW), (2, NEW)], 0),
        ([(1, VALID), (2, ABORTED)], 0),
        ([(1, VALID), (2, INVALID)], 0),
        ([(1, otadata.UNDEFINED), E], 0),
        ([E, E], -1),
        ([(1, ABORTED), (2, INVALID)], -1),
    ],
)
def test_otadata_active_entry_is_the_higher_valid_sequence(entries, index):
    chip = Chip(*entries)
    assert otadata.active(otadata.read(chip.nor, OTADATA)) == index


def test_otadata_wrong_crc_makes_an_entry_unusable():
    chip = Chip((1, VALID), (2, VALID))
    chip.poke(OTADATA + 0x1000 + 28, b"\0\0\0\0")
    assert chip.boot() == "ota_0"


def test_otadata_state_is_not_covered_by_the_crc():
    chip = Chip((1, VALID), (2, VALID))
    chip.poke(OTADATA + 0x1000 + 24, b"\x04\0\0\0")
    assert otadata.read(chip.nor, OTADATA)[1].crc_right
    assert chip.boot() == "ota_0"


@pytest.mark.parametrize(
    ("sequence", "slot"), [(1, "ota_0"), (2, "ota_1"), (3, "ota_0"), (8, "ota_1")]
)
def test_slot_is_sequence_minus_one_modulo_slots(sequence, slot):
    assert Chip((sequence, VALID), E).boot() == slot


def test_bootloader_empty_otadata_boots_ota_0_and_writes_entry_0():
    chip = Chip(E, E)
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, VALID), E]


def test_bootloader_empty_otadata_with_broken_ota_0_writes_what_it_booted():
    chip = Chip(E, E, slots=("ota_1",))
    assert chip.boot() == "ota_1"
    assert chip.entries == [(2, VALID), E]


def test_bootloader_both_aborted_boots_slot_0_and_writes_nothing():
    chip = Chip((1, ABORTED), (2, ABORTED))
    before = chip.nor.operations
    assert chip.boot() == "ota_0"
    assert chip.nor.operations == before
    assert chip.entries == [(1, ABORTED), (2, ABORTED)]


def test_bootloader_one_aborted_one_empty_writes_nothing():
    chip = Chip((1, ABORTED), E)
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, ABORTED), E]


def test_bootloader_pending_becomes_aborted_and_old_slot_boots():
    chip = Chip((1, VALID), (2, PENDING_VERIFY))
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, VALID), (2, ABORTED)]
    assert chip.result.aborted == ["ota_1"]


def test_bootloader_pending_with_wrong_crc_is_aborted_all_the_same():
    chip = Chip((1, VALID), (2, PENDING_VERIFY))
    chip.poke(OTADATA + 0x1000 + 28, b"\0\0\0\0")
    assert chip.boot() == "ota_0"
    assert otadata.read(chip.nor, OTADATA)[1].state == ABORTED


def test_bootloader_new_becomes_pending_before_loading():
    chip = Chip((1, VALID), (2, NEW))
    chip.poke(OTA_1, b"\0")
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, VALID), (2, PENDING_VERIFY)]


def test_bootloader_new_slot_boots_pending():
    chip = Chip((1, VALID), (2, NEW))
    assert chip.boot() == "ota_1"
    assert chip.entries == [(1, VALID), (2, PENDING_VERIFY)]


def test_bootloader_old_new_entry_is_left_alone():
    chip = Chip((1, NEW), (2, VALID))
    assert chip.boot() == "ota_1"
    assert chip.entries == [(1, NEW), (2, VALID)]


def test_bootloader_broken_image_falls_back_to_lower_then_higher_slots():
    chip = Chip((2, VALID), E, slots=("ota_0",))
    assert chip.boot() == "ota_0"
    chip = Chip((1, VALID), E, slots=("ota_1",))
    assert chip.boot() == "ota_1"


def test_bootloader_fallback_does_not_correct_otadata():
    chip = Chip((1, VALID), (2, VALID), slots=("ota_0",))
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, VALID), (2, VALID)]


def test_bootloader_nothing_bootable_starts_nothing():
    chip = Chip((1, VALID), E, slots=())
    assert chip.boot() is None
    assert "No bootable app partitions" in chip.text[-1]


def test_bootloader_empty_otadata_prefers_factory_and_writes_nothing():
    chip = Chip(E, E, table=FACTORY_TABLE, slots=("factory", "ota_0", "ota_1"))
    assert chip.boot() == "factory"
    assert chip.entries == [E, E]


def test_bootloader_broken_slots_fall_back_to_factory():
    chip = Chip((2, VALID), E, table=FACTORY_TABLE, slots=("factory",))
    assert chip.boot() == "factory"


def test_bootloader_both_crcs_wrong_tries_factory_then_all():
    chip = Chip((1, VALID), (2, VALID), table=FACTORY_TABLE, slots=("ota_1",))
    for sector in (0, 0x1000):
        chip.poke(OTADATA + sector + 28, b"\0\0\0\0")
    assert chip.boot() == "ota_1"


def test_entry_update_is_an_erase_then_a_write():
    chip = Chip((1, VALID), (2, NEW))
    kinds = []
    operate = chip.nor._operate
    chip.nor._operate = lambda kind, *rest: (kinds.append((kind, *rest[:2])), operate(kind, *rest))
    chip.boot()
    assert kinds == [("erase", OTADATA + 0x1000, 4096), ("program", OTADATA + 0x1000, 32)]


@pytest.mark.parametrize(
    ("before", "slot", "after"),
    [
        ([E, E], 1, [(2, NEW), E]),
        ([E, E], 0, [(1, NEW), E]),
        ([(1, VALID), E], 1, [(1, VALID), (2, NEW)]),
        ([(1, VALID), (2, VALID)], 0, [(3, NEW), (2, VALID)]),
        ([(3, ABORTED), (2, VALID)], 0, [(3, NEW), (2, VALID)]),
        ([(1, VALID), (2, ABORTED)], 1, [(1, VALID), (2, NEW)]),
        ([(5, VALID), (4, VALID)], 1, [(5, VALID), (6, NEW)]),
    ],
)
def test_set_boot_writes_new_into_the_other_entry(before, slot, after):
    chip = Chip(*before)
    chip.set_boot(slot)
    assert chip.entries == after


def test_set_boot_on_the_selected_slot_destroys_the_fallback_entry():
    chip = Chip((1, VALID), E)
    chip.set_boot(1)
    chip.set_boot(1)
    assert chip.entries == [(2, NEW), (2, NEW)]
    assert chip.boot() == "ota_1"
    assert chip.entries == [(2, PENDING_VERIFY), (2, NEW)]
    assert chip.boot() == "ota_1"
    assert chip.entries == [(2, ABORTED), (2, PENDING_VERIFY)]
    assert chip.boot() == "ota_0"
    assert chip.entries == [(2, ABORTED), (2, ABORTED)]


def test_mark_valid_acts_on_the_active_entry_not_on_the_running_slot():
    chip = Chip((1, VALID), (2, NEW), slots=("ota_0",))
    assert chip.boot() == "ota_0"
    assert chip.mark()
    assert chip.entries == [(1, VALID), (2, VALID)]


def test_mark_valid_writes_nothing_when_already_valid():
    chip = Chip((1, VALID), E)
    before = chip.nor.operations
    assert chip.mark()
    assert chip.nor.operations == before


def test_mark_valid_without_an_active_entry_fails():
    assert not Chip(E, E).mark()


def test_undone_switch_leaves_the_running_entry_on_trial():
    chip = Chip((1, VALID), E)
    chip.set_boot(1)
    chip.set_boot(0)
    assert chip.entries == [(3, NEW), (2, NEW)]
    assert chip.boot() == "ota_0"
    assert chip.boot() == "ota_1"


def test_normal_life_of_two_slots():
    chip = Chip(E, E)
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, VALID), E]
    chip.set_boot(1)
    assert chip.entries == [(1, VALID), (2, NEW)]
    assert chip.boot() == "ota_1"
    assert chip.entries == [(1, VALID), (2, PENDING_VERIFY)]
    assert chip.mark()
    assert chip.entries == [(1, VALID), (2, VALID)]
    chip.set_boot(0)
    assert chip.entries == [(3, NEW), (2, VALID)]
    assert chip.boot() == "ota_0"
    assert chip.entries == [(3, PENDING_VERIFY), (2, VALID)]
    assert chip.boot() == "ota_1"
    assert chip.entries == [(3, ABORTED), (2, VALID)]
    chip.set_boot(0)
    assert chip.entries == [(3, NEW), (2, VALID)]


@pytest.mark.parametrize("torn", [0, 1])
def test_entry_torn_between_erase_and_write_boots_the_previous_slot(torn):
    """A cut in `mark_app_valid` or in NEW -> PENDING: a rollback without any ABORTED mark."""
    chip = Chip((1, VALID), (2, [NEW, PENDING_VERIFY][torn]))
    chip.poke(OTADATA + 0x1000, b"\xff" * 4096)
    assert chip.boot() == "ota_0"
    assert chip.entries == [(1, VALID), E]


def test_entry_torn_in_set_boot_keeps_the_old_slot():
    chip = Chip((3, VALID), (2, VALID))
    chip.poke(OTADATA + 0x1000, b"\xff" * 4096)
    assert chip.boot() == "ota_0"
