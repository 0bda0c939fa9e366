"""The trial of a new image: what passes it, and what ends it."""

from enos_ota import journal, otadata
from enos_ota.errors import BurnError, LinkError
from ontrial import PENDING, VALID, OnTrial


class TestProve(OnTrial):
    def test_image_that_passes_is_marked_valid_before_100_is_owed(self):
        self.prove()
        self.assertEqual(self.chip.states()[1], (2, VALID))
        self.assertEqual(self.agent.owed, [(100, "2.0", (2, VALID))])

    def test_link_is_proved_by_a_progress_of_99_for_the_running_version(self):
        # After a power cut while the board was healed, the journal names another one.
        journal.save(version="3.0")
        self.prove()
        kind, params = self.agent.requests[0]
        self.assertEqual((kind, params["step"]), ("progress", "99"))
        self.assertTrue(params["desc"].startswith("2.0"))
        self.assertEqual(self.agent.owed[0][1], "2.0")

    def test_reply_of_any_code_proves_the_link(self):
        self.agent.answer = {"code": 1009}
        self.prove()
        self.assertEqual(self.chip.states()[1], (2, VALID))

    def test_without_a_reply_the_answer_to_a_ping_suffices(self):
        self.agent.answer = None

        def answer_ping():
            if self.clock.now_ms > self.agent.started_ms + 45_000:
                self.agent.received_ms = self.clock.now_ms

        self.agent.on_poll = answer_ping
        self.prove()
        self.assertTrue(self.clock.now_ms > self.agent.started_ms + 45_000)
        self.assertEqual(self.agent.pings, 1)
        self.assertEqual(self.chip.states()[1], (2, VALID))

    def test_without_a_byte_from_enos_nothing_is_marked(self):
        self.agent.answer = None

        def silence():
            if self.clock.now_ms > self.agent.started_ms + 90_000:
                raise LinkError("no answer to pings")

        self.agent.on_poll = silence
        self.raised(LinkError, self.prove)
        self.assertEqual(self.chip.states()[1], (2, PENDING))

    def test_broken_link_is_raised_and_the_next_session_passes(self):
        def broken():
            raise LinkError("closed")

        self.agent.answer = LinkError("closed")
        self.agent.on_poll = broken
        self.raised(LinkError, self.prove)
        self.assertEqual(self.chip.states()[1], (2, PENDING))
        self.agent.answer = {"code": 200}
        self.agent.on_poll = None
        self.prove()
        self.assertEqual(self.chip.states()[1], (2, VALID))

    def test_link_that_breaks_while_the_app_is_watched_is_raised(self):
        def broken():
            raise LinkError("closed")

        self.agent.on_poll = broken
        self.raised(LinkError, self.prove)
        self.assertEqual(self.chip.states()[1], (2, PENDING))

    def test_image_is_not_marked_before_the_app_lived_its_time(self):
        self.prove()
        self.assertTrue(self.agent.tested_ms - self.agent.started_ms >= 30_000)
        self.assertTrue(self.agent.polls >= 100)

    def test_image_is_not_marked_before_the_app_had_to_say_that_it_is_alive(self):
        self.agent.timeout_s = 120
        self.prove()
        self.assertTrue(self.agent.tested_ms - self.agent.started_ms >= 121_000)

    def test_main_loop_counts_as_alive_meanwhile(self):
        self.prove()
        self.assertTrue(self.clock.now_ms - self.agent.beat_ms < 1000)

    def test_image_that_nobody_commanded_is_marked_and_owes_nothing(self):
        # Safe mode returned to the former release; there may be another word to say.
        for state in (journal.IDLE, journal.REPORT):
            self.power_up()
            journal.save(state=state, step=-3, desc="3.0: digest")
            self.prove()
            self.assertEqual(self.chip.states()[1], (2, VALID))
            self.assertEqual(self.agent.owed, [])
            self.assertEqual(journal.load()["desc"], "3.0: digest")

    def test_another_slot_selected_is_not_marked(self):
        # Rule 3: the mark would go to the entry of another image.
        self.chip.entry(0, 3, VALID)
        self.raised(BurnError, self.prove)
        self.assertEqual(self.chip.states(), [(3, VALID), (2, PENDING)])


class TestFail(OnTrial):
    def test_app_that_ended_fails_the_trial_with_its_reason(self):
        self.agent.ended = "the application raised KeyError(7)"
        self.fails(self.trial.watch, "KeyError")
        self.fails(self.prove, "KeyError")

    def test_app_that_ends_while_it_is_watched_fails_the_trial(self):
        def end():
            if self.clock.now_ms - self.agent.started_ms > 20_000:
                self.agent.ended = "the application returned"

        self.agent.on_poll = end
        self.fails(self.prove, "returned")

    def test_app_that_hangs_fails_the_trial(self):
        self.agent.late = True
        self.fails(self.trial.watch, "the application hangs")
        self.fails(self.prove, "the application hangs")

    def test_trial_that_takes_too_long_fails(self):
        self.agent.is_open = False
        self.clock.sleep_ms(600_000)
        self.trial.watch()
        self.clock.sleep_ms(1)
        self.fails(self.trial.watch, "600", alibi=1)

    def test_trial_that_takes_too_long_though_it_has_a_link_has_no_alibi(self):
        self.clock.sleep_ms(600_001)
        self.fails(self.trial.watch, "600")

    def test_trial_whose_link_went_away_and_did_not_come_back_has_an_alibi(self):
        # It may be the network, and for longer than a trial.
        self.agent.answer = LinkError("closed")
        self.agent.on_poll = self.broken
        self.raised(LinkError, self.prove)
        self.agent.is_open = False
        self.clock.sleep_ms(600_001)
        self.fails(self.trial.watch, "600", alibi=1)

    def broken(self) -> None:
        raise LinkError("closed")

    def test_trial_that_fails_by_itself_has_no_alibi_though_it_never_had_a_link(self):
        self.agent.ended = "the application returned"
        self.fails(self.trial.watch, "returned")

    def test_trial_time_is_that_of_the_settings(self):
        self.agent.config.trial_s = 5
        self.agent.is_open = False
        self.clock.sleep_ms(5001)
        self.fails(self.trial.watch, "5 s", alibi=1)

    def test_self_test_false_fails_the_trial(self):
        self.agent.verdict = False
        self.fails(self.prove, "self_test")

    def test_self_test_that_forgets_to_return_fails_the_trial(self):
        self.agent.verdict = None
        self.fails(self.prove, "self_test")

    def test_self_test_that_raises_fails_the_trial_with_its_error(self):
        def raises():
            raise KeyError("valve")

        self.agent.self_test = raises
        self.fails(self.prove, "valve")

    def test_self_test_true_passes(self):
        self.prove()

    def test_healthy_trial_is_not_ended_by_the_watch(self):
        for _ in range(600):
            self.trial.watch()
            self.clock.sleep_ms(999)

    def test_long_reason_is_cut_and_full_nvs_does_not_stop_the_reset(self):
        self.agent.ended = "the application raised " + "x" * 500
        self.chip.nvs_full = True
        self.fails(self.trial.watch)
        self.chip.nvs_full = False
        self.fails(self.trial.watch, "the application raised xxx")
        self.assertTrue(len(journal.load()["desc"]) <= 100)

    def test_trial_that_takes_too_long_tells_what_was_in_the_way(self):
        self.agent.trouble = "login refused: CONNACK 5"
        self.agent.is_open = False
        self.clock.sleep_ms(600_001)
        self.fails(self.trial.watch, "600 s: login refused", alibi=1)


class TestAfter(OnTrial):
    def test_passed_trial_is_over(self):
        self.prove()
        self.assertFalse(otadata.on_trial())
