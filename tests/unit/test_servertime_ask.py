"""Whom the time is asked of, and how: real TLS, on loopback."""

import asyncio

from certificates import path
from enos_ota import contexts, servertime
from helpers import Case, run
from peer import Server
from secured import Config, Secured

DATE = b"Sun, 06 Nov 2022 08:49:37 GMT"
TOLD = DATE.decode().lower()


def head(*lines, status=b"404 Nothing"):
    return b"\r\n".join((b"HTTP/1.1 " + status,) + lines) + b"\r\n\r\n"


class Telling(Secured):
    """Answers what it is told to, in pieces of `size` bytes; asked: the request."""

    def __init__(self, answer, certificate="server.der", size=2048, **options) -> None:
        super().__init__(certificate, **options)
        self.answer = answer
        self.size = size

    async def talk(self, stream) -> None:
        while not self.heard.endswith(b"\r\n\r\n"):
            self.heard += stream.read(64) or b""
            await asyncio.sleep_ms(1)
        for at in range(0, len(self.answer), self.size):
            stream.write(self.answer[at : at + self.size])
            await asyncio.sleep_ms(1)


class Agent:
    def __init__(self, **settings) -> None:
        self.config = Config(base_url="", **settings)
        self.context = contexts.make(self.config)


class TestAsk(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(servertime, "log", lambda level, text: self.lines.append(text))

    def ask(self, served, is_verified=True, setting="http_broker", **settings):
        server = Server()

        async def both():
            task = asyncio.create_task(served.serve(server))
            agent = Agent(**settings)
            setattr(agent.config, setting, "https://localhost:%d" % server.port)
            found = await servertime._ask(agent, is_verified)
            await task
            return found

        try:
            return run(both())
        finally:
            server.close()

    def test_date_of_any_answer_is_told(self):
        for answer in (
            head(b"Date: " + DATE),
            head(b"Server: x", b"dAtE:" + DATE, b"X: y", status=b"200 OK"),
            head(b"X: y" * 100, b"Date: " + DATE),
            head(b"Date: " + DATE) + b"body\r\nDate: Mon, 07 Nov 2022 08:49:37 GMT\r\n",
        ):
            for size in (2048, 7):
                served = Telling(answer, size=size)
                self.assertEqual(self.ask(served).lower().strip(), TOLD)
        self.assertTrue(served.heard.startswith(b"GET / HTTP/1.1\r\nHost: localhost\r\n"))
        self.assertFalse(b"Auth" in served.heard or b"Cookie" in served.heard)

    def test_answer_without_a_date_tells_nothing(self):
        for answer in (
            head(b"X-Date: " + DATE),
            head(b"Update: " + DATE),
            head() + b"\r\nDate: " + DATE + b"\r\n",
            head(b"X: y" * 600, b"Date: " + DATE),
            b"Date: " + DATE,
            b"",
        ):
            self.assertEqual(self.ask(Telling(answer)), "", answer[:40])

    def test_bytes_that_are_no_text_are_no_error(self):
        told = self.ask(Telling(head(b"Date: " + DATE.replace(b"06", b"\xb6\xff"))))
        self.assertEqual(servertime.parse(told), 0)

    def test_server_that_tls_refuses_tells_nothing_where_it_is_to_be_verified(self):
        for certificate in ("expired.der", "stranger.der", "elsewhere.der"):
            self.lines.clear()
            self.assertEqual(self.ask(Telling(head(b"Date: " + DATE), certificate)), "")
            self.assertTrue(self.lines[0].startswith("clock: TLS refused: "))

    def test_server_that_is_not_verified_tells_though_its_certificate_is_wrong(self):
        for certificate in ("expired.der", "future.der", "stranger.der"):
            served = Telling(head(b"Date: " + DATE), certificate)
            self.assertEqual(self.ask(served, False).lower().strip(), TOLD)

    def test_own_certificate_is_shown_to_the_broker_and_to_nobody_else(self):
        own = {"cert": path("client.der"), "key": path("client.key")}
        for is_verified, setting, told in (
            (True, "http_broker", TOLD),
            (False, "http_broker", TOLD),  # or it may not answer
            (True, "base_url", ""),
            (False, "base_url", ""),
        ):
            served = Telling(head(b"Date: " + DATE), client_ca="ca.der")
            mqtt = "mqtts://other"
            found = self.ask(served, is_verified, setting, mqtt=mqtt, **own)
            self.assertEqual(found.lower().strip(), told, (is_verified, setting))

    def test_pinned_broker_is_known_by_its_pin(self):
        pins = ["00" * 32]
        served = Telling(head(b"Date: " + DATE))
        self.assertEqual(self.ask(served, pins=pins), "")
        self.assertIn("no pin matches", self.lines[0])

    def test_file_server_is_asked_where_there_is_no_broker(self):
        served = Telling(head(b"Date: " + DATE))
        self.assertEqual(self.ask(served, setting="base_url").lower().strip(), TOLD)

    def test_nobody_is_asked_without_tls_or_an_address(self):
        agent = Agent()
        for url in ("", "http://localhost:1"):
            agent.config.http_broker = url
            for is_verified in (True, False):
                self.assertEqual(run(servertime._ask(agent, is_verified)), "")
        self.assertEqual(self.lines, [])

    def test_server_that_is_not_there_tells_nothing(self):
        server = Server()
        server.close()
        agent = Agent()
        agent.config.http_broker = "https://localhost:%d" % server.port
        self.assertEqual(run(servertime._ask(agent, True)), "")
        self.assertEqual(len(self.lines), 1)
