"""What the tests of `enos_ota.source` share: a file server with a log-in, and a file to ask it for."""

import asyncio
import json

import net
from enos_ota import body, http, transport
from enos_ota.address import quote
from enos_ota.errors import DownloadError
from enos_ota.source import Source
from helpers import Case, run
from net import Net

FILE = bytes(range(256)) + b"end"
PLAIN_URL = "https://localhost:8443/f.bin"
FOREIGN = "the host is not configured: see hosts, signature"
BROKER_URL = "enos-connect://23f5ff270b800000.bin"


class Commanded:
    """What `Source` needs of a firmware."""

    size_bytes = None

    def __init__(self, file_url) -> None:
        self.file_url = file_url


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
    mqtt = "mqtts://localhost"
    cert = ""
    pins = plain = ()

    def __init__(self) -> None:
        self.hosts = []


class Known:
    """A file that is asked for again and again, as a download does: by a new `Source` each time."""

    def __init__(self, config, url) -> None:
        self._given = (config, None, Commanded(url), ["", "", -1])
        self._open = []

    async def open(self, position):
        self.close()
        source = Source(*self._given)
        self._open = [source.http]
        found = await source.open(position)
        self.http = source.http.detach()
        self._open = [self.http]
        return found

    def close(self) -> None:
        for one in self._open:
            one.close()


class Files:
    """A file server with a log-in; what it deviates in is an attribute."""

    def __init__(self, server) -> None:
        self.server = server
        self.asked = []  # (head, body) of each request
        self.file = FILE
        self.etag = ""
        self.ranges = True
        self.chunked = False
        self.sessions = 0
        self.valid = None  # the session that is
        self.expired = answer(401)
        self.next = []  # answers to the next GETs, in place of the file; None: the file after all

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
            head = head.decode()
            body = await peer.read(int(value(head, "Content-Length") or 0))
            self.asked.append((head, body))
            peer.send(self.log_in() if head.startswith("POST") else self.get(head))

    def log_in(self) -> bytes:
        self.sessions += 1
        self.valid = "session/%d" % self.sessions
        return tell({"code": 200, "data": {"sessionId": self.valid}})

    def get(self, head) -> bytes:
        if "sessionId=" in head and quote(self.valid) not in head:
            return self.expired
        canned = self.next.pop(0) if self.next else None
        if canned is not None:
            return canned
        total = len(self.file)
        start, _, last = value(head, "Range")[len("bytes=") :].partition("-")
        start = int(start)
        lines = ["ETag: " + self.etag] if self.etag else []
        wanted = value(head, "If-Range")
        if not self.ranges or (wanted and wanted != self.etag):
            return answer(200, self.file, *lines, chunked=self.chunked)
        if start >= total:
            return answer(416, b"", "Content-Range: bytes */%d" % total)
        end = min(int(last or total) + 1, total)
        lines.append("Content-Range: bytes %d-%d/%d" % (start, end - 1, total))
        return answer(206, self.file[start:end], *lines, chunked=self.chunked)


def value(head, name):
    """A header's value in a request, or ""."""
    return (head + "\r\n%s: \r\n" % name).split("\r\n%s: " % name)[1].split("\r\n")[0]


def answer(status, data=b"", *lines, chunked=False):
    """A whole answer."""
    head = ["HTTP/1.1 %d Whatever" % status] + list(lines)
    if chunked:
        head.append("Transfer-Encoding: chunked")
        pieces = [data[at : at + 90] for at in range(0, len(data), 90)] + [b""]
        data = b"".join([b"%x\r\n" % len(piece) + piece + b"\r\n" for piece in pieces])
    else:
        head.append("Content-Length: %d" % len(data))
    return "\r\n".join(head + ["", ""]).encode() + data


def tell(message, status=200):
    """A whole answer in JSON."""
    return answer(status, json.dumps(message).encode())


def partial(first, last, total, data, *lines):
    """A 206 answer with any `Content-Range`."""
    return answer(206, data, "Content-Range: bytes %s-%s/%s" % (first, last, total), *lines)


class WithFiles(Case):
    """A test case with a `Files` on localhost:8443."""

    def setUp(self) -> None:
        super().setUp()
        self.net = Net.under(self)
        self.clock = self.slow(transport, http, body)
        self.slow_imports(self.clock)
        self.files = Files(net.Server(self.net, 8443))
        self.config = Config()
        self.source = None

    def tearDown(self) -> None:
        if self.source:
            self.source.close()
        super().tearDown()

    def make(self, url=PLAIN_URL):
        if self.source:
            self.source.close()  # the server serves one connection at a time
        self.source = Known(self.config, url)
        return self.source

    def open(self, position=0, url=PLAIN_URL, made=None):
        """Open at a position and read to the end: (first byte, total, bytes)."""
        made = made or self.make(url)

        async def fetch():
            start, total = await made.open(position)
            data = b""
            buf = bytearray(100)
            while made.http.left_bytes:
                data += buf[: await made.http.receive(buf)]
            return start, total, data

        return self.served(fetch())

    def served(self, coroutine):
        """Run a coroutine while the server answers."""

        async def both():
            task = asyncio.create_task(self.files.serve())
            try:
                return await coroutine
            finally:
                task.cancel()

        return run(both())

    def refused(self, position=0, url=PLAIN_URL, kind=DownloadError, made=None):
        """The text of the error that opening ends in, of exactly this kind."""
        text = str(self.raised(kind, self.open, position, url, made))
        for secret in ("localhost", "https", "/f.bin", "23f5", "session/", "pK1", "dK9", "abcdefg"):
            self.assertFalse(secret in text, text)
        return text

    def lines(self):
        """The addresses of the requests."""
        return [head.split(" ")[1] for head, _ in self.files.asked]

    def sent(self, name):
        """A header of each request."""
        return [value(head, name) for head, _ in self.files.asked]
