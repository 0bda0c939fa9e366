"""Wi-Fi by the settings: several networks, and what the application may do with it."""

from enos_ota.errors import LinkError, StarvedError
from joining import GUEST, HOME, Joining

GONE = ("gone", "x")


class TestJoin(Joining):
    def test_configured_network_is_joined(self):
        self.up(HOME)
        self.assertEqual(self.air.joined, "home")
        self.assertTrue(self.clock.now_ms < 20_000)

    def test_joined_network_is_left_alone(self):
        self.air.joined = "home"
        self.up(("other", "x"))
        self.assertEqual(self.air.asked, [])

    def test_network_that_the_driver_joins_again_by_itself_meanwhile_will_do(self):
        def join():
            if self.clock.now_ms > 10_000:
                self.air.joined = "guest"

        self.clock.on_sleep = join
        self.up(GONE)
        self.assertEqual(self.air.asked, ["gone"])
        self.assertTrue(self.clock.now_ms < 11_000)

    def test_station_is_made_active_only_when_nothing_is_joined(self):
        # With a link it is the application's business.
        self.air.joined = "home"
        self.up(HOME)
        self.assertFalse(self.air.active)
        self.air.joined = None
        self.up(HOME)
        self.assertTrue(self.air.active)

    def test_station_is_not_made_active_where_no_network_is_configured(self):
        # The application may have its own, or an access point to be configured through.
        self.raised(LinkError, self.up)
        self.assertFalse(self.air.active)

    def test_none_to_be_joined_is_a_link_error_without_the_password(self):
        text = str(self.raised(LinkError, self.up, ("home", "hunter2")))
        self.assertFalse("hunter2" in text + "".join(self.lines))

    def test_network_that_is_not_joined_is_named_with_the_status_of_the_driver(self):
        self.raised(LinkError, self.up, GONE)
        self.assertEqual(self.lines, ["Wi-Fi: gone not joined, status 201"])


class TestSeveral(Joining):
    def test_first_network_in_the_air_is_joined_each_has_8_s(self):
        start_ms = self.clock.now_ms
        self.up(GONE, ("home", "wrong"), HOME, GUEST)
        self.assertEqual(self.air.asked, ["gone", "home", "home"])
        self.assertTrue(16_000 <= self.clock.now_ms - start_ms <= 17_000)

    def test_slow_network_is_given_20_s_in_a_second_round(self):
        self.air.polls_to_join = 150
        start_ms = self.clock.now_ms
        self.up(GONE, HOME)
        self.assertEqual(self.air.asked, ["gone", "home"] * 2)
        self.assertTrue(51_000 <= self.clock.now_ms - start_ms <= 52_000)

    def test_only_network_has_20_s_at_once(self):
        self.air.polls_to_join = 150
        self.up(HOME)
        self.assertEqual(self.air.asked, ["home"])

    def test_none_in_the_air_takes_28_s_each(self):
        start_ms = self.clock.now_ms
        self.raised(LinkError, self.up, GONE, ("home", "wrong"))
        self.assertTrue(56_000 <= self.clock.now_ms - start_ms <= 56_200)

    def test_entry_that_cannot_be_used_keeps_no_other_from_a_try(self):
        for entry in ({"password": "x"}, {"ssid": 7}, "home", None):
            self.air.joined = None
            self.config.wifi = [entry, {"ssid": "home", "password": "secret"}]
            self.up()
            self.assertEqual(self.air.joined, "home")

    def test_entry_without_a_password_is_an_open_network(self):
        self.config.wifi = [{"ssid": "guest"}]
        self.up()
        self.assertEqual(self.air.joined, "guest")

    def test_driver_that_refuses_is_a_link_error(self):
        # The esp32 port raises OSError from `connect`; it must not keep the other networks from a try.
        self.air.error = OSError("Wifi Internal State Error")
        self.raised(LinkError, self.up, HOME, GUEST)


class TestAgain(Joining):
    """The network is joined, and seems dead."""

    def setUp(self) -> None:
        super().setUp()
        self.air.active = True
        self.air.joined = "home"

    def test_only_network_is_joined_anew(self):
        self.up(HOME, again=True)
        self.assertEqual((self.air.asked, self.air.joined), (["home"], "home"))

    def test_next_network_has_its_turn(self):
        self.up(HOME, GUEST, again=True)
        self.assertEqual((self.air.asked, self.air.joined), (["guest"], "guest"))

    def test_network_that_was_dead_is_the_last_from_now_on(self):
        self.up(HOME, GUEST, again=True)
        self.air.joined = None
        self.up()
        self.assertEqual(self.air.asked, ["guest", "guest"])

    def test_network_is_joined_anew_where_it_is_the_only_one_in_the_air(self):
        self.up(HOME, GONE, again=True)
        self.assertEqual((self.air.asked, self.air.joined), (["gone", "home"], "home"))

    def test_settings_of_the_caller_stay_as_they_are(self):
        self.config.wifi = given = [{"ssid": "home", "password": "secret"}, {"ssid": "gone"}]
        self.up(again=True)
        self.assertEqual(given[0]["ssid"], "home")

    def test_network_that_is_left_is_not_taken_for_the_next(self):
        # The driver says it is connected until its event of the end comes.
        self.air.lingers = True
        self.clock.on_sleep = self.air.settle
        self.up(GONE, GUEST, again=True)
        self.assertEqual((self.air.asked, self.air.joined), (["guest"], "guest"))

    def test_network_that_no_setting_names_is_never_left(self):
        self.up(again=True)
        self.assertEqual((self.air.asked, self.air.joined), ([], "home"))

    def test_no_network_at_all_is_a_link_error(self):
        self.air.joined = None
        self.raised(LinkError, lambda: self.up(again=True))


class TestOff(Joining):
    def test_station_that_the_application_turns_off_is_starvation(self):
        self.air.known = {}

        def turn_off():
            if self.clock.now_ms > 10_000:
                self.air.active = False

        self.clock.on_sleep = turn_off
        error = self.raised(StarvedError, self.up, HOME, GUEST)
        self.assertIn("application", str(error))
        self.assertEqual(self.air.asked, ["home"])
        self.assertTrue(self.clock.now_ms < 11_000)

    def test_wifi_without_memory_to_start_is_starvation(self):
        self.air.is_full = True
        error = self.raised(StarvedError, self.up, HOME)
        self.assertIn("0x0101", str(error))
