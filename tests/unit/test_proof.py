"""The proof of the download path: which answers of the file server an image on trial passes, and which fail it."""

import asyncio

import esp32
import net
from enos_ota import board, journal, proof, transport
from enos_ota.errors import DownloadError, StarvedError
from helpers import Case, run
from net import Net

URL = "https://localhost:8443/f.bin"
PIECE = bytes(range(1, 252))
SIZE = 17 * len(PIECE)  # 4267 bytes: more than what is compared
SLOT = 0x1E0000


class Tls:
    """A context whose `wrap_socket` raises."""

    def __init__(self, error) -> None:
        self.error = error

    def wrap_socket(self, *arguments, **options):
        raise self.error


def status(code, data=b""):
    """A whole answer."""
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n\r\n%s" % (code, len(data), data)


class WithProof(Case):
    """ota_1 holds the file that the server has. answers: of the server in turn, in place of the file.

    It is the agent and its settings, too.
    """

    http_broker = "https://localhost:8443"
    base_url = cert = ""
    pins = plain = ()

    def setUp(self) -> None:
        super().setUp()
        self.logged = []
        self.patch(proof, "log", lambda level, text: self.logged.append(text))
        self.net = Net.under(self)
        self.clock = self.slow(transport)
        self.slow_imports(self.clock)
        self.server = net.Server(self.net, 8443)
        chip = esp32.power_up()
        chip.running = "ota_1"
        chip.nor.file.seek(SLOT)
        for _ in range(17):
            chip.nor.file.write(PIECE)
        self.command(URL)
        self.config = self
        self.hosts = []
        self.context = None
        self.answers = []
        self.wrong = self.cut = None
        self.chunked = False
        self.asked = []

    def command(self, url) -> None:
        params = {"version": "2.0", "sign": "ab", "signMethod": "md5", "fileUrl": url}
        journal.keep_command(journal.COMMAND, params)

    async def serve(self) -> None:
        while True:
            peer = await self.server.accept()
            self.asked.append((await peer.until(b"\r\n\r\n")).split(b" ")[1])
            if self.answers:
                peer.send(self.answers.pop(0))
            else:
                await self.send_file(peer)

    async def send_file(self, peer) -> None:
        length = b"Transfer-Encoding: chunked" if self.chunked else b"Content-Length: %d" % SIZE
        peer.send(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % length)
        for at in range(0, SIZE, len(PIECE)):
            if self.cut is not None and at >= self.cut:
                peer.close()
                return
            data = bytearray(PIECE)
            if self.wrong is not None and at <= self.wrong < at + len(PIECE):
                data[self.wrong - at] = 0
            # As it is read, or the heap would have to hold it.
            while peer.sock._other._inbox:
                await asyncio.sleep_ms(0)
            if self.chunked:
                peer.send(b"%x\r\n" % len(data))
            peer.send(data)
            if self.chunked:
                peer.send(b"\r\n")
        peer.send(b"0\r\n\r\n" if self.chunked else b"")

    def prove(self):
        """What the proof says, while the server answers."""

        async def both():
            task = asyncio.create_task(self.serve())
            try:
                return await proof.prove_download(self, board.running())
            finally:
                task.cancel()

        return run(both())

    def passes(self, word="") -> None:
        """It does, with a line in the log that holds the word; without one, without a line."""
        self.logged.clear()
        self.assertEqual(self.prove(), "")
        self.assertEqual(len(self.logged), 1 if word else 0, self.logged)
        self.assertIn(word, "".join(self.logged))

    def fails(self, word) -> None:
        reason = self.prove()
        self.assertTrue(reason.startswith("download: "), reason)
        self.assertIn(word, reason)
        self.assertFalse("localhost" in reason or "f.bin" in reason, reason)


class TestPasses(WithProof):
    def test_first_4_kib_of_its_own_file_pass_without_a_word(self):
        self.passes()
        self.assertEqual(self.asked, [b"/f.bin"])

    def test_bytes_behind_the_first_4_kib_are_not_looked_at(self):
        self.wrong = 4096
        self.passes()

    def test_file_in_chunks_passes(self):
        self.chunked = True
        self.passes()

    def test_http_status_passes_with_a_line(self):
        for code in (400, 401, 403, 404, 410, 429, 500, 503):
            self.answers = [status(code)]
            self.passes("HTTP %d" % code)

    def test_refusal_of_the_http_broker_passes_with_a_line(self):
        self.product_key = self.device_key = self.device_secret = "x"
        self.command("enos-connect://23f5.bin")
        for answer in (status(404), status(200, b'{"code": 1009}'), status(200, b"<html>")):
            self.answers = [answer]
            self.passes("not proved")

    def test_no_route_to_the_server_passes_with_a_line(self):
        self.net.names.remove("localhost")
        self.passes("not proved")

    def test_server_that_does_not_listen_passes_with_a_line(self):
        self.net.servers.clear()
        self.passes("not proved")

    def test_connection_that_breaks_passes_with_a_line(self):
        for self.cut in (0, 251, 4000):
            self.passes("closed by the server")

    def test_url_that_nobody_understands_passes_with_a_line(self):
        self.command("ftp://h/f.bin")
        self.passes("fileUrl")

    def test_without_a_command_it_passes_with_a_line(self):
        journal.clear_command(journal.COMMAND)
        self.passes("no file is known")
        self.assertEqual(self.asked, [])


class TestFails(WithProof):
    def test_server_that_tls_refuses_fails(self):
        self.context = Tls(ValueError("The certificate is not correctly signed by the trusted CA"))
        self.fails("not signed by a trusted CA")

    def test_date_that_tls_refuses_is_raised_for_another_clock(self):
        for text in ("The certificate validity has expired", "validity starts in the future"):
            self.context = Tls(ValueError(text))
            self.assertIn("(clock", str(self.raised(DownloadError, self.prove)))

    def test_other_content_fails(self):
        # In its first byte, at the edges of a piece, in the last byte that is compared.
        for self.wrong in (0, 255, 256, 4095):
            self.fails("another file")

    def test_page_in_place_of_the_file_fails(self):
        self.answers = [status(200, b"<html>" * 60)]
        self.fails("another file")

    def test_answer_that_is_too_short_to_compare_fails(self):
        self.answers = [status(200, PIECE)]
        self.fails("another file")


class TestMemory(WithProof):
    """Whether that fails the trial depends on the mode: the trial judges it."""

    def test_starved_connection_is_raised(self):
        for error in (OSError(12), OSError(-12)):
            self.context = Tls(error)
            self.raised(StarvedError, self.prove)

    def test_no_memory_for_the_pieces_is_raised(self):
        def starved(size):
            raise MemoryError

        proof.bytearray = starved
        try:
            self.raised(MemoryError, self.prove)
        finally:
            del proof.bytearray


class TestClosed(WithProof):
    def test_connection_is_closed_whatever_comes_of_it(self):
        # The session needs its memory.
        for prepare, kind in (
            (lambda: None, None),
            (lambda: setattr(self, "wrong", 0), None),
            (lambda: setattr(self, "answers", [status(404, b"x" * 99)]), None),
            (lambda: setattr(self, "context", Tls(KeyError())), KeyError),
        ):
            self.sockets = []
            socket = self.net.socket
            self.net.socket = lambda socket=socket: (
                self.sockets.append(socket()) or self.sockets[-1]
            )
            prepare()
            error = self.trouble(self.prove)
            self.assertTrue(kind is None or type(error) is kind)
            self.assertTrue(all(one._closed for one in self.sockets) and self.sockets)
            self.net.socket = socket
