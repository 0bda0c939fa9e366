"""The way to the network, and the clock."""

import sys

import machine
import network
from enos_ota import board, link
from enos_ota.errors import LinkError, StarvedError
from enos_ota.link import Link
from helpers import Case, run


class Config:
    network = "wifi"
    ntp = ""
    wifi = ()


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


class TestJoin(Case):
    def setUp(self) -> None:
        super().setUp()
        self.clock = self.slow(link)
        self.patch(link, "log", lambda level, text: None)
        air = network.State
        air.known = {"home": "secret", "guest": ""}
        air.joined = air.error = air._pending = None
        air.active = False
        air.asked = []
        air.polls_to_join = 3

    def up(self, *wifi, again=False, **settings):
        config = Config()
        config.wifi = [{"ssid": ssid, "password": password} for ssid, password in wifi]
        for name, value in settings.items():
            setattr(config, name, value)
        return run(Link(config).up(again))

    def test_configured_network_is_joined(self):
        self.up(("home", "secret"))
        self.assertEqual(network.State.joined, "home")
        self.assertTrue(self.clock.now_ms < 20_000)

    def test_joined_network_is_left_alone(self):
        network.State.joined = "home"
        self.up(("other", "x"))
        self.assertEqual(network.State.asked, [])

    def test_joined_network_is_joined_again_where_it_leads_nowhere(self):
        network.State.joined = "home"
        self.up(("home", "secret"), again=True)
        self.assertEqual((network.State.asked, network.State.joined), (["home"], "home"))

    def test_network_that_no_setting_names_is_never_left(self):
        network.State.joined = "home"
        self.up(again=True)
        self.assertEqual((network.State.asked, network.State.joined), ([], "home"))

    def test_networks_are_tried_in_order_each_for_20_s(self):
        start = self.clock.now_ms
        self.up(("gone", "x"), ("home", "wrong"), ("home", "secret"))
        self.assertEqual(network.State.asked, ["gone", "home", "home"])
        self.assertTrue(40_000 <= self.clock.now_ms - start <= 61_000)

    def test_none_to_be_joined_is_a_link_error_without_the_password(self):
        text = str(self.raised(LinkError, self.up, ("home", "hunter2")))
        self.assertFalse("hunter2" in text)
        self.raised(LinkError, self.up)

    def test_link_of_the_application_is_not_touched(self):
        self.up(("home", "secret"), network="external")
        self.assertEqual(network.State.asked, [])
        self.assertFalse(network.State.active)

    def test_station_is_made_active_only_when_nothing_is_joined(self):
        # With a link it is the application's business.
        network.State.joined = "home"
        self.up(("home", "secret"))
        self.assertFalse(network.State.active)
        network.State.joined = None
        self.up(("home", "secret"))
        self.assertTrue(network.State.active)

    def test_station_that_the_application_turns_off_is_starvation(self):
        network.State.known = {}

        def turn_off():
            if self.clock.now_ms > 15_000:
                network.State.active = False

        self.clock.on_sleep = turn_off
        error = self.raised(StarvedError, self.up, ("home", "secret"), ("guest", ""))
        self.assertIn("application", str(error))
        self.assertEqual(network.State.asked, ["home"])
        self.assertTrue(self.clock.now_ms < 16_000)

    def test_driver_that_refuses_is_a_link_error(self):
        # The esp32 port raises OSError from `connect`; it must not keep the other networks from a try.
        network.State.error = OSError("Wifi Internal State Error")
        self.raised(LinkError, self.up, ("home", "secret"), ("guest", ""))

    def test_entry_without_a_password_is_an_open_network_or_named(self):
        # A KeyError would keep the networks after it from ever being tried.
        config = Config()
        config.wifi = [{"ssid": "guest"}, {"ssid": "home", "password": "secret"}]
        run(Link(config).up())
        self.assertTrue(network.State.joined is not None)


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
        self.slow(link)
        sys.modules["enos_ota.trust"] = Trust
        Trust.made = []
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
