"""The clock, and what a session needs besides."""

import sys

import machine
import network
from enos_ota import board, link
from enos_ota.errors import LinkError
from enos_ota.link import Link
from helpers import Case, run
from joining import Config


class NoNtp:
    """Stands for `ntptime`."""

    host = "pool.ntp.org"
    asked = []
    error = None
    answer_s = 0

    @classmethod
    def settime(cls) -> None:
        cls.asked.append(cls.host)
        if cls.error:
            raise cls.error
        Timed.now_s = cls.answer_s


class Timed(Case):
    now_s = 0

    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(link, "log", lambda level, text: self.lines.append(text))
        self.patch(board, "unix_time", lambda: Timed.now_s)
        self.set = []
        self.patch(board, "set_clock", self.set.append)
        sys.modules["ntptime"] = NoNtp
        NoNtp.asked = []
        NoNtp.error = None
        NoNtp.answer_s = 1_800_000_000
        Timed.now_s = 946_684_800
        self.config = Config()
        self.config.ntp = "ntp.local"


class TestClock(Timed):
    def test_ntp_is_asked_where_configured(self):
        Link(self.config).set_clock(0)
        self.assertEqual(NoNtp.asked, ["ntp.local"])
        self.assertEqual(self.set, [])

    def test_ntp_is_asked_once_a_day(self):
        made = Link(self.config)
        made.set_clock(0)
        made.set_clock(0)
        Timed.now_s += 86_300
        made.set_clock(0)
        self.assertEqual(len(NoNtp.asked), 1)
        Timed.now_s += 200
        made.set_clock(0)
        self.assertEqual(len(NoNtp.asked), 2)

    def test_ntp_without_an_answer_is_asked_again_and_the_floor_holds(self):
        NoNtp.error = OSError(-202)
        made = Link(self.config)
        made.set_clock(1_700_000_000)
        self.assertEqual(self.set, [1_700_000_000])
        made.set_clock(1_700_000_000)
        self.assertEqual(len(NoNtp.asked), 2)

    def test_ntp_that_tells_a_time_before_the_release_is_not_believed(self):
        NoNtp.answer_s = 1_000_000_000
        Link(self.config).set_clock(1_700_000_000)
        self.assertEqual(self.set, [1_700_000_000])

    def test_without_ntp_the_build_time_is_the_floor(self):
        self.config.ntp = ""
        made = Link(self.config)
        made.set_clock(1_700_000_000)
        self.assertEqual(self.set, [1_700_000_000])
        Timed.now_s = 1_700_000_001
        made.set_clock(1_700_000_000)
        self.assertEqual(len(self.set), 1)
        self.assertEqual(NoNtp.asked, [])


class Known:
    """Stands for the agent: what `prepare` reads of it, and what it sets."""

    beat_ms = 0
    clock_set_s = 0
    floor_s = 1_700_000_000
    context = None

    failures = 0  # of the session

    def __init__(self, config) -> None:
        self.config = config
        self.session = self


class Trust:
    """Stands for the module `enos_ota.trust`."""

    made = []

    @classmethod
    def tls_context(cls, paths):
        cls.made.append(paths)
        return "context %d" % len(cls.made)


class TestPrepare(Timed):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.slow(link)
        sys.modules["enos_ota.trust"] = Trust
        Trust.made = []
        network.State.reset()
        network.State.joined = "home"
        self.config.ca = ["/ca.der"]
        self.agent = Known(self.config)

    def tearDown(self) -> None:
        del sys.modules["enos_ota.trust"]
        super().tearDown()

    def test_prepare_joins_sets_the_clock_and_makes_the_context_of_tls(self):
        network.State.known = {"home": "secret"}
        network.State.joined = None
        network.State.polls_to_join = 0
        self.config.wifi = [{"ssid": "home", "password": "secret"}]
        run(link.prepare(self.agent))
        self.assertEqual(network.State.joined, "home")
        self.assertEqual(NoNtp.asked, ["ntp.local"])
        self.assertEqual(self.agent.clock_set_s, NoNtp.answer_s)
        self.assertEqual(self.agent.context, "context 1")
        self.assertEqual(Trust.made, [["/ca.der"]])

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

    def test_prepare_again_asks_for_no_time_of_the_same_day_and_makes_no_other_context(self):
        for _ in range(3):
            run(link.prepare(self.agent))
        self.assertEqual(len(NoNtp.asked), 1)
        self.assertEqual(self.agent.context, "context 1")

    def test_prepare_without_an_answer_of_ntp_sets_the_clock_to_the_build_time(self):
        NoNtp.error = OSError(-202)
        run(link.prepare(self.agent))
        self.assertEqual(self.set, [1_700_000_000])
        self.assertEqual(self.agent.clock_set_s, 0)

    def test_prepare_without_a_network_asks_nobody_and_is_a_link_error(self):
        network.State.known = {}
        network.State.joined = None
        self.config.wifi = [{"ssid": "home", "password": "secret"}]
        self.raised(LinkError, run, link.prepare(self.agent))
        self.assertEqual(NoNtp.asked, [])
        self.assertEqual(Trust.made, [])

    def test_prepare_lets_others_run_between_two_look_ups(self):
        # One may block for as long as the watchdog allows.
        turns = []

        async def other():
            turns.append(len(NoNtp.asked))

        async def both():
            import asyncio

            task = asyncio.create_task(other())
            await link.prepare(self.agent)
            self.assertEqual(turns, [1])
            await task

        run(both())


class TestBoard(Case):
    """The parts of `board` that link and agent rely on."""

    def test_set_clock_counts_from_the_chips_epoch(self):
        import time

        board.set_clock(946_684_800 + 1000)
        t = time.gmtime(1000)
        self.assertEqual(machine.State.clock, (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))

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
