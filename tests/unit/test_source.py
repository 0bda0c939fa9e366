"""From `fileUrl` to a request: three shapes, their signatures, and servers that know no ranges."""

import json

import net
from enos_ota import board, http, source, transport
from enos_ota.errors import DownloadError, LinkError
from enos_ota.source import Source, quote
from helpers import Case, run
from net import Net

FILE = bytes(range(256)) * 4 + b"end"
BROKER_URL = "enos-connect://23f5ff270b800000.bin"


class Config:
    """Settings of the documented examples."""

    product_key = "pK11111"
    device_key = "dK987654"
    device_secret = "abcdefg"
    http_broker = "https://localhost:8443"
    base_url = "https://localhost:8443"
    access_key = ""
    secret_key = ""
    org_id = ""
    file_sign = "sha256"


class Files:
    """The answers of a file server; `asked` keeps (request line, body) of each request."""

    def __init__(self, server) -> None:
        self.server = server
        self.asked = []
        self.sessions = 0
        self.valid = None
        self.ranges = True
        self.answer = None  # a function of the offset that gives the whole answer instead

    async def serve(self) -> None:
        peer = None
        while True:
            if peer is None:
                peer = await self.server.accept()
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = await peer.read(1)
                if not byte:
                    break
                head += byte
            if not byte:
                peer = None
                continue
            await self.respond(peer, head.decode())

    async def respond(self, peer, head) -> None:
        line = head.split("\r\n")[0]
        at = head.find("Content-Length: ")
        body = await peer.read(int(head[at + 16 :].split("\r\n")[0])) if at >= 0 else b""
        self.asked.append((line, body))
        if line.startswith("POST"):
            self.sessions += 1
            self.valid = "session/%d" % self.sessions
            answer = json.dumps({"code": 200, "data": {"sessionId": self.valid}}).encode()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            return
        if self.valid and quote(self.valid) not in line:
            peer.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return
        at = head.find("Range: bytes=")
        offset = int(head[at + 13 :].split("-")[0])
        peer.send(self.answer(offset) if self.answer else self.file(offset))

    def file(self, offset):
        if not self.ranges:
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(FILE) + FILE
        return partial(offset, len(FILE) - 1, len(FILE), FILE[offset:])


def partial(first, last, total, data):
    """A 206 answer."""
    span = "Content-Range: bytes %s-%s/%s\r\nContent-Length: %d\r\n\r\n" % (
        first,
        last,
        total,
        len(data),
    )
    return b"HTTP/1.1 206 Partial Content\r\n" + span.encode() + data


class WithFiles(Case):
    def setUp(self) -> None:
        super().setUp()
        self.net = Net()
        self.patch(transport, "socket", self.net)
        self.patch(transport, "select", self.net)
        self.slow(transport, http, source)
        self.files = Files(net.Server(self.net, 8443))
        self.config = Config()

    def tearDown(self) -> None:
        self.source.http.close()
        super().tearDown()

    def make(self, url):
        self.source = Source(self.config, None, url)
        return self.source

    def open(self, offset=0, url="https://localhost:8443/f.bin", made=None):
        """Open at an offset and read to the end: (total, bytes)."""
        made = made or self.make(url)

        async def fetch():
            total = await made.open(offset)
            data = b""
            buf = bytearray(200)
            while made.http.left_bytes:
                data += buf[: await made.http.receive(buf)]
            return total, data

        async def both():
            from asyncio import create_task

            task = create_task(self.files.serve())
            try:
                return await fetch()
            finally:
                task.cancel()

        return run(both())

    def refused(self, offset=0, url="https://localhost:8443/f.bin", kind=DownloadError):
        return str(self.raised(kind, self.open, offset, url))

    def lines(self):
        return [line for line, _ in self.files.asked]


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


class TestHttps(WithFiles):
    def test_https_address_is_asked_as_it_is(self):
        self.assertEqual(self.open(0, "https://localhost:8443/a/b%20c?d=e"), (len(FILE), FILE))
        self.assertEqual(self.lines(), ["GET /a/b%20c?d=e HTTP/1.1"])

    def test_other_schemes_are_refused_without_a_connection(self):
        for url in (
            "http://localhost:8443/f",
            "ftp://h/f",
            "enos-lark://x",
            "f.bin",
            "",
            "HTTPS//x",
            "file:///etc",
        ):
            self.assertRaises(DownloadError, run, self.make(url).open(0))
        self.assertEqual(self.net.connections, 0)


class TestRange(WithFiles):
    def test_offset_is_continued_at_the_byte(self):
        for offset in (1, 255, 1000, len(FILE) - 1):
            self.assertEqual(self.open(offset), (len(FILE), FILE[offset:]))

    def test_whole_file_to_a_range_is_skipped_to_the_offset(self):
        self.files.ranges = False
        for offset in (0, 1, 1023, 1024, 1025, len(FILE)):
            self.assertEqual(self.open(offset), (len(FILE), FILE[offset:]))

    def test_file_that_became_shorter_is_refused(self):
        self.files.ranges = False
        self.refused(len(FILE) + 1)

    def test_another_range_than_the_one_asked_for_is_refused(self):
        for first, last, total in (
            (9, len(FILE) - 1, len(FILE)),
            (11, len(FILE) - 1, len(FILE)),
            (10, len(FILE) - 2, len(FILE)),
            ("", "", len(FILE)),
            (10, len(FILE) - 1, "*"),
            (10, len(FILE) - 1, ""),
            (10, len(FILE) - 1, "x"),
        ):
            self.files.answer = lambda offset: partial(first, last, total, FILE[10:])  # noqa: B023
            self.refused(10)

    def test_range_without_content_range_is_refused(self):
        self.files.answer = lambda offset: (
            b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\n01234"
        )
        self.refused()

    def test_range_that_ends_behind_its_own_total_is_refused(self):
        # Accepted, it would report more than 100 %, and write more than was checked to fit the slot.
        self.files.answer = lambda offset: partial(0, len(FILE) - 1, 100, FILE)
        self.refused()

    def test_status_other_than_200_and_206_is_said(self):
        for status in (301, 302, 401, 403, 404, 416, 500, 503):
            self.files.answer = lambda offset: (
                b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
            )  # noqa: B023
            self.assertIn(str(status), self.refused())


class TestBroker(WithFiles):
    def test_enos_connect_logs_in_and_asks_with_the_session(self):
        self.assertEqual(self.open(0, BROKER_URL), (len(FILE), FILE))
        (login, body), (get, _) = self.files.asked
        self.assertEqual(login, "POST /auth/pK11111/dK987654 HTTP/1.1")
        self.assertEqual(
            json.loads(body),
            {
                "signMethod": "sha256",
                "lifetime": 300000,
                "sign": "49ac3d2598d2fb5592694b077eb073122ed128bae3ac4b9f059ccf5a832e2598",
            },
        )
        self.assertEqual(
            get,
            "GET /multipart/sys/pK11111/dK987654/file/download?sessionId=session%2F1"
            "&fileUri=enos-connect%3A%2F%2F23f5ff270b800000.bin&category=ota HTTP/1.1",
        )

    def test_log_in_and_file_share_a_connection(self):
        self.open(0, BROKER_URL)
        self.assertEqual(self.net.connections, 1)

    def test_session_is_used_again_after_a_lost_connection(self):
        made = self.make(BROKER_URL)
        self.open(0, made=made)
        made.http.close()
        self.assertEqual(self.open(100, made=made), (len(FILE), FILE[100:]))
        self.assertEqual(self.files.sessions, 1)

    def test_session_that_expired_is_opened_anew(self):
        # The broker forgets it after 300 s without a request, and one download can take longer.
        made = self.make(BROKER_URL)
        self.open(0, made=made)
        made.http.close()
        self.files.valid = "another"
        self.raised(LinkError, self.open, 100, BROKER_URL, made)
        made.http.close()
        self.assertEqual(self.open(100, made=made), (len(FILE), FILE[100:]))
        self.assertEqual(self.files.sessions, 2)

    def log_in_refused(self, answer, status=200):
        data = answer.encode()

        async def respond(peer, head):
            peer.send(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data)

        self.files.respond = respond
        return self.refused(0, BROKER_URL)

    def test_log_in_refused_names_the_code(self):
        self.assertIn("742", self.log_in_refused('{"code":742,"message":"sign check failed"}'))
        self.assertIn("742", self.log_in_refused('{"code":742}', 401))

    def test_log_in_answer_without_a_session_is_refused(self):
        for answer in (
            '{"code":200}',
            '{"code":200,"data":null}',
            '{"code":200,"data":[]}',
            '{"code":200,"data":{}}',
            '{"code":200,"data":{"sessionId":""}}',
            '{"code":200,"data":{"sessionId":null}}',
            '{"data":{"sessionId":"x"}}',
            "{}",
            "<html>",
        ):
            self.log_in_refused(answer)

    def test_without_http_broker_it_is_refused_and_shows_no_key(self):
        # The address is then "/auth/<product key>/...", and the text goes to EnOS.
        self.config.http_broker = ""
        text = str(self.raised(DownloadError, run, self.make(BROKER_URL).open(0)))
        self.assertFalse("pK1" in text, text)


class TestRelative(WithFiles):
    def test_relative_with_an_access_key_is_a_signed_getfile(self):
        self.patch(board, "unix_time", lambda: 1548753362)
        self.config.access_key = "AK&1"
        self.config.secret_key = "SKdemo"
        self.config.org_id = "o15504722874071"
        for method in ("sha1", "sha256"):
            self.config.file_sign = method
            self.assertEqual(self.open(7, "/1b30e0ea83002000/ota/kadak13"), (len(FILE), FILE[7:]))
            line = self.lines()[-1]
            self.assertTrue(line.startswith("GET /commonFileService/files?"), line)
            self.assertTrue(line.endswith(" HTTP/1.1"))
            pairs = sorted(
                line[len("GET /commonFileService/files?") : -len(" HTTP/1.1")].split("&")
            )
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
        self.assertEqual(self.open(0, "/upload/firmware_2.0.bin"), (len(FILE), FILE))
        self.assertEqual(self.lines(), ["GET /upload/firmware_2.0.bin HTTP/1.1"])

    def test_relative_name_with_blanks_and_umlauts_is_one_valid_request_line(self):
        # Unquoted, a blank would split the request line, and CR LF would end it.
        self.assertEqual(self.open(0, "/upload/neue Pumpe ü.bin"), (len(FILE), FILE))
        self.assertEqual(len(self.lines()[0].split(" ")), 3, self.lines())

    def test_relative_without_a_base_is_refused_and_shows_nothing_of_the_address(self):
        # The address is then the bare path, and the text goes to EnOS.
        self.config.base_url = ""
        text = str(self.raised(DownloadError, run, self.make("/1b30e0ea83002000/x").open(0)))
        self.assertFalse("1b30e0" in text, text)


class TestEnd(WithFiles):
    def test_connection_that_ends_in_the_file_is_a_link_error(self):
        async def respond(peer, head):
            peer.send(partial(0, len(FILE) - 1, len(FILE), FILE)[:-1])
            peer.close()

        self.files.respond = respond
        self.refused(kind=LinkError)

    def test_no_server_is_a_link_error(self):
        self.assertRaises(LinkError, run, self.make("https://nowhere/f").open(0))
