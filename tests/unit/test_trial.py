"""The trial of a new image: what passes it, what ends it, and what is kept for the one that runs next."""

import esp32
import images
import machine
from enos_ota import journal, otadata, trial
from enos_ota.errors import BurnError, LinkError
from enos_ota.trial import Trial
from helpers import Case, run

PENDING, VALID = 1, 2


class Config:
    trial_s = 600
    trial_app_s = 30


class Agent:
    """What a trial needs of agent and session. `script`: what `poll` does, in turn, by time."""

    version = "2.0"

    def __init__(self, clock) -> None:
        self.clock = clock
        self.config = Config()
        self.session = self.sock = self
        self.order = None
        self.trouble = ""
        self.application = self
        self.ended = ""
        self.is_open = True
        self.started_ms = self.beat_ms = clock.now_ms
        self.received_ms = clock.now_ms - 1  # of SUBACK
        self.owed = []
        self.requests = []
        self.polls = self.pings = 0
        self.answer = {"code": 200}
        self.on_poll = None
        self.verdict = True

    def self_test(self):
        self.tested_ms = self.clock.now_ms
        return self.verdict

    def owe(self, step, desc) -> None:
        self.owed.append((step, desc, esp32.chip.states()[1]))

    async def request(self, kind, params, tries=3):
        self.requests.append((kind, params))
        if self.answer is None:
            self.clock.sleep_ms(10_000 * tries)
            raise LinkError("no reply")
        if isinstance(self.answer, Exception):
            raise self.answer
        self.received_ms = self.clock.now_ms
        return self.answer

    def ping(self) -> None:
        self.pings += 1

    def poll(self) -> None:
        self.polls += 1
        if self.on_poll:
            self.on_poll()


class OnTrial(Case):
    def setUp(self) -> None:
        super().setUp()
        for module in (trial, journal):
            self.patch(module, "log", lambda level, text: None)
        self.clock = self.slow(trial)
        self.patch(trial.orders, "owe", lambda agent, step, desc: agent.owe(step, desc))
        chip = self.chip = esp32.power_up()
        chip.entry(0, 1, VALID)
        chip.entry(1, 2, PENDING)
        chip.running = "ota_1"
        images.put("ota_1", images.image())
        journal.save(state=journal.TRIAL, version="2.0", slot=1)
        self.agent = Agent(self.clock)
        self.trial = Trial(self.agent)

    def prove(self) -> None:
        run(self.trial.prove())

    def fails(self, act, *words) -> None:
        """The act resets the board; the reason is kept, and nothing is marked."""
        try:
            act()
            raise AssertionError("no reset")
        except machine.Reset:
            pass
        for word in words:
            self.assertIn(word, journal.load()["desc"])
        self.assertEqual(journal.load()["state"], journal.TRIAL)
        self.assertEqual(self.chip.states()[1], (2, PENDING))
        self.assertEqual(self.agent.owed, [])


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

    def test_main_loop_counts_as_alive_meanwhile(self):
        self.prove()
        self.assertTrue(self.clock.now_ms - self.agent.beat_ms < 1000)

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

    def test_trial_that_takes_too_long_fails(self):
        self.clock.sleep_ms(600_000)
        self.trial.watch()
        self.clock.sleep_ms(1)
        self.fails(self.trial.watch, "600")

    def test_trial_time_is_that_of_the_settings(self):
        self.agent.config.trial_s = 5
        self.clock.sleep_ms(5001)
        self.fails(self.trial.watch, "5 s")

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
        self.clock.sleep_ms(600_001)
        self.fails(self.trial.watch, "600 s: login refused")


class TestOrder(OnTrial):
    """A command that comes in a trial was answered, and is obeyed by whichever image runs afterwards."""

    def order(self, **changes) -> None:
        self.agent.order = dict({"version": "3.0", "sign": "cd"}, **changes)

    def on_poll(self, act) -> None:
        """Act once, in the first poll."""

        def poll():
            self.agent.on_poll = None
            act()

        self.agent.on_poll = poll

    def test_command_is_kept_while_the_app_is_watched(self):
        self.on_poll(self.order)
        kept = []
        self.agent.self_test = lambda: kept.append(journal.load_command()) or True
        self.prove()
        self.assertEqual(kept, [{"version": "3.0", "sign": "cd", "tries": 0}])
        self.assertEqual(self.agent.order, {"version": "3.0", "sign": "cd"})

    def test_command_that_came_before_is_kept_too(self):
        self.order()
        self.clock.sleep_ms(60_000)  # the application has lived its time
        self.prove()
        self.assertEqual(journal.load_command()["version"], "3.0")

    def test_command_is_kept_when_the_trial_fails(self):
        def end():
            self.order()
            self.agent.ended = "the application returned"

        self.on_poll(end)
        self.fails(self.prove, "returned")
        self.assertEqual(journal.load_command()["version"], "3.0")

    def test_command_is_kept_though_the_link_is_never_proved(self):
        # It came, but no answer to our own request ever does.
        self.order()
        self.clock.sleep_ms(600_001)
        self.fails(self.trial.watch, "600")
        self.assertEqual(journal.load_command()["version"], "3.0")

    def test_newer_command_replaces_the_one_kept(self):
        self.order()
        self.on_poll(lambda: self.order(version="4.0"))
        self.prove()
        self.assertEqual(journal.load_command()["version"], "4.0")

    def test_version_on_trial_pushed_again_is_dropped(self):
        self.on_poll(lambda: self.order(version="2.0"))
        self.prove()
        self.assertIsNone(self.agent.order)
        self.assertEqual(journal.load_command(), {})

    def test_version_on_trial_pushed_again_replaces_the_one_kept(self):
        # The newest command counts: the one before must not be obeyed at the next boot.
        self.order()

        def push_again():
            self.assertEqual(journal.load_command()["version"], "3.0")
            self.order(version="2.0")

        self.agent.on_poll = lambda: self.agent.polls == 9 and push_again()
        self.prove()
        self.assertIsNone(self.agent.order)
        self.assertEqual(journal.load_command(), {})

    def test_command_is_written_once(self):
        saved = []
        keep = journal.save_command
        self.patch(journal, "save_command", lambda *args: saved.append(args) or keep(*args))
        self.order()
        self.prove()
        self.assertEqual(len(saved), 1)

    def test_unusable_command_does_not_end_the_trial(self):
        # An image that stays on trial because of it would be rolled back.
        for params in ({}, {"version": 3}):
            self.setUp()
            self.agent.order = params
            self.prove()
            self.assertEqual(self.chip.states()[1], (2, VALID))
            self.assertEqual(self.agent.order, params)

    def test_full_nvs_does_not_end_the_trial(self):
        self.order()
        self.chip.nvs_full = True
        self.prove()
        self.assertEqual(self.chip.states()[1], (2, VALID))
        self.assertEqual(self.agent.order["version"], "3.0")


class TestAfter(OnTrial):
    def test_passed_trial_is_over(self):
        self.prove()
        self.assertFalse(otadata.on_trial())
