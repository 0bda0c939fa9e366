"""A file asked for: its connection, and what the status of an answer means."""

from enos_ota.errors import LinkError
from enos_ota.source import Source
from fileserver import FILE, PLAIN_URL, Commanded, WithFiles, answer
from helpers import run


class TestHttps(WithFiles):
    def test_https_address_is_asked_as_it_is(self):
        url = "https://localhost:8443/a/b%20c?d=e"
        self.assertEqual(self.open(0, url), (0, len(FILE), FILE))
        self.assertEqual(self.lines(), ["/a/b%20c?d=e"])

    def test_no_server_is_a_link_error(self):
        self.assertRaises(LinkError, run, self.make("https://nowhere/f").open(0))

    def test_close_keeps_nothing_open_and_is_safe_to_repeat(self):
        made = Source(self.config, None, Commanded(PLAIN_URL))
        made.http.close()
        self.served(made.open(0))
        self.assertEqual(made.http.left_bytes, len(FILE))
        made.http.close()
        made.http.close()
        self.assertEqual(made.http.left_bytes, 0)


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
