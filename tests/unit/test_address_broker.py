"""Files that the HTTP broker keeps: the log-in, and what the broker may say instead of a file."""

import json

from enos_ota.errors import DownloadError, LinkError
from fileserver import BROKER_URL, FILE, WithFiles, answer, tell
from helpers import run


class TestBroker(WithFiles):
    def test_enos_connect_logs_in_and_asks_with_the_session(self):
        self.assertEqual(self.open(0, BROKER_URL), (0, len(FILE), FILE))
        (login, body), _ = self.files.asked
        self.assertTrue(login.startswith("POST /auth/pK11111/dK987654 HTTP/1.1\r\n"))
        self.assertTrue("\r\nContent-Type: application/json;charset=UTF-8\r\n" in login)
        self.assertEqual(
            json.loads(body),
            {
                "signMethod": "sha256",
                "lifetime": 300000,
                "sign": "49ac3d2598d2fb5592694b077eb073122ed128bae3ac4b9f059ccf5a832e2598",
            },
        )
        self.assertEqual(
            self.lines()[1],
            "/multipart/sys/pK11111/dK987654/file/download?sessionId=session%2F1"
            "&fileUri=enos-connect%3A%2F%2F23f5ff270b800000.bin&category=ota",
        )

    def test_log_in_and_file_share_a_connection(self):
        self.open(0, BROKER_URL)
        self.assertEqual(self.net.connections, 1)

    def test_session_is_used_again_after_a_lost_connection(self):
        made = self.make(BROKER_URL)
        self.open(0, made=made)
        made.close()
        self.assertEqual(self.open(100, made=made), (100, len(FILE), FILE[100:]))
        self.assertEqual(self.files.sessions, 1)

    def test_without_http_broker_the_setting_is_named_and_nothing_else(self):
        self.config.http_broker = ""
        for url in (BROKER_URL, "enos-lark://23f5"):
            self.assertEqual(self.refused(0, url), "http_broker is not configured")
        self.assertEqual(self.net.connections, 0)


class TestExpired(WithFiles):
    """The broker forgets a session after 300 s without a request, and one connection can last longer."""

    def opened(self, url=BROKER_URL):
        made = self.make(url)
        self.open(0, made=made)
        self.files.valid = "another"
        return made

    def test_session_that_expired_is_opened_anew_however_the_broker_says_so(self):
        for said in (
            answer(401),
            answer(403, b"no"),
            answer(400),
            answer(404, b"x"),
            answer(416),
            answer(500),
            answer(503, b"<html>"),
            answer(302, b"", "Location: https://elsewhere/login"),
            tell({"code": 742}),
            answer(200, b"<html>log in</html>"),
        ):
            self.files.asked.clear()
            made = self.opened()
            self.files.expired = said
            before = self.files.sessions
            self.assertEqual(self.open(100, made=made), (100, len(FILE), FILE[100:]))
            self.assertEqual(self.files.sessions, before + 1)

    def test_session_is_opened_anew_only_once(self):
        made = self.opened()
        self.files.next = [answer(401), answer(401)]
        self.files.valid = "session/1"
        self.assertEqual(self.refused(100, made=made), "HTTP 401")
        self.assertEqual(self.files.sessions, 2)
        self.assertEqual(len(self.files.asked), 5)

    def test_fresh_session_is_not_opened_anew(self):
        self.files.next = [answer(403)]
        self.assertEqual(self.refused(0, BROKER_URL), "HTTP 403")
        self.assertEqual(self.files.sessions, 1)

    def test_busy_broker_is_a_link_error_after_another_log_in(self):
        made = self.opened()
        self.files.valid = "session/1"
        self.files.next = [answer(503), answer(503)]
        self.assertEqual(self.refused(100, kind=LinkError, made=made), "HTTP 503")
        self.assertEqual(self.files.sessions, 2)

    def test_lost_connection_costs_no_session(self):
        made = self.opened()
        made.close()
        self.net.servers.clear()
        self.assertRaises(LinkError, run, made.open(100))
        self.net.servers[8443] = self.files.server
        self.files.valid = "session/1"
        self.open(100, made=made)
        self.assertEqual(self.files.sessions, 1)


class TestLogIn(WithFiles):
    def said(self, data, status=200, kind=DownloadError):
        self.files.log_in = lambda: answer(status, data)
        text = self.refused(0, BROKER_URL, kind)
        self.assertEqual(len(self.files.asked), 1)
        self.files.asked.clear()
        return text

    def test_log_in_refused_names_the_code(self):
        self.assertIn("742", self.said(b'{"code":742,"message":"sign check failed"}'))
        self.assertIn("742", self.said(b'{"code":"742"}', 401))

    def test_log_in_answer_without_a_session_is_refused(self):
        for data in (
            b'{"code":200}',
            b'{"code":200,"data":null}',
            b'{"code":200,"data":[]}',
            b'{"code":200,"data":7}',
            b'{"code":200,"data":{}}',
            b'{"code":200,"data":{"sessionId":""}}',
            b'{"code":200,"data":{"sessionId":null}}',
            b'{"code":200,"data":{"sessionId":["session/1"]}}',
            b'{"data":{"sessionId":"session/1"}}',
            b'{"code":null,"data":{"sessionId":"session/1"}}',
            b"{}",
            b"[]",
            b"<html>",
            b"",
        ):
            self.said(data)

    def test_nothing_but_numbers_is_copied_from_the_answer(self):
        for code in ('"session/1"', '"https://x"', '{"a":"https"}', "1" * 90):
            self.assertTrue(self.said(b'{"code":%s}' % code.encode()).endswith("code -1"))

    def test_log_in_that_is_html_or_redirected_names_the_status(self):
        self.assertIn("404", self.said(b"<html>", 404))
        self.assertIn("302", self.said(b"", 302))

    def test_log_in_to_a_busy_broker_is_a_link_error(self):
        for status in (429, 500, 503):
            self.assertEqual(self.said(b"<html>", status, LinkError), "HTTP %d" % status)
