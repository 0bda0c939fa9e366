"""How the heap gets a little more on a chip without PSRAM, by what the IDF heap and its threads do."""

from enos_ota import board, room
from helpers import Case

ROOM_BYTES = 10_240


class Idf:
    """The IDF heap and the module `_thread`: `regions` are free bytes, each in one block."""

    def __init__(self, *regions, grows_at=3, fails_at=None, error=None) -> None:
        self.regions = list(regions)
        self.stacks = []
        self.next_bytes = 0
        self.locked = False
        self.looks = 0
        self.grows_at = grows_at
        self.fails_at = fails_at
        self.error = error
        self.at_growth = None

    def largest(self):
        if not self.locked and self.stacks:  # the threads have ended
            for region, size_bytes in self.stacks:
                self.regions[region] += size_bytes
            self.stacks = []
        return max(self.regions)

    def free(self):
        # Asked once before the first piece, then after each.
        if self.looks == self.grows_at:
            self.at_growth = self.largest()
            self.regions[self.regions.index(self.at_growth)] = 0
        self.looks += 1
        return sum(self.regions)

    def allocate_lock(self):
        return self

    def acquire(self):
        self.locked = True

    def release(self):
        self.locked = False

    def stack_size(self, size_bytes=0):
        self.next_bytes = size_bytes

    def start_new_thread(self, function, arguments):
        if len(self.stacks) == self.fails_at:
            raise self.error
        for region, free_bytes in enumerate(self.regions):
            if free_bytes >= self.next_bytes:
                self.regions[region] -= self.next_bytes
                self.stacks.append((region, self.next_bytes))
                return
        raise OSError("can't create thread")


class TestRoom(Case):
    def setUp(self) -> None:
        super().setUp()
        self.patch(board, "buffer", None)

    def make(self, *regions, **how):
        idf = Idf(*regions, **how)
        self.patch(board, "largest_free_block", idf.largest)
        self.patch(board, "idf_free_bytes", idf.free)
        self.stand_in("_thread", idf)
        room.make_room()
        self.assertFalse(idf.locked)
        self.assertEqual(idf.next_bytes, 0)
        self.assertEqual(idf.stacks, [])
        return idf

    def test_heap_of_an_esp32_grows_by_ten_kib_at_most_and_all_stacks_are_given_back(self):
        idf = self.make(11_264, 14_336, 110_592)
        self.assertEqual(len(board.buffer), 4096)
        self.assertTrue(4096 < idf.at_growth <= ROOM_BYTES)
        self.assertEqual(sum(idf.regions), 11_264 + 14_336 + 110_592 - idf.at_growth)

    def test_second_time_in_a_boot_does_nothing(self):
        self.patch(board, "buffer", kept := bytearray(4096))
        self.assertEqual(self.make(110_592).looks, 0)
        self.assertTrue(board.buffer is kept)

    def test_memory_that_is_small_or_ample_is_left_alone(self):
        for largest_bytes in (89_999, 180_000, 4_000_000):
            self.assertEqual(self.make(11_264, largest_bytes).looks, 0)
            self.assertIsNone(board.buffer)
        for largest_bytes in (90_000, 179_999):
            self.patch(board, "buffer", None)
            self.make(11_264, largest_bytes)
            self.assertIsNotNone(board.buffer)

    def test_heap_that_does_not_grow_is_left_alone(self):
        self.make(110_592, grows_at=99)
        self.assertIsNone(board.buffer)

    def test_thread_that_cannot_be_started_changes_nothing(self):
        for error in (OSError(12), RuntimeError("thread"), MemoryError()):
            for fails_at in (0, 1):
                idf = self.make(11_264, 14_336, 110_592, fails_at=fails_at, error=error)
                self.assertIsNone(board.buffer)
                self.assertEqual(idf.regions, [11_264, 14_336, 110_592])

    def test_memory_in_many_pieces_changes_nothing(self):
        # The last of them would all be taken at once.
        idf = self.make(*[30_000] * 8, 110_592)
        self.assertIsNone(board.buffer)
        self.assertEqual(idf.looks, 0)
