"""Flash that does not hold what was written at the first attempt: erased and written again, within a budget."""

import images
from enos_ota.errors import BurnError
from slots import SECTOR, OnChip, holds, pattern, write

BUDGET = 16  # of one upgrade
ATTEMPTS = 3  # at one sector


class TestRewrite(OnChip):
    def weak(self, *sectors, fails=1):
        """These sectors hold zeros after each of the first `fails` writes: nothing can be written upon them."""
        left = dict.fromkeys(sectors, fails)

        def fault(op, offset):
            sector = offset // SECTOR
            if op != "program" or not left.get(sector):
                return False
            left[sector] -= 1
            images.put("ota_1", bytes(16), offset + SECTOR // 2)
            return True

        self.fault = fault

    def of(self, sector):
        """What was done to a sector, its part in the erase of a block left out."""
        return [op for op, at in self.seen if at == sector and op != "fast"]

    def test_sector_that_does_not_read_back_is_erased_and_written_again(self):
        self.weak(1)
        writer = self.writer()
        write(writer, 3 * SECTOR)
        self.assertTrue(holds("ota_1", 3 * SECTOR))
        self.assertEqual(self.of(1), ["program", "erase", "program"])
        self.assertEqual(self.of(0), ["program"])
        self.assertEqual(self.of(2), ["program"])
        self.assertEqual(writer.rewritten, 1)

    def test_last_sector_is_written_again_with_its_padding(self):
        self.weak(1)
        write(self.writer(), SECTOR + 10)
        self.assertTrue(holds("ota_1", SECTOR + 10))
        self.assertEqual(images.get("ota_1", SECTOR + 10, 100), b"\xff" * 100)

    def test_third_attempt_is_the_last(self):
        self.weak(1, fails=ATTEMPTS - 1)
        write(self.writer(), 2 * SECTOR)
        self.assertTrue(holds("ota_1", 2 * SECTOR))
        self.seen.clear()
        self.weak(1, fails=ATTEMPTS)
        text = str(self.raised(BurnError, write, self.writer(), 2 * SECTOR))
        self.assertIn("sector 1", text)
        self.assertEqual(self.of(1).count("program"), ATTEMPTS)

    def test_sector_that_erases_at_the_third_attempt_is_taken(self):
        for fails, kind in ((ATTEMPTS - 1, None), (ATTEMPTS, BurnError)):
            self.seen.clear()
            images.put("ota_1", bytes(SECTOR))

            def fault(op, offset):
                if op == "erase":
                    return self.count("erase") <= fails  # noqa: B023 - used before the loop goes on
                return op == "fast"

            self.fault = fault
            error = self.trouble(write, self.writer(), SECTOR)
            self.assertEqual(error and type(error), kind)
            self.assertEqual(self.count("erase"), ATTEMPTS)

    def test_sixteen_rewritten_sectors_are_worn_flash_at_the_next(self):
        for count, kind in ((BUDGET, None), (BUDGET + 1, BurnError)):
            self.weak(*range(count))
            writer = self.writer()
            error = self.trouble(write, writer, (BUDGET + 2) * SECTOR)
            self.assertEqual(error and type(error), kind)
        self.assertIn("sector %d" % BUDGET, str(error))

    def test_another_writer_goes_on_with_the_same_budget(self):
        self.weak(0, 1)
        writer = self.writer(0, 0, BUDGET - 1)
        self.raised(BurnError, write, writer, 2 * SECTOR)
        self.assertEqual(self.of(0), ["program", "erase", "program"])

    def test_rewritten_sector_holds_what_the_writer_was_given_and_not_what_came_later(self):
        self.weak(0)
        writer = self.writer()
        writer.space()[:] = pattern(0, SECTOR)
        writer.taken(SECTOR)
        writer.space()[:] = bytes(SECTOR)
        self.assertTrue(holds("ota_1", SECTOR))
