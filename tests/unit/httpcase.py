"""What the tests of `enos_ota.http` share: a client, and a server that says what a test tells it to."""

import net
from enos_ota import body, http, transport
from enos_ota.errors import DownloadError
from enos_ota.http import Http
from helpers import Case, run, together
from net import Net

URL = "https://localhost:18443/file?a=b"
BODY = b"0123456789" * 30
LENGTH = len(BODY)


class Settings:
    """What a connection asks of the settings."""

    cert = ""
    pins = plain = ()


def head(status=200, *lines, length=LENGTH):
    text = "HTTP/1.1 %d Whatever\r\n" % status
    if length is not None:
        text += "Content-Length: %d\r\n" % length
    return (text + "".join([line + "\r\n" for line in lines]) + "\r\n").encode()


class WithServer(Case):
    is_detached = False  # each body is read from what `detach` gives, each request a client's first

    def setUp(self) -> None:
        super().setUp()
        self.net = Net.under(self)
        self.clock = self.slow(transport, http, body)
        self.server = net.Server(self.net, 18443)
        self.http = Http(None, Settings)
        self.peer = None

    def tearDown(self) -> None:
        self.http.close()
        super().tearDown()

    def get(self, *answers, url=URL, headers="", body=b"", method="GET"):
        """Make one request; the server sends `answers` piece by piece, None closes. Kept: `asked`."""

        if self.is_detached:
            self.anew()
            self.http = Http(None, Settings)

        async def serve():
            if self.peer is None:
                self.peer = await self.server.accept()
            self.asked = await self.peer.until(b"\r\n\r\n")
            for answer in answers:
                if answer is None:
                    self.peer.close()
                else:
                    self.peer.send(answer)

        run(together(self.http.request(method, url, headers, body), serve()))
        if self.is_detached:
            self.http = self.http.detach()

    def body(self, size=64):
        """The whole body, read in pieces of at most `size`."""

        async def read():
            data = b""
            buf = bytearray(size)
            while self.http.left_bytes:
                data += buf[: await self.http.receive(buf)]
            return data

        return run(read())

    def refused(self, *answers, kind=DownloadError):
        self.peer = None
        self.http.close()
        return str(self.raised(kind, self.get, *answers))

    def anew(self):
        """Forget the connection: the next answer comes over a new one."""
        self.http.close()
        self.peer = None


class Slow(WithServer):
    def elapsed(self, act, *args):
        start = self.clock.now_ms
        act(*args)
        return self.clock.now_ms - start

    def trickle(self, data, every_ms):
        """From now on the server sends a byte of `data` each `every_ms`."""
        state = [0, self.clock.now_ms + every_ms]

        def send():
            while self.clock.now_ms >= state[1] and state[0] < len(data) and self.peer:
                self.peer.send(data[state[0] : state[0] + 1])
                state[0] += 1
                state[1] += every_ms

        self.clock.on_sleep = send
