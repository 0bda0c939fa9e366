"""Writing a slot: chunks of any size, both ways of erasing, and what flash that fails does."""

import binascii
import gc
import hashlib

import esp32
import images
from enos_ota import slot
from enos_ota.errors import BurnError, UpgradeError
from enos_ota.slot import SlotWriter
from esp32 import Partition
from helpers import Case, run

SECTOR = 4096
BLOCK = 65536
FLAG = ("enos_ota", "erase")
PATTERN = memoryview(bytes(range(1, 252)) * 18)


def pattern(offset, size):
    """`size` bytes, at most 4 KiB, of a file whose sectors all differ and hold no 0xFF."""
    offset %= 251
    return PATTERN[offset : offset + size]


def write(writer, size, chunk=SECTOR) -> None:
    """Put the first `size` bytes of the pattern, in pieces of `chunk`."""
    done = 0
    while done < size:
        left = min(chunk, size - done)
        while left:
            space = writer.space()
            count = min(left, len(space))
            space[:count] = pattern(done, count)
            writer.taken(count)
            done += count
            left -= count
    writer.finish()


def holds(label, size):
    """Whether the slot holds the first `size` bytes of the pattern."""
    starts = range(0, size, SECTOR)
    return all(images.same(label, at, pattern(at, min(SECTOR, size - at))) for at in starts)


class OnChip(Case):
    table = esp32.TWO_SLOTS

    def setUp(self) -> None:
        super().setUp()
        self.patch(slot, "log", lambda level, text: None)
        self.chip = esp32.power_up(self.table)
        images.put("ota_0", images.image())
        self.seen = []
        self.chip.on = self.saw

    def saw(self, operation, label, offset, size):
        if operation != "read":
            self.seen.append((operation, offset // SECTOR))
        return self.fault(operation, offset)

    def fault(self, operation, offset):
        return None

    def writer(self):
        return SlotWriter(Partition("ota_1"), bytearray(SECTOR))

    def count(self, operation):
        return len([1 for seen, _ in self.seen if seen == operation])


class TestChunks(OnChip):
    def test_chunks_of_any_size_give_the_same_slot(self):
        for size, chunk in (
            (SECTOR * 2 + 17, 1),
            (SECTOR * 3, 4095),
            (SECTOR * 3 + 1, 4096),
            (SECTOR * 4, 4097),
        ):
            writer = self.writer()
            write(writer, size, chunk)
            self.assertEqual(writer.position, size)
            self.assertTrue(holds("ota_1", size), (size, chunk))

    def test_sector_is_programmed_when_it_is_full_and_not_before(self):
        writer = self.writer()
        writer.taken(SECTOR - 1)
        self.assertEqual(self.seen, [])
        writer.taken(1)
        self.assertEqual(self.seen[-1], ("program", 0))

    def test_space_is_never_empty_and_shrinks_by_what_was_taken(self):
        writer = self.writer()
        for taken in (1, 4094, 1, 4096, 100):
            before = len(writer.space())
            writer.taken(taken)
            self.assertEqual(len(writer.space()), before - taken or SECTOR)

    def test_last_sector_is_padded_with_ff_and_the_next_one_not_programmed(self):
        writer = self.writer()
        write(writer, SECTOR + 100)
        for at in range(SECTOR + 100, 2 * SECTOR, 4):
            self.assertEqual(images.get("ota_1", at, 4), b"\xff\xff\xff\xff", at)
        self.assertFalse(("program", 2) in self.seen)

    def test_finish_on_a_sector_border_programs_nothing_more(self):
        writer = self.writer()
        write(writer, 2 * SECTOR)
        self.assertEqual(self.count("program"), 2)

    def test_file_of_one_byte(self):
        writer = self.writer()
        write(writer, 1)
        self.assertEqual(images.get("ota_1", 0, 3), b"\x01\xff\xff")


class TestDigest(OnChip):
    def test_digest_equals_hashlib_for_lengths_around_sector_borders(self):
        for size in (1, SECTOR - 1, SECTOR, SECTOR + 1, 9 * SECTOR - 1, 9 * SECTOR):
            md5, sha256 = hashlib.md5(), hashlib.sha256()
            for at in range(0, size, SECTOR):
                md5.update(pattern(at, min(SECTOR, size - at)))
                sha256.update(pattern(at, min(SECTOR, size - at)))
            writer = self.writer()
            write(writer, size)
            for method, wanted in (("md5", md5.digest()), ("sha256", sha256.digest())):
                found = run(writer.digest(method))
                self.assertEqual(binascii.hexlify(found), binascii.hexlify(wanted), (size, method))

    def test_digest_is_taken_from_flash(self):
        writer = self.writer()
        write(writer, SECTOR + 10)
        before = run(writer.digest("sha256"))
        for at in (0, SECTOR - 1, SECTOR + 9):
            images.put("ota_1", b"\x00", at)
            after = run(writer.digest("sha256"))
            self.assertNotEqual(after, before)
            before = after

    def test_digest_leaves_out_what_follows_the_file(self):
        writer = self.writer()
        write(writer, SECTOR + 10)
        before = run(writer.digest("md5"))
        images.put("ota_1", b"\x00", SECTOR + 10)
        self.assertEqual(run(writer.digest("md5")), before)


class TestErase(OnChip):
    def test_each_block_is_erased_once_by_the_null_source(self):
        write(self.writer(), BLOCK + SECTOR)
        self.assertEqual(self.count("fast"), 2)
        self.assertEqual(self.count("erase"), 0)
        self.assertTrue(holds("ota_1", BLOCK + SECTOR))

    def test_erase_comes_before_the_first_program_and_is_never_repeated(self):
        write(self.writer(), BLOCK)
        self.assertEqual(self.seen[0], ("fast", 0))
        self.assertEqual([op for op, _ in self.seen[1:]], ["program"] * 16)

    def test_first_use_is_flagged_before_and_judged_after(self):
        flags = []
        self.fault = lambda op, offset: (
            flags.append(self.chip.nvs.get(FLAG)) if op == "fast" else None
        )
        write(self.writer(), SECTOR)
        self.assertEqual(flags, [images.ELF + b"?"])
        self.assertEqual(self.chip.nvs[FLAG], images.ELF + b"+")

    def test_known_to_work_writes_nvs_no_more(self):
        write(self.writer(), SECTOR)
        self.chip.nvs_full = True
        write(self.writer(), SECTOR)
        self.assertEqual(self.count("fast"), 2)

    def test_fast_erase_that_does_nothing_is_replaced_by_sectors_for_good(self):
        self.fault = lambda op, offset: op == "fast"
        write(self.writer(), BLOCK + SECTOR)
        self.assertEqual(self.count("fast"), 1)
        self.assertEqual(self.count("erase"), 17)
        self.assertTrue(holds("ota_1", BLOCK + SECTOR))
        self.assertEqual(self.chip.nvs[FLAG], images.ELF + b"-")
        write(self.writer(), SECTOR)
        self.assertEqual(self.count("fast"), 1)

    def test_fast_erase_that_leaves_one_bit_is_replaced_by_sectors(self):
        def fault(op, offset):
            if op != "fast":
                return None
            for sector in range(16):
                images.put("ota_1", b"\xff" * SECTOR, sector * SECTOR)
            images.put("ota_1", b"\x7f", BLOCK - 1)
            return True

        self.fault = fault
        write(self.writer(), BLOCK)
        self.assertEqual(self.count("erase"), 16)
        self.assertTrue(holds("ota_1", BLOCK))

    def test_fast_erase_that_raises_another_errno_is_judged_by_the_flash(self):
        def fault(op, offset):
            if op == "fast":
                raise OSError(-24577, "ESP_ERR_FLASH_OP_FAIL")

        self.fault = fault
        write(self.writer(), BLOCK)
        self.assertEqual(self.count("erase"), 16)
        self.assertTrue(holds("ota_1", BLOCK))

    def test_fast_erase_that_stops_working_later_is_replaced_by_sectors(self):
        write(self.writer(), SECTOR)
        self.fault = lambda op, offset: op == "fast"
        write(self.writer(), BLOCK)
        self.assertTrue(holds("ota_1", BLOCK))
        self.assertEqual(self.chip.nvs[FLAG], images.ELF + b"-")

    def test_trial_found_unfinished_after_a_reset_is_never_used_again(self):
        self.chip.nvs[FLAG] = images.ELF + b"?"
        write(self.writer(), BLOCK)
        self.assertEqual(self.count("fast"), 0)
        self.assertEqual(self.count("erase"), 16)

    def test_flag_of_another_vm_says_nothing(self):
        for mark in (b"?", b"-"):
            self.chip.nvs[FLAG] = b"F" * 32 + mark
            self.seen.clear()
            write(self.writer(), SECTOR)
            self.assertEqual(self.count("fast"), 1)

    def test_writer_that_never_erased_does_not_use_up_the_trial(self):
        self.writer()
        write(self.writer(), SECTOR)
        self.assertEqual(self.count("fast"), 1)


class TestOddTable(OnChip):
    # ota_1 begins in the middle of a block and ends in the middle of another; a partition follows.
    table = esp32.TWO_SLOTS[:3] + (
        (0, 0x11, 0x1EE000, 0x23000, "ota_1"),
        (1, 0x81, 0x211000, 0x10000, "next"),
    )

    def test_only_whole_aligned_blocks_inside_the_slot_are_erased_fast(self):
        images.put("next", b"NEXT")
        write(self.writer(), 0x23000)
        self.assertEqual([at for op, at in self.seen if op == "fast"], [2, 18])
        self.assertEqual([at for op, at in self.seen if op == "erase"], [0, 1, 34])
        self.assertTrue(holds("ota_1", 0x23000))
        self.assertEqual(self.chip.nvs[FLAG], images.ELF + b"+")
        self.assertEqual(images.get("next", 0, 4), b"NEXT")

    def test_file_longer_than_the_slot_ends_in_a_burn_error_and_spares_what_follows(self):
        images.put("next", b"NEXT")
        self.raised(BurnError, write, self.writer(), 0x23001)
        self.assertEqual(images.get("next", 0, 4), b"NEXT")


class TestFaults(OnChip):
    def burn_error(self, size=SECTOR):
        return str(self.raised(BurnError, write, self.writer(), size))

    def test_program_that_does_nothing_does_not_read_back(self):
        self.fault = lambda op, offset: op == "program"
        self.assertIn("sector 0", self.burn_error())

    def test_one_wrong_bit_anywhere_in_a_sector_does_not_read_back(self):
        for at in (0, 511, 512, 2048, SECTOR - 1):

            def fault(op, offset):
                if op == "program" and offset == SECTOR:
                    data = bytearray(pattern(SECTOR, SECTOR))
                    data[at] ^= 0x01  # noqa: B023 - used before the loop goes on
                    images.put("ota_1", data, SECTOR)
                    return True
                return None

            self.fault = fault
            self.assertIn("sector 1", self.burn_error(2 * SECTOR))

    def test_sector_that_does_not_erase_is_a_burn_error(self):
        self.fault = lambda op, offset: op in ("fast", "erase")
        self.assertIn("sector 0", self.burn_error())

    def test_flash_errors_of_each_operation_are_burn_errors(self):
        for failing in ("erase", "program", "read"):

            def fault(op, offset):
                if op == failing and self.seen:  # noqa: B023 - used before the loop goes on
                    raise OSError(-24577, "ESP_ERR_FLASH_OP_FAIL")
                return op == "fast"

            self.seen.clear()
            self.fault = fault
            self.assertIn("24577", self.burn_error())

    def test_nvs_full_before_the_first_fast_erase_is_a_burn_error_and_erases_nothing(self):
        self.chip.nvs_full = True
        self.burn_error()
        self.assertEqual(self.seen, [])

    def test_encrypted_slot_is_refused(self):
        class Encrypted(Partition):
            def info(self):
                return super().info()[:5] + (True,)

        self.raised(UpgradeError, SlotWriter, Encrypted("ota_1"), bytearray(SECTOR))
        self.assertEqual(self.seen, [])


class EchoSlot:
    """One sector of flash that allocates nothing: what was programmed last is read back."""

    def __init__(self) -> None:
        self.flash = bytearray(SECTOR)

    def info(self):
        return (0, 0x11, 0x1E0000, 0x1D0000, "ota_1", False)

    def readblocks(self, block, buf, offset=0) -> None:
        for i in range(len(buf)):
            buf[i] = self.flash[offset + i]

    def writeblocks(self, block, buf, offset=None) -> None:
        for i in range(SECTOR):
            self.flash[i] = 0xFF if offset is None else buf[i]

    def ioctl(self, op, arg) -> None:
        self.writeblocks(arg, None)


class TestMemory(OnChip):
    def test_full_sectors_within_a_block_allocate_nothing(self):
        from micropython import heap_lock, heap_unlock

        self.chip.nvs[FLAG] = images.ELF + b"+"
        writer = SlotWriter(EchoSlot(), bytearray(SECTOR))
        writer.taken(SECTOR)  # with the erase of the block
        gc.collect()
        heap_lock()
        try:
            for _ in range(3):
                space = writer.space()
                writer.taken(len(space))
        finally:
            heap_unlock()
        self.assertEqual(writer.position, 4 * SECTOR)

    def test_writer_holds_one_sector_and_little_more(self):
        self.writer()
        gc.collect()
        before = gc.mem_alloc()
        writer = self.writer()
        gc.collect()
        self.assertTrue(gc.mem_alloc() - before < SECTOR + 2048, gc.mem_alloc() - before)
        del writer
