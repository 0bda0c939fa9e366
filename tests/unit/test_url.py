"""What an address consists of."""

from enos_ota.errors import DownloadError
from enos_ota.url import split_url
from helpers import Case


class TestSplitUrl(Case):
    def test_split_url_whole_address(self):
        self.assertEqual(
            split_url("https://files.example:18443/a/b?c=d:e//f"),
            ("https", "files.example", 18443, "/a/b?c=d:e//f"),
        )

    def test_split_url_without_port_or_path(self):
        self.assertEqual(split_url("mqtts://host"), ("mqtts", "host", 0, ""))
        self.assertEqual(split_url("https://host/"), ("https", "host", 0, "/"))
        self.assertEqual(split_url("mqtt://host:11883"), ("mqtt", "host", 11883, ""))

    def test_split_url_not_an_address_raises_download_error(self):
        for url in (
            "",
            "host",
            "https://",
            "https:///path",
            "https://:80/",
            "https://h:x/",
            "https://h:-1/",
        ):
            self.raised(DownloadError, split_url, url)

    def test_split_url_error_shows_nothing_of_a_url_or_key(self):
        # Without http_broker in the config the address is "/auth/<key>/...", and the text goes to EnOS.
        for url in ("/auth/pk/dk", "/1b30e0ea83002000/ota"):
            self.assertFalse(url[:6] in str(self.raised(DownloadError, split_url, url)))
