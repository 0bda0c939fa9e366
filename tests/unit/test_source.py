"""A file asked for: its connection, and what the status of an answer means."""

from enos_ota.errors import DownloadError, LinkError
from enos_ota.source import Source
from fileserver import FILE, FOREIGN, PLAIN_URL, Commanded, WithFiles, answer
from helpers import run
from net import Server


class TestHttps(WithFiles):
    def test_https_address_is_asked_as_it_is(self):
        url = "https://localhost:8443/a/b%20c?d=e"
        self.assertEqual(self.open(0, url), (0, len(FILE), FILE))
        self.assertEqual(self.lines(), ["/a/b%20c?d=e"])

    def test_no_server_is_a_link_error(self):
        self.config.hosts = ["nowhere"]
        self.assertRaises(LinkError, run, self.make("https://nowhere/f").open(0))

    def test_close_keeps_nothing_open_and_is_safe_to_repeat(self):
        made = Source(self.config, None, Commanded(PLAIN_URL))
        made.http.close()
        self.served(made.open(0))
        self.assertEqual(made.http.left_bytes, len(FILE))
        made.http.close()
        made.http.close()
        self.assertEqual(made.http.left_bytes, 0)


class TestHosts(WithFiles):
    """Whoever may send a command does not choose the server."""

    def setUp(self) -> None:
        super().setUp()
        self.net.names += ["broker", "base", "cdn", "BASE"]
        for port in (80, 443, 9443):
            Server(self.net, port)
            self.net.servers[port] = self.net.servers[8443]
        self.config.http_broker = "https://broker:8443"
        self.config.base_url = "https://base"

    def test_host_of_the_broker_and_of_the_base_url_serve_files(self):
        for url in ("https://broker:8443/f", "https://base/f", "https://BASE:443/f"):
            self.assertEqual(self.open(0, url)[0], 0)
        self.assertEqual(self.net.connections, 3)

    def test_any_other_host_or_port_is_refused_without_a_connection(self):
        for url in (
            "https://cdn/f",
            "https://base:8443/f",
            "https://broker/f",
            "https://base.cdn/f",
            "https://base@cdn/f",
            "https://base:443@cdn/f",
            "https://base\\@cdn/f",
            "https://base:443:8443/f",
            "https:///f",
            "https://",
        ):
            self.assertTrue(self.refused(0, url) in (FOREIGN, "not an address"), url)
        self.assertEqual(self.net.connections, 0)

    def test_other_host_serves_files_where_it_is_configured(self):
        for hosts, url in (
            (["x", "cdn"], "https://cdn/f"),
            (["CDN:9443"], "https://cdn:9443/f"),
            (["*"], "https://cdn:9443/f"),
        ):
            self.config.hosts = hosts
            self.assertEqual(self.open(0, url)[0], 0)
        for hosts, url in ((["cdn"], "https://cdn:9443/f"), (["cdn:9443"], "https://cdn/f")):
            self.config.hosts = hosts
            self.assertEqual(self.refused(0, url), FOREIGN)

    def test_settings_without_a_broker_and_a_base_url_let_no_host_serve_files(self):
        self.config.http_broker = self.config.base_url = ""
        for url in ("https://broker:8443/f", "https://-/f", "https:///f"):
            self.assertTrue(self.refused(0, url) in (FOREIGN, "not an address"), url)
        self.assertEqual(self.net.connections, 0)

    def test_plain_http_is_another_port_and_needs_the_word(self):
        # A host that serves over TLS is not asked without.
        self.config.plain = ["http"]
        self.assertEqual(self.refused(0, "http://base/f"), FOREIGN)
        self.config.base_url = "http://base"
        self.assertEqual(self.open(0, "http://base/f")[0], 0)
        self.config.plain = ["mqtt"]
        text = str(self.raised(DownloadError, self.open, 0, "http://base/f"))
        self.assertEqual(text, "not an https address")
        self.assertEqual(self.net.connections, 1)


class TestStatus(WithFiles):
    def test_status_that_a_retry_may_change_is_a_link_error(self):
        for status in (408, 425, 429, 500, 502, 503, 504, 599):
            self.files.next = [answer(status, b"secret https://x")]
            self.assertEqual(self.refused(kind=LinkError), "HTTP %d" % status)

    def test_status_that_no_retry_would_change_is_a_download_error(self):
        for status in (201, 204, 300, 304, 305, 400, 401, 403, 404, 410, 451):
            self.files.next = [answer(status, b"secret https://x")]
            self.assertEqual(self.refused(), "HTTP %d" % status)
        self.assertEqual(len(self.files.asked), 11)

    def test_range_refused_at_byte_0_is_a_download_error(self):
        self.files.next = [answer(416)]
        self.assertEqual(self.refused(), "HTTP 416")
