"""Redirects: which are followed, and whom they may lead to."""

from enos_ota import redirect
from enos_ota.errors import DownloadError
from fileserver import FILE, FOREIGN, WithFiles, answer, partial
from helpers import Case
from net import Server

SIZE = len(FILE)


def to(location, status=302, data=b"<html>moved</html>"):
    return answer(status, data, "Location: " + location)


class TestJoin(Case):
    def test_join_vectors(self):
        base = "https://h:8443/a/b/c.bin?x=/y"
        for location, joined in (
            ("https://other/x?y#z", "https://other/x?y"),
            ("//other:1/x", "https://other:1/x"),
            ("/x/y?u=https://z", "https://h:8443/x/y?u=https://z"),
            ("d.bin", "https://h:8443/a/b/d.bin"),
            ("d?u=https://z/", "https://h:8443/a/b/d?u=https://z/"),
            ("http://h/x", "http://h/x"),
            ("?y=1#z", "https://h:8443/a/b/c.bin?y=1"),
        ):
            self.assertEqual(redirect.join(base, location), joined)
        self.assertEqual(redirect.join("https://h", "x"), "https://h/x")
        self.assertEqual(redirect.join("https://h", "/x"), "https://h/x")
        self.assertEqual(redirect.join("https://h", "?x"), "https://h/?x")
        self.assertEqual(redirect.join("https://h?a=b", "x"), "https://h?a=b/x")


class TestRedirect(WithFiles):
    def setUp(self) -> None:
        super().setUp()
        self.net.names += ["cdn", "cDn", "LOCALHOST"]
        Server(self.net, 443)
        self.net.servers[443] = self.net.servers[8443]

    def test_redirect_of_each_kind_is_followed_on_the_same_host(self):
        for status in (301, 302, 303, 307, 308):
            for location in ("https://localhost:8443/x", "//LOCALHOST:8443/x", "/x", "x"):
                self.files.asked.clear()
                self.files.next = [to(location, status)]
                self.assertEqual(self.open(10), (10, SIZE, FILE[10:]))
                self.assertEqual(self.lines(), ["/f.bin", "/x"])
                self.assertEqual(self.sent("Range"), ["bytes=10-"] * 2)

    def test_three_redirects_are_followed_and_a_fourth_refused(self):
        self.files.next = [to("/1"), to("/2"), to("/3")]
        self.assertEqual(self.open(0), (0, SIZE, FILE))
        self.assertEqual(self.lines(), ["/f.bin", "/1", "/2", "/3"])
        self.files.next = [to("/1"), to("/2"), to("/3"), to("/4")]
        self.assertEqual(self.refused(), "redirected too often")
        self.assertEqual(len(self.files.asked), 8)

    def test_another_host_or_port_is_refused_without_a_connection(self):
        for location in (
            "https://cdn/x",
            "https://cdn:8443/x",
            "https://localhost/x",
            "https://localhost:443/x",
            "//cdn/x",
            "https://localhost.cdn:8443/x",
            "https://localhost:8443.cdn/x",
            "https://localhost:8443@cdn/x",
            "https://cdn\\@localhost:8443/x",
        ):
            self.files.next = [to(location)]
            before = self.net.connections
            self.assertTrue(self.refused() in (FOREIGN, "not an address"), location)
            self.assertEqual(self.net.connections, before + 1)

    def test_another_host_is_followed_when_it_is_configured(self):
        for name, location in (
            ("cdn", "https://cdn/x"),
            ("cdn", "https://cdn:443/x"),
            ("CDN:443", "https://cdn/x"),
            ("cdn:8443", "https://cDn:8443/x"),
        ):
            self.config.hosts = ["elsewhere", name]
            self.files.next = [to(location)]
            self.assertEqual(self.open(10), (10, SIZE, FILE[10:]))
        self.assertEqual(self.sent("Host")[-1].lower(), "cdn:8443")

    def test_configured_host_counts_with_its_port_only(self):
        for name, location in (("cdn", "https://cdn:8443/x"), ("cdn:8443", "https://cdn/x")):
            self.config.hosts = [name]
            self.files.next = [to(location)]
            self.assertEqual(self.refused(), FOREIGN)

    def test_way_back_to_the_first_host_is_followed(self):
        self.config.hosts = ["cdn"]
        self.files.next = [to("https://cdn/1"), to("/2"), to("https://localhost:8443/3")]
        self.assertEqual(self.open(0), (0, SIZE, FILE))
        self.assertEqual(self.sent("Host"), ["localhost:8443", "cdn", "cdn", "localhost:8443"])

    def test_http_is_never_followed(self):
        self.config.hosts = ["cdn", "localhost", "localhost:80", "cdn:80"]
        for location in (
            "http://localhost:8443/x",
            "http://cdn/x",
            "http://cdn:80/x",
            "ftp://cdn/x",
        ):
            self.files.next = [to(location)]
            before = self.net.connections
            self.assertEqual(str(self.raised(DownloadError, self.open)), "not an https address")
            self.assertEqual(self.net.connections, before + 1)

    def test_redirect_without_an_address_names_its_status(self):
        self.files.next = [answer(302), answer(308, b"", "Location:")]
        self.assertEqual(self.refused(), "HTTP 302")
        self.assertEqual(self.refused(), "HTTP 308")

    def test_address_that_cannot_be_sent_is_refused(self):
        for location in ("/a b", "/a\tb", "/a\rX: y", "/a\x00"):
            self.files.next = [to(location)]
            self.assertTrue(self.raised(DownloadError, self.open))
            self.assertEqual(len(self.files.asked), 1)
            self.files.asked.clear()

    def test_later_resume_begins_at_the_original_address(self):
        made = self.make()
        self.files.next = [to("/once?token=1")]
        self.open(0, made=made)
        made.close()
        self.files.next = [to("/once?token=2")]
        self.open(10, made=made)
        self.assertEqual(self.lines(), ["/f.bin", "/once?token=1", "/f.bin", "/once?token=2"])

    def test_restart_from_byte_0_begins_at_the_original_address(self):
        made = self.make()
        self.open(0, made=made)
        other = partial(10, 19, 20, FILE[10:20])
        self.files.asked.clear()
        self.files.next = [to("/1"), other, to("/2")]
        self.assertEqual(self.open(10, made=made), (0, SIZE, FILE))
        self.assertEqual(self.lines(), ["/f.bin", "/1", "/f.bin", "/2"])

    def test_redirected_request_carries_no_session(self):
        self.config.hosts = ["cdn"]
        self.files.next = [to("https://cdn/x"), partial(0, SIZE - 1, SIZE, FILE)]
        self.open(0, "enos-connect://23f5.bin")
        head = self.files.asked[-1][0]
        self.assertTrue(head.startswith("GET /x HTTP/1.1\r\n"))
        for secret in ("session", "pK1", "dK9", "enos-connect", "Auth", "auth", "Cookie"):
            self.assertFalse(secret in head, head)
