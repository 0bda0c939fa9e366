"""What neither EnOS nor the agent ever wrote: sequences, topics, answers and settings that cannot be."""

import esp32
import machine
from bootstub import NVS, VALID, OnBoard
from broker import PREFIX, WithBroker, publish
from enos_ota import journal, login
from enos_ota.errors import DownloadError
from helpers import Case, run, together
from httpcase import URL, Slow, head


class TestSequence(Case):
    def test_rollback_whose_sequence_nvs_cannot_hold_is_told_once(self):
        # The one of damaged otadata: 32 bits, of which NVS takes 31 and a sign.
        for sequence in (0x7FFFFFFF, 0x80000001, 0xFFFFFFFD):
            esp32.power_up()
            self.assertFalse(journal.is_told(sequence))
            journal.tell(sequence)
            self.assertTrue(journal.is_told(sequence), sequence)
            self.assertFalse(journal.is_told(7))


class TestTopic(WithBroker):
    def test_message_whose_topic_is_no_text_is_acknowledged_and_passed_over(self):
        self.connect()
        prefix = PREFIX.encode()
        odd = publish(PREFIX + "upgrade", {"id": "1"}, 1).replace(prefix, prefix[:-2] + b"\xff\xfe")
        self.broker.peer.send(odd + publish(PREFIX + "upgrade", {"id": "2"}))
        self.session.poll()
        self.assertEqual([message["id"] for message in self.upgrades], ["2"])
        self.assertEqual(self.broker.peer.waiting(), b"\x40\x02\x00\x07")
        self.assertEqual(len(self.lines), 1)


class TestAnswer(Slow):
    def test_json_that_takes_too_much_memory_is_a_download_error(self):
        def starved(data):
            raise MemoryError

        async def serve():
            peer = await self.server.accept()
            await peer.until(b"\r\n\r\n")
            peer.send(head(200, length=2) + b"{}")

        self.patch(login, "parse", starved)
        self.anew()
        error = self.raised(DownloadError, run, together(login.ask(self.http, "GET", URL), serve()))
        self.assertEqual(str(error), "HTTP 200 without JSON")


class TestWatchdog(OnBoard):
    def test_watchdog_is_a_days_at_most(self):
        # What a chip cannot measure would be none at all, or one that bites at once.
        for setting in (b"86400", b"86401", b"9999999"):
            self.power_up((1, VALID))
            self.chip.nvs[(NVS, "wdt_s")] = setting
            self.boot()
            self.assertEqual(machine.State.watchdog_ms, 86_400_000)
