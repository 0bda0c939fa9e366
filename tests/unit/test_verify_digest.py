"""The digest of a slot: of as many bytes as the file has, and as the flash gives them back."""

import asyncio
import binascii
import gc
import hashlib

import images
import slots
from enos_ota import verify
from esp32 import Partition
from helpers import run
from slots import BUF, SECTOR, pattern, write


class TestDigest(slots.OnChip):
    content = 0

    def digest(self, size, method="sha256"):
        return self.digests(size, method)[0]

    def digests(self, size, method="sha256"):
        for i in range(SECTOR):
            BUF[i] = 0xA5  # it is the writer's no more
        return run(verify.digest(Partition("ota_1"), size, BUF, method, self.content))

    def test_digest_equals_hashlib_for_lengths_around_sector_borders(self):
        for size in (1, SECTOR - 1, SECTOR, SECTOR + 1, 9 * SECTOR - 1, 9 * SECTOR):
            md5, sha256 = hashlib.md5(b"\xe9"), hashlib.sha256(b"\xe9")
            for at in range(0, size, SECTOR):
                piece = pattern(at, min(SECTOR, size - at))[not at :]
                md5.update(piece)
                sha256.update(piece)
            write(self.writer(), size)
            for method, wanted in (("md5", md5.digest()), ("sha256", sha256.digest())):
                found = self.digest(size, method)
                self.assertEqual(binascii.hexlify(found), binascii.hexlify(wanted), (size, method))

    def test_digest_is_taken_from_flash(self):
        write(self.writer(), SECTOR + 10)
        before = self.digest(SECTOR + 10)
        for at in (1, SECTOR - 1, SECTOR + 9):
            images.put("ota_1", b"\x00", at)
            after = self.digest(SECTOR + 10)
            self.assertNotEqual(after, before)
            before = after

    def test_first_byte_counts_as_that_of_an_image_though_it_is_still_blank(self):
        write(self.writer(), SECTOR + 10)
        before = self.digest(SECTOR + 10)
        images.put("ota_1", b"\xe9")
        self.assertEqual(self.digest(SECTOR + 10), before)

    def test_digest_of_the_content_leaves_out_the_last_sector(self):
        write(self.writer(), 4 * SECTOR)
        for sectors in range(4):
            self.content = sectors * SECTOR
            content = self.digests(4 * SECTOR, "md5")[1]
            self.content = 0
            wanted = self.digest(sectors * SECTOR) if sectors else hashlib.sha256().digest()
            self.assertEqual(content, wanted, sectors)

    def test_digest_leaves_out_what_follows_the_file(self):
        write(self.writer(), SECTOR + 10)
        before = self.digest(SECTOR + 10, "md5")
        images.put("ota_1", b"\x00", SECTOR + 10)
        self.assertEqual(self.digest(SECTOR + 10, "md5"), before)

    def test_digest_lets_others_run_after_two_sectors_at_most(self):
        turns = []

        async def count():
            while True:
                turns.append(0)
                await asyncio.sleep_ms(0)

        def fault(operation, label, offset, size):
            turns[-1] += size == SECTOR

        async def both():
            task = asyncio.create_task(count())
            await asyncio.sleep_ms(0)
            self.chip.on = fault
            await verify.digest(Partition("ota_1"), 9 * SECTOR, BUF, "sha256")
            task.cancel()

        run(both())
        self.assertEqual(sum(turns), 9)
        self.assertTrue(max(turns) <= 2, turns)

    def test_digest_takes_little_of_the_heap_whatever_the_size(self):
        taken = []
        for sectors in (4, 64):
            slot = images.EchoSlot()
            gc.collect()
            gc.disable()
            try:
                before = gc.mem_alloc()
                run(verify.digest(slot, sectors * SECTOR, BUF, "sha256"))
                taken.append(gc.mem_alloc() - before)
            finally:
                gc.enable()
        self.assertTrue((taken[1] - taken[0]) // 60 < 64, taken)
