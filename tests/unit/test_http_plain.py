"""HTTP without TLS: only by the word, and never mixed with what goes over TLS."""

import net
from enos_ota.errors import DownloadError
from enos_ota.http import Http
from helpers import run
from httpcase import WithServer, head

PLAIN = "http://localhost:18443/x"
SECURE = "https://localhost:18443/x"


class Settings:
    cert = ""
    pins = ()
    plain = ("http",)
    mqtt = http_broker = "https://localhost"


class Context:
    """Stands for a context of TLS: the socket goes on as it is."""

    def __init__(self) -> None:
        self.hosts = []

    def wrap_socket(self, raw, server_hostname, **options):
        self.hosts.append(server_hostname)
        return raw


class TestPlain(WithServer):
    def setUp(self) -> None:
        super().setUp()
        self.context = Context()
        self.settings = Settings()
        self.http = Http(self.context, self.settings)

    def test_plain_http_needs_the_word(self):
        for plain in ((), ("mqtt",)):
            self.settings.plain = plain
            error = self.raised(DownloadError, run, self.http.request("GET", PLAIN))
            self.assertEqual(str(error), "not an https address")
        self.assertEqual(self.net.connections, 0)
        self.settings.plain = ("mqtt", "http")
        self.get(head(length=0), url=PLAIN)
        self.assertEqual(self.context.hosts, [])

    def test_word_lets_no_other_scheme_pass(self):
        for url in ("ftp://localhost:18443/x", "mqtt://localhost:18443/x", "HTTP://localhost/x"):
            self.raised(DownloadError, run, self.http.request("GET", url))
        self.assertEqual(self.net.connections, 0)

    def test_port_80_is_its_default(self):
        self.server = net.Server(self.net, 80)
        self.get(head(length=0), url="http://localhost/x")
        self.assertIn("Host: localhost\r\n", self.asked.decode())

    def test_connection_without_tls_is_not_used_for_one_with_it_nor_the_other_way(self):
        # At the same port: who listens there must not get what is meant for the other.
        self.get(head(length=0), url=SECURE)
        for url, hosts in ((PLAIN, 1), (SECURE, 2), (PLAIN, 2)):
            former, self.peer = self.peer, None
            before = self.net.connections
            self.get(head(length=0), url=url)
            self.assertEqual(self.net.connections, before + 1)
            self.assertEqual(former.waiting(), b"")
            self.assertEqual(len(self.context.hosts), hosts)
        self.get(head(length=0), url=PLAIN)  # and this one is used again
        self.assertEqual(self.net.connections, 4)
