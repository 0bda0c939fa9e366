"""The agent: memory and network that the upgrade wants, and that the application does not leave."""

import asyncio
import json
import sys

import enos_ota
from enos_ota.errors import DownloadError, LinkError, StarvedError
from fakeagent import COMMAND, Trial, WithAgent

WHY = ("enos_boot", "why")


class TestHushed(WithAgent):
    """The upgrade at work asks for the memory of the MQTT session."""

    def hush(self, when, done) -> None:
        """Drive until `done()`, and set `hushed` as soon as `when()`."""
        self.make()

        async def wait():
            while not when():
                await asyncio.sleep_ms(0)
            self.opened = self.session.opened
            self.start_ms = self.clock.now_ms
            self.agent.hushed = True

        self.start_ms = None
        self.drive(lambda: self.start_ms is not None and done(), wait())

    def lasted(self, duration_ms):
        return lambda: self.clock.now_ms - self.start_ms > duration_ms

    def test_open_session_is_closed_and_stays_closed_while_hushed(self):
        self.hush(lambda: self.said("inform"), self.lasted(60_000))
        self.assertFalse(self.session.is_open)
        self.assertEqual(self.session.opened, self.opened)

    def test_session_is_opened_and_informed_when_no_longer_hushed(self):
        def done():
            if self.session.closed:
                self.agent.hushed = False
            return len(self.said("inform")) == 2

        self.hush(lambda: self.said("inform"), done)
        self.assertTrue(self.session.is_open)
        self.assertEqual(self.session.opened, 2)

    def test_hushed_while_it_waits_to_connect_again_does_not_connect(self):
        def lose():
            if self.said("inform") and not self.session.closed:
                self.session.troubles = [LinkError("closed")]
            return self.session.closed

        self.hush(lose, self.lasted(60_000))
        self.assertEqual(self.session.opened, self.opened)

    def test_main_loop_counts_as_alive_while_hushed(self):
        self.hush(lambda: self.said("inform"), self.lasted(300_000))
        self.assertTrue(self.clock.now_ms - self.agent.beat_ms < 2000)


class TestStarved(WithAgent):
    """stuck_s is an hour: an application that leaves no memory, or no network, for so long is reset."""

    def starve(self, errors, settings=(), **state) -> None:
        """Fail each connection with the next of the errors, the last for ever; drive for four hours."""
        self.make(settings)
        for name, value in state.items():
            setattr(self.agent, name, value)
        self.session.refusals = self
        self.session.backoff_ms = lambda: 60_000
        self.errors = errors
        self.was_reset = False
        start = self.clock.now_ms
        self.drive(lambda: self.clock.now_ms - start > 4 * 3_600_000)
        self.lasted_s = (self.clock.now_ms - start) // 1000
        self.errors = None

    def pop(self, _):
        error = self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]
        return type(error)(
            *error.args
        )  # the traceback of one raised again and again fills the heap

    def test_starved_for_stuck_s_resets_with_the_reason(self):
        for error in (StarvedError("no memory for TLS"), MemoryError("no memory for TLS")):
            self.chip.nvs.clear()
            self.starve([error])
            self.assertTrue(self.was_reset)
            self.assertTrue(3600 <= self.lasted_s <= 3800, self.lasted_s)
            self.assertIn(b"no memory for TLS", self.chip.nvs[WHY])

    def test_command_that_was_answered_and_never_obeyed_outlives_the_reset(self):
        self.starve([MemoryError("no memory")], order=dict(COMMAND))
        self.assertTrue(self.was_reset)
        self.assertEqual(json.loads(self.chip.nvs[("enos_ota", "next")]), COMMAND)

    def test_command_that_a_reset_cut_short_is_kept_already(self):
        self.starve([MemoryError("no memory")], order=dict(COMMAND, unfinished=True))
        self.assertFalse(("enos_ota", "next") in self.chip.nvs)

    def test_stuck_s_is_that_of_the_settings(self):
        self.starve([StarvedError("x")], settings={"stuck_s": 600})
        self.assertTrue(600 <= self.lasted_s <= 800, self.lasted_s)

    def test_stuck_s_0_never_resets(self):
        self.starve([StarvedError("x")], settings={"stuck_s": 0})
        self.assertFalse(self.was_reset)

    def test_long_reason_and_full_nvs_do_not_stop_the_reset(self):
        self.starve([StarvedError("ü" * 200)])
        self.assertEqual(self.chip.nvs[WHY].decode(), "ü" * 80)
        self.chip.nvs_full = True
        self.starve([StarvedError("x")])
        self.assertTrue(self.was_reset)

    def test_link_error_in_between_starts_the_time_anew(self):
        self.starve([StarvedError("x")] * 40 + [LinkError("refused")] + [StarvedError("x")])
        self.assertTrue(3600 + 2400 <= self.lasted_s <= 6400, self.lasted_s)

    def test_session_in_between_starts_the_time_anew(self):
        self.starve([StarvedError("x")] * 40 + [LinkError("refused")])
        self.assertFalse(self.was_reset)

    def test_other_errors_never_reset(self):
        for error in (LinkError("refused"), DownloadError("TLS refused"), OSError(-104)):
            self.starve([error])
            self.assertFalse(self.was_reset)

    def test_agent_alone_is_not_reset(self):
        self.starve([StarvedError("x")], alone=True)
        self.assertFalse(self.was_reset)

    def test_upgrade_at_work_is_not_reset(self):
        self.starve([StarvedError("x")], digest="ab")
        self.assertFalse(self.was_reset)

    def test_trial_is_not_reset_by_it(self):
        # It has its own end, which the bootloader answers with the former image.
        self.chip.entry(0, 1, 1)
        Trial.verdicts = ["passed"]
        self.starve([StarvedError("x")])
        self.assertFalse(self.was_reset)

    def test_starved_after_each_connect_resets_too(self):
        # The session opens, but what comes then does not fit: no command would ever be obeyed.
        self.make()
        self.session.backoff_ms = lambda: 60_000
        self.session.answers["inform"] = lambda: MemoryError("inform")
        self.drive(lambda: self.clock.now_ms > 4 * 3_600_000)
        self.assertTrue(self.was_reset)

    def test_starved_in_each_request_resets_too(self):
        # What comes next finds the session closed: a link error, which would start the time anew.
        def starve():
            self.session.troubles = [LinkError("closed")]
            return StarvedError("inform")

        self.make()
        self.session.backoff_ms = lambda: 60_000
        self.session.answers["inform"] = starve
        self.drive(lambda: self.clock.now_ms > 4 * 3_600_000)
        self.assertTrue(self.was_reset)

    def starved_by_a_command(self) -> None:
        class Starved:
            @staticmethod
            async def obey(agent):
                raise MemoryError("import")

        self.make()
        self.session.backoff_ms = lambda: 60_000
        enos_ota.orders = sys.modules["enos_ota.orders"] = Starved
        self.patch(enos_ota, "_WAITING", enos_ota._WAITING + " orders")
        self.command()
        self.start_ms = self.clock.now_ms

    def lasted(self, duration_ms):
        return lambda: self.clock.now_ms - self.start_ms > duration_ms

    def test_starved_by_each_command_resets_too(self):
        self.starved_by_a_command()
        self.drive(self.lasted(4 * 3_600_000))
        self.assertTrue(self.was_reset)
        self.assertTrue(self.clock.now_ms - self.start_ms >= 3_600_000)

    def test_session_with_nothing_to_do_starts_the_time_anew(self):
        self.starved_by_a_command()
        self.drive(self.lasted(3_000_000))
        order, self.agent.order = self.agent.order, None
        self.drive(self.lasted(3_100_000))
        self.agent.order = order
        self.drive(self.lasted(6_000_000))
        self.assertFalse(self.was_reset)
