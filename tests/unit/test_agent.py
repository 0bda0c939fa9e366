"""The agent: connecting, and what it tells the application about the link."""

import sys

import enos_ota
from enos_ota.errors import DownloadError, LinkError
from fakeagent import Clocks, Contexts, Link, WithAgent, agent


class TestSelectFirst(WithAgent):
    def test_select_first_takes_the_first_or_none(self):
        self.assertEqual(agent.select_first(["a", "b"]), "a")
        self.assertIsNone(agent.select_first([]))


class TestConnect(WithAgent):
    def test_version_of_the_record_is_informed_after_connecting(self):
        self.make(version="9")
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.session.done, [("inform", {"version": "1.0.0"})])

    def test_clock_is_set_to_the_build_time_before_the_session_opens(self):
        self.make(settings={"ca": ["/ca.der"]})
        self.drive(lambda: self.said("inform"))
        self.assertEqual(Clocks.floors, [1_700_000_000])
        self.assertEqual(Contexts.asked[-1], ["/ca.der"])

    def test_lost_link_is_opened_again_after_the_backoff_and_informed_again(self):
        states = []
        self.make(on_link=lambda state, reason: states.append((state, reason)))
        self.drive(lambda: self.said("inform"))
        self.session.troubles = [LinkError("closed by the server")]
        self.session.done.clear()
        start = self.clock.now_ms
        self.drive(lambda: len(self.said("inform")) == 2)
        self.assertTrue(self.clock.now_ms - start >= 1000)
        self.assertIn(("lost", "closed by the server"), states)
        self.assertEqual(states[-1][0], "connected")

    def test_every_kind_of_trouble_is_survived(self):
        # A malformed packet can be anything in umqtt.
        for trouble in (
            OSError(-104),
            IndexError("x"),
            AssertionError(),
            TypeError("x"),
            ValueError("x"),
            MemoryError(),
        ):
            self.make()
            self.session.troubles = [trouble]
            self.drive(lambda: len(self.said("inform")) == 2)
            self.assertTrue(self.session.closed)

    def test_network_and_broker_that_refuse_are_tried_again(self):
        self.make()
        Link.errors = [LinkError("Wi-Fi"), LinkError("Wi-Fi")]
        self.session.refusals = [LinkError("refused")] * 3
        self.drive(lambda: self.said("inform"))
        self.assertEqual(self.session.opened, 4)

    def test_session_that_fails_is_waited_for_as_it_says_and_a_network_for_5_s(self):
        # The broker is not what failed: others need not be spread over the time that it takes.
        asked = []
        self.make()
        self.session.backoff_ms = lambda: asked.append(self.clock.now_ms) or 60_000
        Link.errors = [LinkError("Wi-Fi")] * 3
        start = self.clock.now_ms
        self.session.refusals = [LinkError("refused")]
        self.drive(lambda: self.said("inform"))
        self.assertEqual(len(asked), 1)
        self.assertTrue(15_000 <= asked[0] - start <= 20_000, asked[0] - start)
        self.assertTrue(60_000 <= self.clock.now_ms - asked[0] <= 65_000)

    def test_inform_without_a_reply_does_not_end_the_session(self):
        self.make()
        self.session.answers["inform"] = None
        self.drive(lambda: self.clock.now_ms > 60_000)
        self.assertEqual(len(self.said("inform")), 1)
        self.assertEqual(self.session.closed, 0)

    def test_hook_for_the_link_that_raises_does_not_end_the_agent(self):
        # An exception that left `run` here would make /main.py reset the board.
        def on_link(state, reason):
            raise ValueError("of the application")

        self.make(on_link=on_link)
        self.session.refusals = [LinkError("refused")]
        self.drive(lambda: self.session.opened >= 2)

    def test_date_that_tls_refuses_makes_it_ask_for_the_time_again_and_nothing_else_does(self):
        for error, known_s, doubts in (
            (DownloadError("TLS refused: expired (clock 2001-01-01)"), 0, 1),
            (DownloadError("TLS refused: not signed by a trusted CA"), Clocks.ANSWER_S, 0),
            (LinkError("timed out (clock"), Clocks.ANSWER_S, 0),
        ):
            self.make()
            Clocks.known_s.clear()
            Clocks.doubts.clear()
            self.session.refusals = [error]
            self.drive(lambda: self.said("inform"))
            self.assertEqual(Clocks.known_s, [0, known_s])
            self.assertEqual(Clocks.doubts, [0, doubts])

    def test_dates_that_tls_refuses_in_a_row_are_counted_until_a_session_stands(self):
        self.make()
        self.session.refusals = [DownloadError("TLS refused: expired (clock 2001-01-01)")] * 4
        self.session.refusals[2] = LinkError("timed out")
        self.drive(lambda: self.said("inform"))
        self.assertEqual(Clocks.doubts, [0, 1, 2, 2, 3])
        self.assertEqual(self.agent.doubts, 0)

    def test_time_that_was_asked_for_is_kept_over_sessions(self):
        self.make()
        self.session.troubles = [LinkError("closed")] * 2
        self.drive(lambda: len(self.said("inform")) == 3)
        self.assertEqual(Clocks.known_s, [0, Clocks.ANSWER_S, Clocks.ANSWER_S])

    def test_agent_is_linked_from_before_the_session_opens_until_it_is_closed(self):
        # Nobody else may take the memory of the session in between.
        made = self.make()
        seen = [("made", made.is_linked)]
        session = self.session

        def spy(module, name):
            act = getattr(module, name)

            def spied(*arguments):
                seen.append((name, made.is_linked))
                return act(*arguments)

            self.patch(module, name, spied)

        spy(Link, "up")
        for name in ("open", "close"):
            spy(session, name)

        def waits():
            if seen[-1][0] == "close":
                seen.append(("wait", made.is_linked))

        self.clock.on_sleep = waits
        session.refusals = [LinkError("refused")]
        session.troubles = [LinkError("closed")]
        self.drive(lambda: len(self.said("inform")) == 2)
        once = [("up", False), ("open", True), ("close", True), ("wait", False)]
        self.assertEqual(seen, [("made", False)] + once * 2 + once[:2])
        self.assertTrue(made.is_linked)

    def test_modules_of_boot_and_upgrade_are_dropped(self):
        self.make()
        self.drive(lambda: self.said("inform"))
        self.command(version="1.0.0")
        self.drive(lambda: len(self.said("inform")) == 3)
        for name in ("startup", "config", "identity", "otadata", "image", "journal", "orders"):
            self.assertFalse("enos_ota." + name in sys.modules, name)
            self.assertFalse(hasattr(enos_ota, name), name)

    def test_requests_answered_with_another_code_do_not_end_the_session(self):
        self.make()
        self.session.answers["inform"] = {"code": 1009}
        self.drive(lambda: self.clock.now_ms > 60_000)
        self.assertEqual(len(self.said("inform")), 1)
        self.assertEqual(self.session.closed, 0)
