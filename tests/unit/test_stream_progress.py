"""What EnOS hears while a file arrives."""

from contents import File
from enos_ota.errors import VerifyError
from lossy import Server
from upgrading import OnChip


class TestProgress(OnChip):
    def steps(self):
        return self.agent.steps()

    def test_progress_rises_from_the_first_bytes_to_98(self):
        self.succeeds()
        steps = self.steps()
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(steps[-1], 98)
        self.assertTrue(steps[0] < 20)

    def test_progress_begins_with_the_first_bytes(self):
        server = Server(File())
        server.chunk = 64
        self.succeeds(File(), server)
        self.assertTrue(self.steps()[0] <= 98 * (288 + 64) // File().size)

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
