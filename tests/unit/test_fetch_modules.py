"""What a download has loaded and when: the modules of a connection must not take its memory."""

import gc
import sys

import enos_ota
import esp32
import images
import machine
from bareagent import BareAgent
from contents import SECTOR, File, Other
from enos_ota import log
from enos_ota.errors import DownloadError, LinkError, StarvedError, VerifyError
from helpers import Case, run

ABORTED = 4

NAMES = [
    "address",
    "answer",
    "asking",
    "clock",
    "contexts",
    "http",
    "identity",
    "image",
    "login",
    "patience",
    "permit",
    "preflight",
    "quote",
    "record",
    "redirect",
    "resume",
    "servertime",
    "signature",
    "slot",
    "source",
    "stream",
    "tail",
]
BROKER_URL = "enos-connect://23f5"
BUF = bytearray(SECTOR)


def loaded():
    """Those of the modules that are loaded, by whichever way they can be reached."""
    return [n for n in NAMES if "enos_ota." + n in sys.modules or hasattr(enos_ota, n)]


class Transport:
    """Stands for `Transport`: an HTTP broker that has one file.

    cuts: bytes of it in each answer, in turn. ballast: bytes that each module of a connection takes in
    addition: one that something still refers to cannot hide.
    """

    file = b""
    cuts = []
    status = 206
    ballast = 0
    error = None
    requests = []
    on_request = staticmethod(lambda: None)

    def __init__(self) -> None:
        self._waits = b""
        for name in ("source", "http"):
            sys.modules["enos_ota." + name].ballast = bytearray(Transport.ballast)

    async def open(self, host, port, context, timeout_ms) -> None:
        if Transport.error:
            raise Transport.error

    async def send(self, data, timeout_ms) -> None:
        line, _, rest = data.decode().partition("\r\n")
        Transport.requests.append(line.split(" ")[0])
        if line.startswith("POST"):
            body = b'{"code":200,"data":{"sessionId":"1"}}'
            self._waits = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            return
        Transport.on_request()
        total = len(Transport.file)
        start = int(rest.split("bytes=")[1].split("-")[0])
        head = b"HTTP/1.1 %d x\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\n\r\n"
        head = head % (Transport.status, total - start, start, total - 1, total)
        end = start + Transport.cuts.pop(0) if Transport.cuts else total
        self._waits = head + Transport.file[start:end]

    def allow(self, timeout_ms) -> None:
        pass

    def receive_now(self, buf):
        count = min(len(buf), len(self._waits))
        buf[:count] = self._waits[:count]
        self._waits = self._waits[count:]
        return count

    async def receive(self, buf):
        count = self.receive_now(buf)
        if not count:
            raise LinkError("closed by the server")
        return count

    def close(self) -> None:
        self._waits = b""


class Module:
    """Stands for the modules `enos_ota.transport` and `enos_ota.session`."""

    Transport = Transport

    @staticmethod
    def backoff_ms(spread_s, failures):
        return spread_s * 1000


sys.modules["enos_ota.transport"] = sys.modules["enos_ota.session"] = Module


class Firmware:
    version = "2.0"
    sign_method = "sha256"
    file_url = None

    def __init__(self, file) -> None:
        self.size_bytes = file.size
        self.sign = file.digest()


class Agent(BareAgent):
    http_broker = "https://broker"


class TestModules(Case):
    def setUp(self) -> None:
        super().setUp()
        self.slow_imports(self.slow())
        self.patch(log, "log", lambda level, text: None)
        self.chip = esp32.power_up()
        self.chip.entry(0, 1, 2)
        images.put("ota_0", images.image(elf=b"O" * 32))
        self.chip.on = self.saw
        self.seen = []
        self.asking = []  # what was loaded at each request for the file
        Transport.on_request = staticmethod(lambda: self.asking.append(self.look()))
        Firmware.file_url = BROKER_URL
        Transport.cuts = []
        Transport.requests = []
        Transport.status = 206
        Transport.ballast = 0
        Transport.error = None

    def silence(self) -> None:
        """Note nothing of what happens: that takes memory, too."""
        self.chip.on = None
        Transport.on_request = staticmethod(lambda: None)

    def look(self):
        gc.collect()
        return loaded(), gc.mem_alloc()

    def saw(self, operation, label, offset, size) -> None:
        if label == "ota_0" or operation == "program":
            self.seen.append(((operation, label, size), self.look()))

    def at(self, *act):
        """What was loaded at each act of the flash like this, and the heap; until the file is there."""
        found = [now for seen, now in self.seen if seen == act]
        while found and "permit" in found[-1][0]:  # what verifies has come
            found.pop()
        return found

    def names(self, *act):
        return [names for names, _ in self.at(*act)]

    def upgrade(self, file=None) -> None:
        file = file or File(with_record=False)
        Transport.file = bytearray(file.size)
        for at in range(file.size):
            Transport.file[at] = file.byte(at)
        for key in ("journal", "blocks"):  # each is a command of its own
            self.chip.nvs.pop(("enos_ota", key), None)
        self.chip.entry(1, 2, ABORTED)  # the one before was followed by a reset
        enos_ota.forget()
        from enos_ota.upgrade import Upgrade

        work = Upgrade(Agent(), Firmware(file), BUF)
        del Upgrade
        self.seen.clear()
        run(work.run())

    def succeeds(self) -> None:
        try:
            self.upgrade()
        except machine.Reset:
            return
        raise AssertionError("no reset")

    def fails(self, kind, *arguments) -> None:
        self.raised(kind, self.upgrade, *arguments)
        self.assertEqual(loaded(), [])

    def test_connection_is_forgotten_once_it_stands(self):
        for file_url, asked in (("https://broker/f", ["GET"]), (BROKER_URL, ["POST", "GET"])):
            Firmware.file_url = file_url
            Transport.requests = []
            self.asking.clear()
            self.succeeds()
            self.assertEqual(Transport.requests, asked)
            self.assertEqual([names for names, _ in self.asking], [["asking"]])
            # The writer asks for the running image's ELF digest, preflight for its head.
            self.assertEqual(self.names("read", "ota_0", 32), [["slot", "stream"]])
            self.assertEqual(self.names("read", "ota_0", 24), [["preflight"]])
            self.assertEqual(self.names("program", "ota_1", SECTOR), [["slot", "stream"]])

    def test_memory_of_a_connection_is_free_when_the_writer_is_made(self):
        taken = []
        for ballast in (0, 0, 1500):  # once to have in memory what stays
            Transport.ballast = ballast
            self.asking.clear()
            before, taken = taken, []
            self.succeeds()
            taken.append(self.asking[0][1])
            taken += [heap for _, heap in self.at("read", "ota_0", 32)]
        (asking, writing), (asking_more, writing_more) = before, taken
        self.assertTrue(asking_more - asking > 1500, (before, taken))
        self.assertTrue(writing_more - writing < 500, (before, taken))

    def test_connection_that_continues_has_as_little_loaded_as_the_first(self):
        Transport.cuts = [300, 100, 0, 100]
        self.succeeds()
        self.assertEqual(Transport.requests, ["POST"] + ["GET"] * 5)
        self.assertEqual([names for names, _ in self.asking], [["asking"]] * 5)
        self.assertEqual(self.names("read", "ota_0", 32), [["slot", "stream"]] * 5)

    def test_connection_that_continues_takes_no_more_than_the_first(self):
        taken = []

        def measure():
            gc.collect()
            taken.append(gc.mem_alloc())

        self.silence()
        Transport.on_request = staticmethod(measure)
        Transport.ballast = 1500
        for _ in range(4):
            Transport.cuts = [300, 100, 0, 100]
            self.succeeds()
        self.assertEqual(len(taken), 4 * 5)
        # The least of all runs: what looks like an address keeps garbage alive for a while.
        least = [min(taken[at::5]) for at in range(5)]
        self.assertTrue(max(least) - min(least) < Transport.ballast, taken)

    def test_upgrade_that_fails_leaves_nothing(self):
        self.silence()
        for status in (404, 503):
            Transport.status = status
            self.fails(DownloadError if status == 404 else LinkError)
        Transport.status = 206
        for error in (
            LinkError("refused"),
            StarvedError("x"),
            DownloadError("TLS"),
            MemoryError("x"),
        ):
            Transport.error = error
            self.fails(type(error))
        Transport.error = None
        self.fails(VerifyError, Other(b"<html>", 400))

    def test_upgrade_whose_connections_are_lost_leaves_nothing(self):
        self.silence()
        Transport.cuts = [300] + [0] * 6
        self.fails(LinkError)
