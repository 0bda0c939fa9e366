"""How long a download waits for its next connection: spread, and no try spent where there is no network."""

import network
from contents import File
from enos_ota.errors import GaveUpError, LinkError, StarvedError
from helpers import run
from lossy import Server
from upgrading import OnChip, Pace

SAMPLES = 200


class TestPause(OnChip):
    def pauses(self, fruitless, count=SAMPLES):
        """Milliseconds that `wait` takes while all is well."""
        job = self.work()
        from enos_ota.patience import wait

        found = []
        for _ in range(count):
            begin_ms = self.clock.now_ms
            run(wait(job, fruitless))
            found.append(self.clock.now_ms - begin_ms)
            self.clock.now_ms = begin_ms  # the time of an upgrade is not what is tested
        return found

    def test_pause_after_some_bytes_is_a_second_or_two(self):
        found = self.pauses(0)
        self.assertTrue(1000 <= min(found) <= 1100, min(found))
        self.assertTrue(1900 <= max(found) <= 2100, max(found))
        self.assertEqual(Pace.asked, [])

    def test_pause_without_a_byte_is_the_one_that_spreads_a_fleet(self):
        # Others lost the same server in the same moment.
        for spread_s, fruitless in ((32, 1), (32, 5), (2, 3)):
            Pace.asked.clear()
            self.agent.config.spread_s = spread_s
            self.assertEqual(self.pauses(fruitless, 1), [spread_s * 1000])
            self.assertEqual(Pace.asked, [(spread_s, fruitless)])


class TestOffline(OnChip):
    def setUp(self) -> None:
        super().setUp()
        self.clock.on_sleep = self.slept
        self.back_ms = None  # when what is away comes back
        self.bring_back = lambda: None

    def slept(self) -> None:
        if self.back_ms and self.clock.now_ms >= self.back_ms:
            self.back_ms = None
            self.bring_back()

    def away(self, duration_s, take, bring_back):
        """A server whose second connection fails, since something is away for so long."""
        server = Server(File())
        server.cuts = [1000]
        opened_ms = []

        def on_open(at):
            opened_ms.append(self.clock.now_ms)
            if len(server.opened) == 2:
                take()
                self.back_ms = self.clock.now_ms + duration_s * 1000

        self.bring_back = bring_back
        server.on_open = on_open
        server.errors = [None, LinkError("unreachable")]
        self.opened_ms = opened_ms
        return server

    def leave_wifi(self) -> None:
        network.State.joined = None

    def join_wifi(self) -> None:
        network.State.joined = "home"

    def lose_session(self) -> None:
        self.agent.is_informed = False

    def inform(self) -> None:
        self.agent.is_informed = True

    def test_no_try_is_spent_while_the_network_or_the_session_is_away(self):
        # Six of them, with their pauses, would be over in minutes.
        for take, bring_back in (
            (self.leave_wifi, self.join_wifi),
            (self.lose_session, self.inform),
        ):
            self.power_up()
            server = self.away(3600, take, bring_back)
            self.succeeds(File(), server)
            self.assertEqual(server.opened, [0, 1000, 1000])
            waited_ms = self.opened_ms[2] - self.opened_ms[1]
            self.assertTrue(3_600_000 <= waited_ms <= 3_600_500, waited_ms)

    def test_session_that_the_upgrade_closed_is_not_waited_for(self):
        server = self.away(3600, self.lose_session, self.inform)
        job = self.work(File(), server)
        self.agent.hushed = True
        self.agent.is_informed = False
        from enos_ota.patience import wait

        begin_ms = self.clock.now_ms
        run(wait(job, 0))
        self.assertTrue(self.clock.now_ms - begin_ms <= 2100)

    def test_session_that_finds_no_memory_is_not_waited_for(self):
        # It is the upgrade that holds it: both would wait for each other.
        job = self.work(File())
        from enos_ota.patience import wait

        self.agent.is_informed = False
        self.agent.starved_ms = begin_ms = self.clock.now_ms
        self.raised(StarvedError, run, wait(job, 0))
        self.assertTrue(15_000 < self.clock.now_ms - begin_ms <= 15_600)

    def test_network_of_the_application_is_not_asked_for(self):
        self.agent.config.network = "external"
        self.leave_wifi()
        server = Server(File())
        server.cuts = [1000]
        self.succeeds(File(), server)
        self.assertEqual(server.opened, [0, 1000])

    def test_network_that_stays_away_for_the_time_of_an_upgrade_gives_it_up(self):
        begin_ms = self.clock.now_ms
        server = self.away(1_000_000, self.leave_wifi, self.join_wifi)
        self.assertIn("7200 s", self.fails(GaveUpError, File(), server))
        self.assertEqual(server.opened, [0, 1000])
        self.assertTrue(7_200_000 <= self.clock.now_ms - begin_ms <= 7_201_000)
