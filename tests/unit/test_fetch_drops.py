"""A download over connections that are lost: it continues at the byte, and ends when none brings any."""

from contents import SECTOR, File
from enos_ota.errors import DownloadError, LinkError, VerifyError
from lossy import UNKNOWN, Server
from upgrading import OnChip, Pace


class TestDrops(OnChip):
    def test_lost_connection_is_continued_at_the_byte(self):
        server = Server(File())
        server.cuts = [1000, 1, 3000, 4095]
        self.succeeds(File(), server)
        self.assertEqual(server.opened[:2], [0, 1000])
        self.assertEqual(sorted(server.opened), server.opened)

    def test_connection_without_a_byte_six_times_in_a_row_is_the_link_error(self):
        server = Server(File())
        server.cuts = [2000] + [0] * 20
        self.fails(LinkError, File(), server)
        self.assertEqual(server.opened, [0] + [2000] * 6)

    def test_bytes_in_between_renew_the_tries(self):
        server = Server(File())
        server.cuts = ([0] * 5 + [1000]) * 2
        self.succeeds(File(), server)

    def test_each_connection_has_a_source_of_its_own_that_is_told_what_the_others_learned(self):
        server = Server(File())
        server.cuts = [1000, 0]
        self.succeeds(File(), server)
        self.assertEqual(server.asked, (self.agent.config, "context", "https://h/f.bin"))
        self.assertEqual(server.told, [UNKNOWN, ["session 1", "", -1], ["session 2", "", -1]])

    def test_download_from_the_first_byte_once_more_knows_nothing_of_the_former(self):
        # What is fetched again may come of what was learned.
        server = Server(File())
        server.cuts = [1000]
        self.fails(VerifyError, File(), server, sign="0" * 64)
        self.assertEqual(server.opened, [0, 1000, 0])
        self.assertEqual(server.told, [UNKNOWN, ["session 1", "", -1], UNKNOWN])

    def test_slot_is_erased_once_however_often_a_connection_is_lost(self):
        server = Server(File())
        server.cuts = [100, SECTOR, 0, 100]
        self.succeeds(File(), server)
        names = [name for name, _ in self.events]
        self.assertEqual(names, ["fast"] + ["program"] * 3 + ["set_boot"])

    def test_pauses_between_tries_are_those_of_a_lost_server_and_grow(self):
        server = Server(File())
        server.cuts = [0] * 20
        times = []
        server.on_open = lambda at: times.append(self.clock.now_ms)
        self.fails(LinkError, File(), server)
        self.assertEqual(Pace.asked, [(32, 1), (32, 2), (32, 3), (32, 4), (32, 5)])
        pauses = [times[i + 1] - times[i] for i in range(len(times) - 1)]
        self.assertEqual(pauses, [32_000] * 5)

    def test_what_the_server_said_is_not_tried_again(self):
        server = Server(File())
        server.errors = [DownloadError("HTTP 404")]
        self.assertEqual(self.fails(DownloadError, File(), server), "HTTP 404")
        self.assertEqual(server.opened, [0])

    def test_answer_shorter_than_the_rest_is_continued(self):
        # A server may send less than the open range (RFC 9110 §15.3.7): the rest has to be asked for.
        server = Server(File())
        server.served = 3000
        self.succeeds(File(), server)
        self.assertEqual(server.opened, [0, 3000, 6000])

    def test_answer_shorter_than_the_rest_without_a_byte_six_times_is_the_link_error(self):
        server = Server(File())
        server.served = 0
        self.fails(LinkError, File(), server)
        self.assertEqual(server.opened, [0] * 6)

    def test_fruitless_connections_that_fail_in_open_count_too(self):
        server = Server(File())
        server.errors = [None] + [LinkError("refused")] * 5 + [None] + [LinkError("last")] * 6
        server.cuts = [1000] * 2
        self.assertEqual(self.fails(LinkError, File(), server), "last")
        self.assertEqual(server.opened, [0] + [1000] * 6 + [2000] * 6)

    def test_connection_is_closed_whatever_happens(self):
        self.succeeds()
        self.assertTrue(self.server.closed)

    def test_connection_is_closed_after_an_error_too(self):
        self.fails(VerifyError, size_bytes=1)
        self.assertTrue(self.server.closed)
