"""Erasing a slot: by blocks where that works, by sectors elsewhere, once, and again when the file begins again."""

import esp32
import images
from enos_ota.errors import BurnError
from slots import BLOCK, FLAG, SECTOR, OnChip, holds, pattern, write


class TestErase(OnChip):
    fast = b""

    def test_each_block_is_erased_once_by_the_null_source(self):
        write(self.writer(), BLOCK + SECTOR)
        self.assertEqual(self.count("fast"), 2)
        self.assertEqual(self.count("erase"), 0)
        self.assertTrue(holds("ota_1", BLOCK + SECTOR))

    def test_erase_comes_before_the_first_program_and_is_never_repeated(self):
        write(self.writer(), SECTOR)  # the very first marks the block, to see the mark go
        self.assertEqual(self.seen, [("program", 0), ("fast", 0), ("program", 0)])
        self.seen.clear()
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

    def test_fast_erase_that_does_nothing_is_told_in_a_slot_that_is_blank(self):
        for sector in range(17):
            images.put("ota_1", b"\xff" * SECTOR, sector * SECTOR)
        self.fault = lambda op, offset: op == "fast"
        write(self.writer(), BLOCK + SECTOR)
        self.assertEqual(self.chip.nvs[FLAG], images.ELF + b"-")
        self.assertEqual(self.count("fast"), 1)
        self.assertTrue(holds("ota_1", BLOCK + SECTOR))

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


class TestGoesOn(OnChip):
    """A download makes a writer for each connection: what was erased, and what is in `buf`, stays."""

    def put(self, writer, size) -> None:
        """Put the next `size` bytes of the pattern."""
        while size:
            space = writer.space()
            count = min(size, len(space))
            space[:count] = pattern(writer.position, count)
            writer.taken(count)
            size -= count

    def other(self, writer):
        return self.writer(writer.position, writer.erased)

    def test_another_writer_goes_on_at_any_byte_and_erases_nothing_twice(self):
        size = BLOCK + 2 * SECTOR + 10
        for at in (0, 1, SECTOR - 1, SECTOR, SECTOR + 1, BLOCK - 1, BLOCK, BLOCK + SECTOR + 5):
            self.setUp()
            first = self.writer()
            self.put(first, at)
            second = self.other(first)
            self.assertEqual(second.position, at)
            self.put(second, size - at)
            second.finish()
            self.assertEqual(second.position, size)
            self.assertEqual(self.count("fast"), 2)
            self.assertEqual(self.count("erase"), 0)
            self.assertTrue(holds("ota_1", size), at)

    def test_another_writer_goes_on_where_only_sectors_can_be_erased(self):
        self.fault = lambda op, offset: op == "fast"
        writer = self.writer()
        self.put(writer, 2 * SECTOR + 10)
        for _ in range(3):
            writer = self.other(writer)
            self.put(writer, SECTOR)
        writer.finish()
        self.assertEqual([at for op, at in self.seen if op == "erase"], list(range(6)))
        self.assertEqual(self.count("fast"), 1)
        self.assertTrue(holds("ota_1", 5 * SECTOR + 10))

    def test_writer_that_begins_again_erases_again_and_the_slot_holds_the_second_file(self):
        for first, second in (
            (2 * SECTOR, 3 * SECTOR),
            (BLOCK + SECTOR, SECTOR + 10),
            (SECTOR + 10, 2 * SECTOR),
        ):
            self.setUp()
            writer = self.writer()
            space = writer.space()
            for _ in range(-(-first // SECTOR)):
                space[:] = bytes(SECTOR)  # zeros: nothing can be programmed upon them
                writer.taken(min(first - writer.position, SECTOR))
            writer.finish()
            self.seen.clear()
            writer = self.writer()
            self.assertEqual(writer.position, 0)
            write(writer, second)
            self.assertEqual(writer.position, second)
            self.assertEqual(self.seen[0], ("fast", 0))
            self.assertEqual(self.count("fast"), 1)
            self.assertTrue(holds("ota_1", second))

    def test_writer_that_begins_again_in_a_sector_has_an_empty_buffer(self):
        writer = self.writer()
        writer.taken(SECTOR + 100)
        self.assertEqual(len(self.writer().space()), SECTOR)

    def test_slot_erased_by_sectors_is_erased_by_sectors_again(self):
        self.fault = lambda op, offset: op == "fast"
        write(self.writer(), 2 * SECTOR)
        self.seen.clear()
        write(self.writer(), 3 * SECTOR)
        self.assertEqual([at for op, at in self.seen if op == "erase"], [0, 1, 2])
        self.assertTrue(holds("ota_1", 3 * SECTOR))


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
