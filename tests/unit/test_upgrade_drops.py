"""One upgrade: connections that are lost, and what EnOS hears meanwhile."""

from enos_ota.errors import DownloadError, LinkError, VerifyError
from upgrading import File, OnChip, Server


class TestDrops(OnChip):
    def test_lost_connection_is_continued_at_the_byte(self):
        server = Server(File())
        server.cuts = [1000, 1, 3000, 4095]
        self.succeeds(File(), server)
        self.assertEqual(server.opened[:2], [0, 1000])
        self.assertEqual(sorted(server.opened), server.opened)

    def test_connection_without_a_byte_five_times_in_a_row_is_the_link_error(self):
        server = Server(File())
        server.cuts = [2000] + [0] * 20
        self.fails(LinkError, File(), server)
        self.assertEqual(server.opened, [0] + [2000] * 5)

    def test_bytes_in_between_renew_the_tries(self):
        server = Server(File())
        server.cuts = ([0] * 4 + [1000]) * 3
        self.succeeds(File(), server)

    def test_pauses_between_tries_grow(self):
        server = Server(File())
        server.cuts = [0] * 20
        times = []
        opening = server.open

        async def open(offset):
            times.append(self.clock.now_ms)
            return await opening(offset)

        server.open = open
        self.fails(LinkError, File(), server)
        pauses = [times[i + 1] - times[i] for i in range(len(times) - 1)]
        self.assertEqual(pauses, sorted(pauses))
        self.assertTrue(pauses[0] >= 1000)

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

    def test_connection_is_closed_whatever_happens(self):
        self.succeeds()
        self.assertTrue(self.server.closed)

    def test_connection_is_closed_after_an_error_too(self):
        self.fails(VerifyError, size_bytes=1)
        self.assertTrue(self.server.closed)


class TestProgress(OnChip):
    def steps(self):
        return [step for step, _ in self.agent.reports]

    def test_progress_rises_from_the_first_bytes_to_98(self):
        self.succeeds()
        steps = self.steps()
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(steps[-1], 98)
        self.assertTrue(steps[0] < 20)

    def test_progress_desc_begins_with_the_version(self):
        self.succeeds()
        for _, desc in self.agent.reports:
            self.assertTrue(desc.startswith("2.0: "))

    def test_progress_is_said_after_five_percent_while_it_is_fast(self):
        server = Server(File())
        server.chunk = 64
        self.succeeds(File(), server)
        steps = self.steps()
        gains = [steps[i + 1] - steps[i] for i in range(1, len(steps) - 2)]
        self.assertTrue(min(gains) >= 5, steps)
        self.assertTrue(max(gains) <= 7, steps)

    def test_progress_is_said_every_two_seconds_while_it_is_slow(self):
        server = Server(File())
        server.chunk = 41  # half a percent
        times = []
        self.agent.report = lambda step, desc: times.append((self.clock.now_ms, step))
        server.on_receive = lambda at: self.clock.sleep_ms(500)
        self.succeeds(File(), server)
        gaps = [times[i + 1][0] - times[i][0] for i in range(1, len(times) - 2)]
        self.assertTrue(min(gaps) >= 2000, gaps)
        self.assertTrue(max(gaps) <= 3000, gaps)

    def test_progress_does_not_fall_when_a_connection_is_lost(self):
        server = Server(File())
        server.cuts = [3000, 0, 0, 100, 2000]
        self.succeeds(File(), server)
        self.assertEqual(self.steps(), sorted(set(self.steps())))

    def test_nothing_is_said_of_a_file_that_is_refused_by_its_size(self):
        self.fails(VerifyError, size_bytes=7)
        self.assertEqual(self.agent.reports, [])
