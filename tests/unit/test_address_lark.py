"""`enos-lark://`: the HTTP broker tells where the file is."""

from enos_ota.errors import LinkError
from fileserver import FILE, FOREIGN, WithFiles, answer, tell

LARK_URL = "enos-lark://23f5ff270b800000"
SIZE = len(FILE)


class TestLark(WithFiles):
    url = "https://localhost:8443/direct?token=1"

    def tells(self, *answers):
        self.files.next = list(answers)

    def told(self, data):
        return tell({"code": 200, "data": data})

    def test_enos_lark_asks_the_broker_for_the_address(self):
        self.tells(self.told(self.url))
        self.assertEqual(self.open(10, LARK_URL), (10, SIZE, FILE[10:]))
        self.assertEqual(
            self.lines()[1:],
            [
                "/multipart/sys/pK11111/dK987654/file/download/url?sessionId=session%2F1"
                "&fileUri=enos-lark%3A%2F%2F23f5ff270b800000&category=ota",
                "/direct?token=1",
            ],
        )
        self.assertEqual(self.sent("Range"), ["", "", "bytes=10-"])

    def test_address_is_asked_for_anew_by_a_later_resume(self):
        made = self.make(LARK_URL)
        self.tells(self.told(self.url))
        self.open(0, made=made)
        made.close()
        self.tells(self.told("https://localhost:8443/direct?token=2"))
        self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))
        self.assertEqual(self.lines()[-1], "/direct?token=2")
        self.assertEqual(self.files.sessions, 1)

    def test_address_on_a_host_that_is_not_configured_is_refused(self):
        for url in ("https://cdn/x", "https://localhost/x", "//cdn/x", "http://cdn/x"):
            self.tells(self.told(url))
            self.assertEqual(self.refused(0, LARK_URL), FOREIGN)

    def test_address_on_a_configured_host_is_fetched(self):
        self.config.hosts = ["cdn:8443"]
        self.net.names.append("cdn")
        self.tells(self.told("https://cdn:8443/x"))
        self.assertEqual(self.open(0, LARK_URL), (0, SIZE, FILE))
        self.assertEqual(self.sent("Host")[-1], "cdn:8443")

    def test_address_that_is_redirected_is_followed(self):
        self.tells(self.told(self.url), answer(302, b"", "Location: /moved"))
        self.assertEqual(self.open(0, LARK_URL), (0, SIZE, FILE))
        self.assertEqual(self.lines()[-1], "/moved")

    def test_answer_without_an_address_is_refused(self):
        for said in (
            tell({"code": 200}),
            self.told(None),
            self.told(""),
            self.told(7),
            self.told([self.url]),
            self.told({"url": self.url}),
            tell({"code": 1404, "data": self.url}),
            answer(200, b"<html>"),
            answer(404, b"<html>"),
            answer(302, b"", "Location: /x"),
        ):
            self.files.asked.clear()
            self.tells(said)
            self.refused(0, LARK_URL)

    def test_code_is_named(self):
        self.tells(tell({"code": 1404, "message": "secret"}))
        self.assertIn("1404", self.refused(0, LARK_URL))

    def test_busy_broker_is_a_link_error(self):
        self.tells(answer(503, b"<html>"))
        self.assertEqual(self.refused(0, LARK_URL, LinkError), "HTTP 503")

    def test_session_that_expired_is_opened_anew(self):
        for expired in (
            answer(401),
            tell({"code": 742}),
            tell({"code": 742}, 401),
            answer(302, b"", "Location: /x"),
        ):
            self.files.asked.clear()
            made = self.make(LARK_URL)
            self.tells(self.told(self.url))
            self.open(0, made=made)
            before = self.files.sessions
            self.files.valid = "another"
            self.files.expired = expired
            self.tells(self.told(self.url))
            self.assertEqual(self.open(10, made=made), (10, SIZE, FILE[10:]))
            self.assertEqual(self.files.sessions, before + 1)
