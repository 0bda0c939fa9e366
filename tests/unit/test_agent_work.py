"""The agent: the task of one upgrade, which hands its end to `orders`, and leaves nothing behind."""

import asyncio
import sys

import enos_ota
from enos_ota.errors import DownloadError, LinkError, StarvedError
from fakeagent import Module, Upgrade, WithAgent, agent

SIGN = "ab" * 32


class Firmware:
    version = "2.0"
    sign = SIGN


class Orders:
    """Stands for the module `orders`. ended: (firmware, error) of each upgrade, `seen` at its end."""

    ended = []
    seen = []
    look = staticmethod(lambda: None)

    @classmethod
    async def end(cls, made, firmware, error) -> None:
        await asyncio.sleep_ms(0)
        cls.ended.append((firmware, error))
        cls.seen.append(cls.look())
        made.stop()


class TestWork(WithAgent):
    def setUp(self) -> None:
        super().setUp()
        self.patch(enos_ota, "_WAITING", enos_ota._WAITING + " orders")
        enos_ota.orders = sys.modules["enos_ota.orders"] = Orders
        Orders.ended = []
        Orders.seen = []
        Orders.look = staticmethod(lambda: None)

    def tearDown(self) -> None:
        self.patch(enos_ota, "_WAITING", enos_ota._WAITING.replace(" orders", ""))
        super().tearDown()

    def work(self, *plan, done=lambda: True, **hooks) -> None:
        """Start an upgrade beside the agent, and drive until its end and `done()`."""
        self.make(**hooks)
        Upgrade.plan = list(plan)

        async def start():
            while not self.said("inform"):
                await asyncio.sleep_ms(0)
            self.agent.start(Firmware)
            self.assertEqual(self.agent.digest, SIGN)
            self.assertFalse(self.agent.may_sleep())

        self.drive(lambda: Orders.ended and done(), start())

    def ended(self, kind):
        """The text of the one error that an upgrade ended in."""
        ((firmware, error),) = Orders.ended
        self.assertTrue(firmware is Firmware)
        self.assertTrue(type(error) is kind, error)
        return str(error)

    def test_error_of_an_upgrade_is_handed_on_as_it_is(self):
        for error in (DownloadError("HTTP 404"), MemoryError("x"), KeyError("k"), OSError(5)):
            Orders.ended = []
            self.work(error)
            self.assertEqual(self.ended(type(error)), str(error))
            self.assertEqual(self.agent.digest, "")

    def test_mode_reboot_begins_nothing_and_is_starved_as_configured(self):
        asked = []

        def allocate(size):
            asked.append(size)
            return bytearray(size)

        agent.bytearray = allocate
        try:
            self.work(upgrade="reboot")
        finally:
            del agent.bytearray
        self.assertEqual(self.ended(StarvedError), "as configured")
        self.assertEqual(Upgrade.begun, [])
        self.assertEqual(asked, [])

    def test_mode_reboot_in_the_boot_alone_upgrades(self):
        self.work(LinkError("closed"), upgrade="reboot", alone=True)
        self.assertEqual(self.ended(LinkError), "closed")
        self.assertEqual(Upgrade.begun, ["2.0"])

    def test_other_modes_upgrade_beside_the_application(self):
        for mode in ("auto", "live"):
            Orders.ended = []
            self.work(LinkError("closed"), upgrade=mode)
            self.ended(LinkError)
        self.assertEqual(Upgrade.begun, ["2.0"] * 2)

    def test_buffer_that_cannot_be_had_is_a_memory_error_and_nothing_is_made(self):
        def allocate(size):
            raise MemoryError("%d bytes" % size)

        agent.bytearray = allocate
        try:
            self.work()
        finally:
            del agent.bytearray
        self.assertEqual(self.ended(MemoryError), "4096 bytes")
        self.assertEqual(Upgrade.begun, [])

    def test_what_an_upgrade_imported_is_forgotten_before_its_end_and_after_it(self):
        def put(name) -> None:
            sys.modules["enos_ota." + name] = Module()
            setattr(enos_ota, name, Module())

        def loaded():
            return [
                n
                for n in ("fetch", "journal")
                if "enos_ota." + n in sys.modules or hasattr(enos_ota, n)
            ]

        def fetch():
            put("fetch")
            return LinkError("closed")

        def look():
            found = loaded()
            put("journal")
            return found

        Orders.look = staticmethod(look)
        self.work(fetch, done=lambda: not loaded())
        self.assertEqual(Orders.seen, [[]])

    def test_buffer_is_reserved_when_the_agent_is_made(self):
        self.work(LinkError("closed"))
        self.assertEqual(len(self.agent.buf), 4096)
        self.assertTrue(Upgrade.buf is self.agent.buf)

    def test_agent_that_finds_no_buffer_is_made_and_asks_for_one_again(self):
        asked = []

        def allocate(size):
            asked.append(size)
            if len(asked) == 1:
                raise MemoryError
            return bytearray(size)

        agent.bytearray = allocate
        try:
            self.work(LinkError("closed"))
        finally:
            del agent.bytearray
        self.assertEqual(self.ended(LinkError), "closed")
        self.assertEqual(asked, [4096, 4096])

    def test_end_that_fails_itself_resets_the_board(self):
        # Else no other upgrade would ever begin; the journal tells the rest.
        def fail():
            raise MemoryError

        for error in (LinkError("closed"), MemoryError("x")):
            Orders.look = staticmethod(fail)
            Orders.ended = []
            self.was_reset = False
            self.work(error)
            self.assertTrue(self.was_reset)
