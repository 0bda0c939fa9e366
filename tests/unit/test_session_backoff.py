"""How long a device waits before its next connection: a fleet that lost its server must not come back at once."""

import random

from broker import WithBroker
from enos_ota import session
from enos_ota.errors import LinkError
from enos_ota.session import backoff_ms

SAMPLES = 300


def samples(spread_s, failures):
    return [backoff_ms(spread_s, failures) for _ in range(SAMPLES)]


class TestSpread(WithBroker):
    def setUp(self) -> None:
        super().setUp()
        random.seed(1)

    def test_wait_is_from_a_second_to_the_spread_doubled_with_each_failure_to_16_times_it(self):
        for spread_s in (2, 32, 600):
            for failures, times in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 16), (1000, 16)):
                waits = samples(spread_s, failures)
                self.assertTrue(min(waits) >= 1000, (spread_s, failures))
                self.assertTrue(max(waits) <= spread_s * 1000 * times, (spread_s, failures))

    def test_wait_is_anywhere_in_its_range(self):
        # In each quarter of it, and a tenth of all at least: else the fleet comes in a lump.
        for spread_s, failures, most_ms in ((32, 1, 32_000), (32, 4, 256_000), (600, 9, 9_600_000)):
            waits = samples(spread_s, failures)
            for quarter in range(4):
                from_ms, to_ms = quarter * most_ms // 4, (quarter + 1) * most_ms // 4
                count = len([wait for wait in waits if from_ms <= wait < to_ms])
                self.assertTrue(count >= SAMPLES // 10, (failures, quarter, count))

    def test_wait_is_never_below_the_second_that_enos_allows(self):
        # A session lost at once is followed by the shortest wait; EnOS allows one connection per second.
        for spread_s in (-1, 0, 1):
            for failures in (1, 4, 9):
                self.assertTrue(min(samples(spread_s, failures)) >= 1000)
        for _ in range(20):
            self.assertTrue(self.make().backoff_ms() >= 1000)

    def test_wait_differs_between_devices(self):
        seen = set()
        for _ in range(20):
            made = self.make()
            for _ in range(6):
                delay_ms = made.backoff_ms()
            seen.add(delay_ms)
        self.assertTrue(len(seen) > 5)


class TestFailures(WithBroker):
    def setUp(self) -> None:
        super().setUp()
        self.patch(session, "backoff_ms", lambda spread_s, failures: (spread_s, failures))

    def grown(self):
        """Failures in a row that the next wait is for; ten more follow it."""
        spread_s, failures = self.session.backoff_ms()
        self.assertEqual(spread_s, 32)
        for _ in range(10):
            self.session.backoff_ms()
        return failures

    def test_failures_are_counted_and_the_spread_is_the_configured_one(self):
        made = self.make(spread_s=7)
        self.assertEqual([made.backoff_ms() for _ in range(3)], [(7, 1), (7, 2), (7, 3)])

    def test_failures_begin_anew_after_an_answered_request(self):
        self.assertEqual(self.grown(), 1)
        self.connect()
        self.request(self.reply)
        self.assertEqual(self.grown(), 1)

    def test_failures_begin_anew_after_an_answered_ping(self):
        self.grown()
        self.connect()
        self.clock.sleep_ms(31_000)
        self.session.poll()
        self.assertEqual(self.broker.peer.waiting(), b"\xc0\x00")
        self.clock.sleep_ms(1000)
        self.broker.peer.send(b"\xd0\x00")
        self.session.poll()
        self.clock.sleep_ms(31_000)
        self.session.poll()
        self.assertEqual(self.grown(), 1)

    def test_failures_go_on_after_a_session_that_answered_nothing(self):
        # A broker that accepts and drops at once must not be asked each second for ever.
        self.grown()
        for wanted, lived_ms in ((12, 0), (23, 31_000)):
            self.connect()
            self.clock.sleep_ms(lived_ms)
            self.session.poll()
            self.broker.peer.close()
            self.raised(LinkError, self.session.poll)
            self.session.close()
            self.assertEqual(self.grown(), wanted)
