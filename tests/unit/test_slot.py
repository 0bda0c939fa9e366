"""Writing a slot: chunks of any size, what it takes of the heap, and what flash that fails does."""

import gc

import images
from enos_ota.errors import BurnError, UpgradeError
from enos_ota.slot import SlotWriter
from esp32 import Partition
from slots import BUF, FLAG, SECTOR, OnChip, holds, pattern, write


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

    def test_nothing_taken_programs_nothing(self):
        # So a chunked answer may end on a sector's border, or before it began.
        writer = self.writer()
        writer.taken(0)
        writer.taken(SECTOR)
        writer.taken(0)
        self.assertEqual(writer.position, SECTOR)
        self.assertEqual(self.count("program"), 1)

    def test_finish_on_a_sector_border_programs_nothing_more(self):
        writer = self.writer()
        write(writer, 2 * SECTOR)
        self.assertEqual(self.count("program"), 2)

    def test_file_of_one_and_of_two_bytes(self):
        for size, wanted in ((1, b"\xff\xff\xff"), (2, b"\xff\x02\xff")):
            write(self.writer(), size)
            self.assertEqual(images.get("ota_1", 0, 3), wanted)

    def test_first_byte_of_the_slot_stays_blank_and_no_other_sectors(self):
        # Until the file is proven, it is no image for the bootloader.
        write(self.writer(), 2 * SECTOR, 1000)
        self.assertEqual(images.get("ota_1", 0, 2), b"\xff\x02")
        self.assertEqual(images.get("ota_1", SECTOR, 1), bytes(pattern(SECTOR, 1)))

    def test_first_byte_stays_blank_in_a_sector_that_is_written_again(self):
        left = [2]

        def fault(op, offset):
            if op == "program" and left[0]:
                left[0] -= 1
                images.put("ota_1", bytes(16), 2048)
                return True
            return False

        self.fault = fault
        write(self.writer(), SECTOR)
        self.assertEqual(self.count("program"), 3)
        self.assertTrue(holds("ota_1", SECTOR))


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
        self.assertIn("sector 0 does not erase", self.burn_error())
        self.assertEqual(self.count("program"), 0)

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
        del self.chip.nvs[FLAG]
        self.chip.nvs_full = True
        self.burn_error()
        self.assertEqual(self.seen, [])

    def test_encrypted_slot_is_refused(self):
        class Encrypted(Partition):
            def info(self):
                return super().info()[:5] + (True,)

        self.raised(UpgradeError, SlotWriter, Encrypted("ota_1"), bytearray(SECTOR))
        self.assertEqual(self.seen, [])


class TestMemory(OnChip):
    def test_full_sectors_within_a_block_allocate_nothing(self):
        from micropython import heap_lock, heap_unlock

        self.chip.nvs[FLAG] = images.ELF + b"+"
        writer = SlotWriter(images.EchoSlot(), BUF)
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

    def test_writer_holds_little_more_than_its_sector(self):
        self.writer()
        gc.collect()
        before = gc.mem_alloc()
        writer = self.writer()
        gc.collect()
        self.assertTrue(gc.mem_alloc() - before < 2048, gc.mem_alloc() - before)
        del writer
