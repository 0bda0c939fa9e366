"""What one upgrade may spend: connections, time, and sectors written again; then it is given up."""

from contents import SECTOR, File, LongFile
from enos_ota.errors import BurnError, GaveUpError, LinkError
from lossy import Server
from upgrading import OnChip

CONNECTIONS = 100
REWRITES = 16


class Budget(OnChip):
    def setUp(self) -> None:
        super().setUp()
        self.lines = Nothing()


class Nothing:
    """Stands for the list of log lines, of which a hundred would fill the heap."""

    def append(self, text) -> None:
        pass


class Ungrateful(Server):
    """A server that loses each of its first connections after so many bytes; it counts them."""

    def __init__(self, file, losses, bytes_each) -> None:
        super().__init__(file)
        self.count = 0
        self._losses = losses
        self._bytes_each = bytes_each

    async def open(self, position, last=""):
        self.opened.clear()
        self.told.clear()
        self.count += 1
        if self.count <= self._losses:
            self.cuts = [self._bytes_each]
        return await super().open(position, last)


class TestConnections(Budget):
    def test_hundred_connections_that_do_not_suffice_are_given_up(self):
        server = Ungrateful(File(), CONNECTIONS, 50)
        text = self.fails(GaveUpError, File(), server)
        self.assertIn("100 connections", text)
        self.assertEqual(server.count, CONNECTIONS)

    def test_hundredth_connection_that_brings_the_rest_is_enough(self):
        server = Ungrateful(File(), CONNECTIONS - 1, 50)
        self.succeeds(File(), server)
        self.assertEqual(server.count, CONNECTIONS)

    def test_connections_without_a_byte_are_given_up_long_before(self):
        server = Ungrateful(File(), CONNECTIONS, 0)
        self.fails(LinkError, File(), server)
        self.assertEqual(server.count, 6)


class TestTime(Budget):
    def test_no_connection_is_begun_after_the_time_of_an_upgrade(self):
        self.agent.config.upgrade_timeout_s = 60
        begin_ms = self.clock.now_ms
        server = Server(File())
        server.cuts = [100] * 40
        begun_ms = []
        server.on_open = lambda at: begun_ms.append(self.clock.now_ms - begin_ms)
        server.on_receive = lambda at: self.clock.sleep_ms(4000)
        text = self.fails(GaveUpError, File(), server)
        self.assertIn("60 s", text)
        self.assertTrue(50_000 <= max(begun_ms) <= 60_000, begun_ms)
        self.assertTrue(self.clock.now_ms - begin_ms <= 66_000)

    def test_one_slow_connection_ends_with_its_first_block_after_the_time(self):
        self.agent.config.upgrade_timeout_s = 60
        server = Server(LongFile((512, 40 * SECTOR)))
        server.chunk = SECTOR
        server.on_receive = lambda at: self.clock.sleep_ms(2000)
        self.fails(GaveUpError, server.file, server, sign="0" * 64)
        self.assertEqual(server.opened, [0])
        self.assertEqual(server.received, 2 * 65_536)  # 32 s each

    def test_time_enough_is_no_reason(self):
        self.agent.config.upgrade_timeout_s = 60
        server = Server(File())
        server.on_receive = lambda at: self.clock.sleep_ms(6000)
        self.succeeds(File(), server)

    def test_time_of_an_upgrade_runs_from_its_begin_and_not_from_the_boot(self):
        self.clock.sleep_ms(8_000_000)
        self.succeeds()


class TestSectors(Budget):
    def test_rewritten_sectors_are_counted_over_all_connections(self):
        left = list(range(REWRITES + 1))  # sectors that fail once

        def saw(operation, label, offset, size):
            if operation == "program" and offset // SECTOR in left:
                left.remove(offset // SECTOR)
                return True
            return None

        file = LongFile((512, 20 * SECTOR))
        server = Server(file)
        server.cuts = [5 * SECTOR + 100] * 4
        server.chunk = SECTOR
        self.chip.on = saw
        self.assertIn("sector %d" % REWRITES, self.fails(BurnError, file, server, sign="0" * 64))
        self.assertEqual(left, [])
        self.assertTrue(len(server.opened) > 2)
