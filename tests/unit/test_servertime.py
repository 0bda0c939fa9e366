"""The clock confirmed by a server, over TLS that was verified by it; and what an HTTP date may be."""

from enos_ota import servertime
from timed import BUILD_S, DAY_S, NOW_S, WOKEN_S, Timed, date

LAST_S = 3_092_601_600  # end of 2067


class TestLearn(Timed):
    def learn(self, told, now_s=NOW_S):
        """What the clock is set to by it, or None."""
        self.now_s = now_s
        self.set.clear()
        servertime.learn(self.agent, told)
        return self.set[-1] if self.set else None

    def test_date_that_agrees_confirms_the_day_and_sets_nothing(self):
        for off_s in (-300, 0, 300):
            self.chip.nvs.clear()
            self.assertIsNone(self.learn(date(NOW_S + off_s)))
            self.assertEqual(self.saved(), (NOW_S + off_s) // DAY_S)

    def test_date_that_does_not_agree_sets_the_clock_and_confirms_nothing(self):
        # By the wrong clock the certificate was verified.
        for off_s in (-301, 301, DAY_S * 5000):
            self.assertEqual(self.learn(date(NOW_S + off_s)), NOW_S + off_s)
            self.assertIsNone(self.saved())
        self.assertIsNone(self.learn(date(NOW_S + 301), NOW_S + 301))  # now it does
        self.assertEqual(self.saved(), (NOW_S + 301) // DAY_S)

    def test_date_before_the_floor_is_ignored(self):
        self.assertIsNone(self.learn(date(BUILD_S - 1)))
        self.assertEqual(self.learn(date(BUILD_S)), BUILD_S)
        self.assertIsNone(self.learn(date(BUILD_S), BUILD_S))
        self.assertEqual(self.saved(), BUILD_S // DAY_S)
        self.assertIsNone(self.learn(date(BUILD_S // DAY_S * DAY_S - 1), NOW_S))

    def test_what_is_no_date_is_ignored_though_nothing_is_known(self):
        for self.agent.floor_s in (BUILD_S, 0):
            for told in ("", "x", "0", date(NOW_S)[:-1], "Thu, 01 Jan 1970 00:00:00 GMT"):
                self.assertIsNone(self.learn(told))
                self.assertIsNone(self.saved())

    def test_day_is_written_once_and_never_earlier(self):
        written = []
        self.chip.on_nvs = lambda *entry: written.append(entry)
        for day in (3, 3, 4, 3, 4):
            self.learn(date(NOW_S + day * DAY_S), NOW_S + day * DAY_S)
        self.assertEqual([value - NOW_S // DAY_S for _, _, value in written], [3, 4])

    def test_day_that_nvs_does_not_take_is_only_logged(self):
        self.chip.nvs_full = True
        self.assertIsNone(self.learn(date(NOW_S)))
        self.assertEqual(len(self.lines), 1)
        self.assertIsNone(self.saved())


class TestConfirm(Timed):
    def setUp(self) -> None:
        super().setUp()
        self.now_s = NOW_S

    def test_server_is_asked_over_verified_tls_once_a_day(self):
        for day in range(3):
            self.now_s = NOW_S + day * DAY_S
            self.server = [date(self.now_s)]
            for _ in range(3):
                self.confirm()
        self.assertEqual(self.asked, [True] * 3)
        self.assertEqual(self.saved(), NOW_S // DAY_S + 2)

    def test_clock_that_was_wrong_is_set_and_confirmed_by_a_second_session(self):
        self.now_s = WOKEN_S + 5
        self.server = [date(NOW_S), date(NOW_S + 1)]
        self.confirm()
        self.assertEqual(self.set, [NOW_S])
        self.assertEqual(self.asked, [True, True])
        self.assertEqual(self.saved(), NOW_S // DAY_S)

    def test_server_that_tells_nothing_is_asked_once(self):
        # Until the next session: each may take 25 s.
        self.confirm()
        self.assertEqual(self.asked, [True])
        self.assertEqual((self.set, self.saved()), ([], None))

    def test_server_that_never_agrees_with_itself_confirms_nothing(self):
        self.server = [date(NOW_S + 1000), date(NOW_S + 2000), date(NOW_S + 3000)]
        self.confirm()
        self.assertEqual(len(self.asked), 2)
        self.assertIsNone(self.saved())


class TestParse(Timed):
    def test_dates_up_to_2067_are_read(self):
        for unix_s in range(WOKEN_S, LAST_S, 3_456_789):
            self.assertEqual(servertime.parse(date(unix_s)), unix_s)

    def test_each_day_of_a_leap_year_and_others_is_read(self):
        for first_s in (
            951_782_400,
            1_709_164_800,
            1_740_700_800,
        ):  # end of February 2000, 2024, 2025
            for day in range(-3, 370, 3):
                unix_s = first_s + day * DAY_S + 86_399
                self.assertEqual(servertime.parse(date(unix_s)), unix_s)

    def test_last_second_is_that_of_2067(self):
        self.assertEqual(servertime.parse("Sat, 31 Dec 2067 23:59:59 GMT"), LAST_S - 1)

    def test_text_around_it_and_its_case_do_not_matter(self):
        self.assertEqual(servertime.parse(date(NOW_S).lower()), NOW_S)
        self.assertEqual(servertime.parse(date(NOW_S).upper()), NOW_S)
        self.assertEqual(servertime.parse("  %s \r" % date(NOW_S)), NOW_S)
        self.assertEqual(
            servertime.parse("Sat, 31 Dec 2016 23:59:60 GMT"), 1_483_228_800
        )  # a leap second

    def test_what_is_no_date_is_0(self):
        good = "Sun, 06 Nov 2022 08:49:37 GMT"
        self.assertEqual(servertime.parse(good), 1_667_724_577)
        for old, new in (
            ("2022", "1994"),
            ("2022", "1999"),
            ("2022", "2068"),  # the chip counts 2 ** 31 s from 2000 on
            ("2022", "2199"),
            ("2022", "99999"),
            ("2022", "-2022"),
            ("2022", ""),
            ("2022", "2O22"),
            ("2022", "+202"),
            ("06", "00"),
            ("06", "32"),
            ("06", "-1"),
            ("06", "6.0"),
            ("Nov", "No"),
            ("Nov", "ovD"),
            ("Nov", "Nov "),
            ("Nov", ""),
            ("Nov", "JanFeb"),
            ("Nov", "11"),
            ("08:49:37", "24:49:37"),
            ("08:49:37", "08:60:37"),
            ("08:49:37", "08:49:61"),
            ("08:49:37", "08:49"),
            ("08:49:37", "08:49:37:00"),
            ("08:49:37", "8e1:4:3"),
            ("08:49:37", "::"),
            ("GMT", "UTC"),
            ("GMT", "+0000"),
            ("GMT", "GMT x"),
            (" GMT", ""),
            ("Sun, ", ""),
            ("Sun, 06 Nov 2022", "Sunday, 06-Nov-22"),
            ("Sun, 06 Nov 2022 08:49:37 GMT", "Sun Nov  6 08:49:37 2022"),
            ("Sun", "S" * 40),
        ):
            self.assertEqual(servertime.parse(good.replace(old, new)), 0, new)
        for text in ("", " ", "\x00" * 29, "\x7f" * 29, " " * 1000, good * 2):
            self.assertEqual(servertime.parse(text), 0)

    def test_any_byte_altered_gives_a_number_and_no_error(self):
        good = "Sun, 06 Nov 2022 08:49:37 GMT"
        for at in range(len(good)):
            for byte in range(128):
                self.assertTrue(servertime.parse(good[:at] + chr(byte) + good[at + 1 :]) >= 0)
