"""The clock before a session: NTP, else the floor; where TLS refused a date, the server's word, then the floor."""

from enos_ota import clock, servertime
from enos_ota.errors import DownloadError, LinkError
from helpers import run
from timed import BUILD_S, DAY, DAY_S, NOW_S, WOKEN_S, Timed, date

FUTURE_S = 3_000_000_000
BEYOND_S = 3_094_000_001  # 2068: what a chip cannot count to
PAST_S = 1_000_000_000
REFUSED = DownloadError("TLS refused: the certificate has expired (clock 2001-01-01)")


class TestNtp(Timed):
    def test_ntp_is_asked_where_it_is_configured_and_believed(self):
        self.assertEqual(self.settle(), NOW_S)
        self.assertEqual(self.asked, ["ntp.local"])
        self.assertEqual(self.agent.clock_set_s, NOW_S)

    def test_ntp_is_asked_once_a_day_and_its_time_stays_meanwhile(self):
        for self.agent.floor_s in (BUILD_S, 0):  # that of a plain image
            self.agent.clock_set_s = 0
            self.asked.clear()
            self.settle()
            self.now_s += 86_300
            self.assertIsNone(self.settle())
            self.assertEqual(len(self.asked), 1)
            self.now_s += 200
            self.ntp = self.now_s + 5
            self.assertEqual(self.settle(), self.ntp)
            self.assertEqual(len(self.asked), 2)

    def test_clock_that_was_set_elsewhere_by_a_day_is_asked_for_again(self):
        self.settle()
        self.now_s -= 2 * DAY_S
        self.assertEqual(self.settle(), NOW_S)

    def test_ntp_without_an_answer_is_asked_again_and_the_floor_holds(self):
        for self.ntp in (OSError(-202), OSError(110), ValueError("x"), OSError()):
            self.now_s = WOKEN_S
            self.assertEqual(self.settle(), BUILD_S)
            self.assertIsNone(self.settle())
            self.assertEqual(self.agent.clock_set_s, 0)
        self.assertEqual(len(self.asked), 8)

    def test_ntp_that_tells_a_time_before_the_floor_is_not_believed(self):
        for self.ntp in (PAST_S, BUILD_S - 1, 1):
            self.now_s = WOKEN_S
            self.assertEqual(self.settle(), BUILD_S)
            self.assertTrue("NTP tells a time that cannot be" in "".join(self.lines))
            self.now_s = NOW_S
            self.assertIsNone(self.settle())  # nor put back to the floor
        self.assertEqual(self.agent.clock_set_s, 0)
        self.ntp = BUILD_S
        self.assertEqual(self.settle(), BUILD_S)
        self.assertEqual(self.agent.clock_set_s, BUILD_S)

    def test_ntp_that_tells_a_time_that_a_chip_cannot_count_to_is_not_believed(self):
        # `machine.RTC` would raise, with each connect.
        for self.ntp in (BEYOND_S, 7_000_000_000):
            self.now_s = WOKEN_S
            self.assertEqual(self.settle(), BUILD_S)
            self.assertEqual(self.agent.clock_set_s, 0)

    def test_ntp_is_not_asked_where_none_is_configured(self):
        self.agent.config.ntp = ""
        self.assertEqual(self.settle(), BUILD_S)
        self.now_s = BUILD_S + 1
        self.assertIsNone(self.settle())
        self.assertEqual(self.asked, [])


class TestFloor(Timed):
    def setUp(self) -> None:
        super().setUp()
        self.agent.config.ntp = ""

    def test_floor_is_the_later_of_build_time_and_confirmed_day(self):
        day = BUILD_S // DAY_S
        for saved, floor_s in ((0, BUILD_S), (day - 9, BUILD_S), (day + 9, (day + 9) * DAY_S)):
            self.chip.nvs[DAY] = saved
            self.now_s = WOKEN_S
            self.assertEqual(self.settle(), floor_s)

    def test_floor_that_a_chip_cannot_count_to_is_none(self):
        # A damaged day, or the build time of a damaged record: no clock could be set to it.
        for floor_s, day, wanted in (
            (BEYOND_S, 0, None),
            (BEYOND_S, BUILD_S // DAY_S, BUILD_S // DAY_S * DAY_S),
            (BUILD_S, (1 << 31) - 1, BUILD_S),
        ):
            self.agent.floor_s = floor_s
            self.chip.nvs[DAY] = day
            for doubts in (0, 2):
                self.now_s = WOKEN_S
                self.assertEqual(self.settle(doubts), wanted)

    def test_nothing_that_is_known_sets_nothing(self):
        # Of a plain image no build time is known; 1970 would be worse than what the clock says.
        self.agent.floor_s = 0
        for doubts in range(6):
            for now_s in (WOKEN_S, NOW_S):
                self.now_s = now_s
                self.assertIsNone(self.settle(doubts))

    def test_doubts_never_put_the_clock_before_the_floor(self):
        self.chip.nvs[DAY] = NOW_S // DAY_S
        for told_s in (PAST_S, BUILD_S, NOW_S - DAY_S):
            self.server = [date(told_s)]
            self.now_s = FUTURE_S
            self.settle(1)
            self.assertEqual(self.now_s, FUTURE_S)
        self.assertEqual(self.settle(2), NOW_S // DAY_S * DAY_S)


class TestDoubts(Timed):
    """NTP lies, or is blocked: TLS refuses a date."""

    def test_first_doubt_asks_the_server_unverified(self):
        for self.now_s in (WOKEN_S, FUTURE_S, NOW_S):
            self.server = [date(NOW_S)]
            self.assertEqual(self.settle(1), NOW_S)
        self.assertEqual(self.asked, [False] * 3)

    def test_second_doubt_takes_the_floor(self):
        for self.now_s in (WOKEN_S, FUTURE_S):
            self.assertEqual(self.settle(2), BUILD_S)
        self.assertEqual(self.asked, [])

    def test_third_doubt_begins_with_ntp_again(self):
        for doubts in (3, 6, 300):
            self.agent.clock_set_s = 0
            self.assertEqual(self.settle(doubts), NOW_S)
        self.server = [date(NOW_S + 7)]
        self.assertEqual(self.settle(4), NOW_S + 7)
        self.assertEqual(self.settle(5), BUILD_S)

    def test_server_that_tells_nothing_or_the_past_leaves_a_clock_behind_the_floor(self):
        for told in ("", "yesterday", date(PAST_S)):
            for now_s, wanted in ((WOKEN_S, BUILD_S), (NOW_S, None)):
                self.now_s = now_s
                self.server = [told]
                self.assertEqual(self.settle(1), wanted)

    def test_nothing_unverified_is_ever_saved(self):
        for doubts in range(7):
            self.server = [date(FUTURE_S)]
            self.settle(doubts)
        self.assertIsNone(self.saved())


class TestInUpgrade(Timed):
    """TLS refuses a date in the middle of an upgrade."""

    def doubt(self, error=REFUSED):
        run(servertime.doubt(self.agent, error))

    def test_server_is_asked_and_the_download_goes_on(self):
        self.now_s = FUTURE_S
        self.server = [date(NOW_S)]
        self.doubt()
        self.assertEqual(self.now_s, NOW_S)
        self.assertEqual(self.asked, [False])

    def test_floor_is_taken_where_the_server_tells_nothing_new(self):
        for told in ("", date(FUTURE_S + 300)):
            self.agent.doubts = 0
            self.now_s = FUTURE_S
            self.server = [told]
            self.doubt()
            self.assertEqual(self.now_s, BUILD_S)

    def test_second_refusal_is_raised(self):
        self.server = [date(NOW_S)] * 2
        self.doubt()
        self.assertTrue(self.raised(DownloadError, self.doubt) is REFUSED)
        self.assertEqual(len(self.server), 1)

    def test_refusal_for_another_reason_is_raised_and_the_clock_stays(self):
        for error in (DownloadError("TLS refused: no pin matches"), LinkError("timed out")):
            self.assertTrue(self.raised(type(error), self.doubt, error) is error)
        self.assertEqual((self.set, self.asked), ([], []))

    def test_next_session_begins_with_ntp(self):
        self.server = [date(NOW_S)]
        self.doubt()
        self.asked.clear()
        self.agent.clock_set_s = 0
        run(clock.settle(self.agent))
        self.assertEqual(self.asked, ["ntp.local"])
