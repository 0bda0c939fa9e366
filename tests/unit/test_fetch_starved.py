"""An upgrade where memory is short: the MQTT session makes room, once; and nothing stays behind."""

import asyncio

from contents import SECTOR, File
from enos_ota.errors import DownloadError, LinkError, StarvedError, VerifyError
from helpers import run
from lossy import Server
from upgrading import OnChip

WAITS = 7  # until the session is closed


class Starved(OnChip):
    def setUp(self) -> None:
        super().setUp()
        self.waits = 0
        self.seen = []  # (hushed, session open) at each connection
        self.clock.on_sleep = self.slept

    def slept(self) -> None:
        # As the agent's own task does, when its turn comes.
        assert self.clock.now_ms < 100_000, "it waits for ever"
        self.waits += self.agent.hushed and self.agent.is_linked
        if self.waits >= WAITS:
            self.agent.is_linked = False

    def starving(self, *errors, file=None):
        """A server; its connections meet these errors in turn, None for a good one."""
        server = Server(file or File())
        server.errors = list(errors)
        server.on_open = lambda at: self.seen.append((self.agent.hushed, self.agent.is_linked))
        return server

    def start(self, *arguments, **command):
        try:
            return super().start(*arguments, **command)
        finally:
            self.left_nothing()

    def left_nothing(self) -> None:
        """Whatever the end: else the agent would never connect again."""
        self.assertEqual(self.agent.hushed, False)
        self.assertFalse(self.server.is_open)


class TestHush(Starved):
    def test_starved_connection_is_tried_again_when_the_session_is_closed(self):
        self.succeeds(File(), self.starving(StarvedError("no memory")))
        self.assertEqual(self.seen, [(False, True), (True, False)])
        self.assertEqual(self.waits, WAITS)

    def test_starved_connection_without_a_session_is_tried_again_at_once(self):
        self.agent.is_linked = False
        begin_ms = self.clock.now_ms
        pauses = []
        server = self.starving(StarvedError("no memory"))
        server.on_open = lambda at: pauses.append(self.clock.now_ms - begin_ms)
        self.succeeds(File(), server)
        self.assertEqual(pauses, [0, 0])

    def test_session_is_left_alone_while_there_is_memory(self):
        server = self.starving()
        server.cuts = [1000, 0, 2000]
        self.succeeds(File(), server)
        self.assertEqual(self.seen, [(False, True)] * 4)

    def test_starved_in_the_midst_continues_at_the_byte(self):
        server = self.starving(None, StarvedError("no memory"))
        server.cuts = [5000]
        self.succeeds(File(), server)
        self.assertEqual(server.opened, [0, 5000, 5000])
        self.assertEqual(self.seen[-1], (True, False))

    def test_second_starved_connection_is_a_starved_error(self):
        server = self.starving(StarvedError("first"), StarvedError("second"))
        self.assertEqual(self.fails(StarvedError, File(), server), "second")
        self.assertEqual(self.seen, [(False, True), (True, False)])

    def test_starved_again_after_some_bytes_is_a_starved_error(self):
        server = self.starving(StarvedError("first"), None, LinkError("lost"), StarvedError("last"))
        server.cuts = [5000]
        self.assertEqual(self.fails(StarvedError, File(), server), "last")
        self.assertEqual(server.opened, [0, 0, 5000, 5000])

    def test_session_stays_closed_while_connections_are_lost(self):
        server = self.starving(StarvedError("no memory"))
        server.cuts = [1000, 0, 2000]
        self.succeeds(File(), server)
        self.assertEqual(self.seen, [(False, True)] + [(True, False)] * 4)

    def test_session_may_return_when_the_file_is_there(self):
        # For the verification, which needs no TLS.
        hushed = []

        def saw(operation, label, offset, size):
            if operation == "read" and label == "ota_1" and size == SECTOR:
                hushed.append(self.agent.hushed)

        self.chip.on = saw
        self.succeeds(File(), self.starving(StarvedError("no memory")))
        self.assertEqual(hushed, [False] * 3)

    def test_session_is_no_longer_hushed_after_an_error(self):
        for error in (DownloadError("HTTP 404"), VerifyError("x"), StarvedError("2"), OSError(5)):
            server = self.starving(StarvedError("no memory"), error)
            self.assertTrue(self.trouble(self.start, File(), server))
            self.assertEqual(self.seen[-1], (True, False))


class TestMemoryError(Starved):
    def test_memory_error_in_the_midst_comes_out_as_it_is(self):
        for errors in ([], [StarvedError("no memory")]):
            server = self.starving(*errors)
            hushed = []

            def receive(at):
                if at >= 5000:
                    hushed.append(self.agent.hushed)
                    raise MemoryError("allocation failed")

            server.on_receive = receive
            error = self.raised(MemoryError, self.start, File(), server)
            self.assertEqual(str(error), "allocation failed")
            self.assertEqual(hushed, [bool(errors)])
            self.assertEqual(server.opened, [0] * (1 + len(errors)))
            self.assertEqual(self.chip.states()[1], None)

    def test_memory_error_in_a_connection_comes_out_as_it_is(self):
        server = self.starving(MemoryError())
        self.raised(MemoryError, self.start, File(), server)
        self.assertEqual(server.opened, [0])


class TestCancel(Starved):
    def cancelled(self, server, when) -> None:
        """Run the upgrade until `when()`, then cancel it."""
        work = self.work(File(), server)

        async def main():
            task = asyncio.create_task(work.run())
            while not when() and not task.done():
                await asyncio.sleep_ms(0)
            self.assertTrue(self.agent.hushed)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return
            raise AssertionError("not cancelled")

        run(main())
        self.left_nothing()

    def test_cancelled_while_the_session_closes_it_is_no_longer_hushed(self):
        server = self.starving(StarvedError("no memory"))
        self.cancelled(server, lambda: self.agent.hushed)
        self.assertEqual(server.opened, [0])

    def test_cancelled_in_the_download_it_is_no_longer_hushed(self):
        server = self.starving(StarvedError("no memory"))
        self.cancelled(server, lambda: server.received >= 5000)
        self.assertEqual(server.opened, [0, 0])

    def test_cancelled_between_two_tries_it_is_no_longer_hushed(self):
        server = self.starving(StarvedError("no memory"), LinkError("lost"))
        self.cancelled(server, lambda: len(server.opened) > 1)
