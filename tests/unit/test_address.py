"""From `fileUrl` to a request: its shapes and signatures."""

from enos_ota import board
from enos_ota.address import quote
from enos_ota.errors import DownloadError
from fileserver import FILE, WithFiles
from helpers import Case


class TestQuote(Case):
    def test_quote_vectors(self):
        for text, quoted in (
            ("AZaz09-._~", "AZaz09-._~"),
            ("enos-connect://23f5.bin", "enos-connect%3A%2F%2F23f5.bin"),
            ("a b&c=d+e%f?g#h", "a%20b%26c%3Dd%2Be%25f%3Fg%23h"),
            ("ü€", "%C3%BC%E2%82%AC"),
            ("\r\n\x00\x7f", "%0D%0A%00%7F"),
            ("", ""),
        ):
            self.assertEqual(quote(text), quoted)


class TestScheme(WithFiles):
    def test_other_schemes_are_refused_without_a_connection(self):
        for url in (
            "ftp://h/f",
            "enos-other://x",
            "enos-connect:x",
            "enos-connect",
            "enos-connect://",
            "f.bin",
            "",
            "HTTPS//x",
            "file:///etc",
        ):
            self.assertEqual(self.refused(0, url), "unknown kind of fileUrl")
        self.assertEqual(self.net.connections, 0)

    def test_http_is_refused_without_a_connection_unless_the_settings_say_so(self):
        url = "http://localhost:8443/f"
        for self.config.plain in ((), ("mqtt",)):
            error = self.raised(DownloadError, self.open, 0, url)
            self.assertEqual(str(error), "not an https address")
        self.assertEqual(self.net.connections, 0)
        self.config.plain = ("http",)
        self.assertEqual(self.open(0, url), (0, len(FILE), FILE))


class TestRelative(WithFiles):
    def test_relative_with_an_access_key_is_a_signed_getfile(self):
        self.patch(board, "unix_time", lambda: 1548753362)
        self.config.access_key = "AK&1"
        self.config.secret_key = "SKdemo"
        self.config.org_id = "o15504722874071"
        for method in ("sha1", "sha256"):
            self.config.file_sign = method
            self.assertEqual(
                self.open(7, "/1b30e0ea83002000/ota/kadak13"), (7, len(FILE), FILE[7:])
            )
            line = self.lines()[-1]
            self.assertTrue(line.startswith("/commonFileService/files?"), line)
            pairs = sorted(line[len("/commonFileService/files?") :].split("&"))
            self.assertEqual(
                [pair for pair in pairs if not pair.startswith("sign=")],
                [
                    "accessKey=AK%261",
                    "orgId=o15504722874071",
                    "path=%2F1b30e0ea83002000%2Fota%2Fkadak13",
                    "requestTimestamp=1548753362000",
                ],
            )
            self.assertEqual(len(pairs[-1]), len("sign=") + (40 if method == "sha1" else 64))
            self.assertFalse("SKdemo" in line)

    def test_relative_without_an_access_key_is_joined_to_the_base(self):
        self.assertEqual(self.open(0, "/upload/firmware_2.0.bin"), (0, len(FILE), FILE))
        self.assertEqual(self.lines(), ["/upload/firmware_2.0.bin"])

    def test_relative_name_with_blanks_and_umlauts_is_one_valid_request_line(self):
        # Unquoted, a blank would split the request line, and CR LF would end it.
        self.assertEqual(self.open(0, "/upload/neue Pumpe ü.bin"), (0, len(FILE), FILE))
        self.assertEqual(self.lines(), ["/upload/neue%20Pumpe%20%C3%BC.bin"])

    def test_relative_without_a_base_names_the_setting_and_nothing_else(self):
        self.config.base_url = ""
        self.assertEqual(self.refused(0, "/1b30e0/x"), "base_url is not configured")
        self.config.access_key = "AK"
        self.assertEqual(self.refused(0, "/1b30e0/x"), "base_url is not configured")
        self.assertEqual(self.net.connections, 0)
