"""What a download takes of the heap as it goes on: nothing that grows with the file's sectors."""

import asyncio
import gc
import sys

import images
from contents import SECTOR, File
from helpers import run
from upgrading import OnChip

SECTORS = 64


class Flow:
    """An answer of `left_bytes` that takes no memory, in pieces of at most `piece` bytes.

    taken: bytes of heap that were taken between its first piece and its last.
    """

    def __init__(self, piece) -> None:
        self.piece = piece
        self.left_bytes = SECTORS * SECTOR
        self.taken = 0
        self._before = None

    def receive_now(self, buf):
        if self._before is None:
            gc.collect()
            gc.disable()  # what it could give back is counted, too
            self._before = gc.mem_alloc()
        count = min(len(buf), self.piece, self.left_bytes)
        self.left_bytes -= count
        if not self.left_bytes:
            self.taken = gc.mem_alloc() - self._before
            gc.enable()
        return count


class TestStream(OnChip):
    def taken(self, piece):
        """Bytes of heap per sector that a download takes."""
        sys.modules["asyncio"] = asyncio  # the one that sleeps by the clock allocates
        self.agent.report = lambda step, desc: None
        self.chip.nvs[("enos_ota", "erase")] = b"O" * 32 + b"+"  # as the running image
        job = self.work(File())
        from enos_ota.stream import stream

        job.target = images.EchoSlot()
        job.size_bytes = SECTORS * SECTOR
        job.headers = 1  # all of them have passed
        flow = Flow(piece)
        try:
            run(stream(job, flow))
        finally:
            gc.enable()
        self.assertEqual(job.position, SECTORS * SECTOR)
        print(
            "pieces of %d: %d bytes of heap, %d a sector"
            % (piece, flow.taken, flow.taken // SECTORS)
        )
        return flow.taken // SECTORS

    def test_download_in_whole_sectors_allocates_nothing_per_sector(self):
        self.assertTrue(self.taken(SECTOR) < 32)

    def test_download_in_tls_records_allocates_a_view_a_piece(self):
        self.assertTrue(0 < self.taken(1369) < 128)
