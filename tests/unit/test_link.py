"""What a session needs of the network, and the parts of `board` that link and agent rely on."""

import sys

import machine
import network
from enos_ota import board, link
from enos_ota.errors import LinkError
from helpers import Case, run
from joining import Config


class Known:
    """Stands for the agent: what `prepare` reads of it, and what it sets."""

    beat_ms = 0
    failures = 0  # of the session

    def __init__(self, config) -> None:
        self.config = config
        self.session = self


class TestPrepare(Case):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.slow(link)
        self.patch(link, "log", lambda level, text: None)
        network.State.reset()
        network.State.joined = "home"
        self.config = Config()
        self.agent = Known(self.config)

    def test_prepare_joins(self):
        network.State.known = {"home": "secret"}
        network.State.joined = None
        network.State.polls_to_join = 0
        self.config.wifi = [{"ssid": "home", "password": "secret"}]
        run(link.prepare(self.agent))
        self.assertEqual(network.State.joined, "home")

    def test_prepare_leaves_a_network_for_each_sixteenth_session_that_failed_in_a_row(self):
        # It may be joined and dead. Sixteen take an hour.
        self.config.wifi = [{"ssid": "home", "password": "secret"}]
        network.State.known = {"home": "secret"}
        for failures in range(33):
            self.agent.failures = failures
            network.State.asked = []
            run(link.prepare(self.agent))
            self.assertEqual(network.State.asked, ["home"] if failures in (15, 31) else [])

    def test_prepare_is_no_main_loop_that_hangs_while_it_tries_many_networks(self):
        network.State.known = {}
        network.State.joined = None
        self.config.wifi = [{"ssid": "gone"}] * 20
        start_ms = self.agent.beat_ms = self.clock.now_ms
        self.raised(LinkError, run, link.prepare(self.agent))
        took_ms = self.clock.now_ms - start_ms
        self.assertTrue(took_ms > 300_000)
        self.assertTrue(start_ms + took_ms - 1000 <= self.agent.beat_ms <= self.clock.now_ms)

    def test_prepare_without_a_network_is_a_link_error(self):
        network.State.known = {}
        network.State.joined = None
        self.config.wifi = [{"ssid": "home", "password": "secret"}]
        self.raised(LinkError, run, link.prepare(self.agent))


class TestBoard(Case):
    """The parts of `board` that link and agent rely on."""

    def test_set_clock_counts_from_the_chips_epoch(self):
        import time

        board.set_clock(946_684_800 + 1000)
        t = time.gmtime(1000)
        self.assertEqual(machine.State.clock, (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))

    def test_ntp_time_is_that_of_the_host_in_unix_seconds(self):
        class Ntp:
            """Stands for `ntptime`, which counts from the chip's epoch."""

            host = "pool.ntp.org"

            @classmethod
            def time(cls):
                return 1000

        sys.modules["ntptime"] = Ntp
        try:
            self.assertEqual(board.ntp_time("ntp.local"), 946_684_800 + 1000)
        finally:
            del sys.modules["ntptime"]
        self.assertEqual(Ntp.host, "ntp.local")

    def test_watchdog_is_in_seconds_and_reset_does_not_return(self):
        board.watchdog(60)
        self.assertEqual(machine.State.watchdog_ms, 60_000)
        self.assertTrue(self.is_reset(board.reset))

    def test_largest_free_block_is_that_of_all_regions(self):
        import esp32

        esp32.chip.largest_block = 12_345
        self.assertEqual(board.largest_free_block(), 30_000)
        esp32.chip.largest_block = 54_321
        self.assertEqual(board.largest_free_block(), 54_321)

    def test_blob_that_is_not_there_is_empty_and_namespaces_are_apart(self):
        import esp32

        esp32.power_up()
        self.assertEqual(board.load_blob("x"), b"")
        board.save_blob("x", b"1")
        board.save_blob("x", b"2", board.STUBS)
        self.assertEqual(board.load_blob("x"), b"1")
        self.assertEqual(board.load_blob("x", board.STUBS), b"2")

    def test_blob_is_read_up_to_its_size_limit_and_a_longer_one_is_none(self):
        import esp32

        esp32.power_up()
        for size_bytes in (100, 256, 1024, 2048):
            for more in (0, 1):
                board.save_blob("x", bytes(size_bytes + more))
                found = board.load_blob("x", size_bytes=size_bytes)
                self.assertEqual(len(found), 0 if more else size_bytes)
