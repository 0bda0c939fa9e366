"""A whole download in the heap of a test: real modules over a transport that is a server of its own."""

import gc
import sys

import enos_ota
import esp32
import images
import machine
from bareagent import BareAgent
from contents import SECTOR
from enos_ota import log
from enos_ota.errors import LinkError
from helpers import Case, run
from signed import KEY

BUF = bytearray(SECTOR)


class Transport:
    """Stands for `Transport`, and is the server, which has one `file`; what it deviates in is an attribute.

    opened: connections that were made; asked: the ranges of the requests. errors: raised by `open`, in turn, None:
    no error. cuts: bytes of a body after which the connection is lost, in turn. statuses: of answers without a
    file, in turn.
    """

    @classmethod
    def reset(cls, file) -> None:
        cls.file = file
        cls.knows_ranges = True
        cls.keeps = True
        cls.total = None  # of the file, where it lies about it
        cls.opened = []
        cls.is_open = False
        cls.asked = []
        cls.errors = []
        cls.cuts = []
        cls.statuses = []
        cls.received = 0

    def __init__(self) -> None:
        self._is_mine = False
        self._waits = []  # what is not read yet: bytes, or the [first, last + 1] of the file's

    async def open(self, host, port, context, timeout_ms) -> None:
        assert not Transport.is_open, "there is no memory for two connections"
        Transport.opened.append((host, port, context))
        error = Transport.errors.pop(0) if Transport.errors else None
        if error:
            raise error
        self._is_mine = Transport.is_open = True

    async def send(self, data, timeout_ms) -> None:
        cls = Transport
        span = data.decode().split("bytes=")[1].split("\r\n")[0]
        cls.asked.append(span)
        start, _, last = span.partition("-")
        total = cls.total or cls.file.size
        first, end = int(start), min(int(last or total) + 1, total)
        status = cls.statuses.pop(0) if cls.statuses else 206 if cls.knows_ranges else 200
        if status == 206 and first >= total:
            status = 416
        if status not in (200, 206):
            self._waits.append(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)
            return
        if status == 200:
            first, end = 0, total
        lines = b"Content-Range: bytes %d-%d/%d\r\n" % (first, end - 1, total)
        lines += b"" if cls.keeps else b"Connection: close\r\n"
        head = b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n%s\r\n" % (status, end - first, lines)
        if cls.cuts:
            end = first + cls.cuts.pop(0)
        self._waits += [head, [first, end]]

    def allow(self, timeout_ms) -> None:
        pass

    def receive_now(self, buf):
        while self._waits and not self._left():
            self._waits.pop(0)
        if not self._waits:
            return 0
        count = min(len(buf), self._left())
        one = self._waits[0]
        if isinstance(one, list):
            for i in range(count):
                buf[i] = Transport.file.byte(one[0] + i)
            one[0] += count
            Transport.received += count
        else:
            buf[:count] = one[:count]
            self._waits[0] = one[count:]
        return count

    def _left(self):
        one = self._waits[0]
        return one[1] - one[0] if isinstance(one, list) else len(one)

    async def receive(self, buf):
        count = self.receive_now(buf)
        if not count:
            raise LinkError("closed by the server")
        return count

    def close(self) -> None:
        self._waits.clear()
        if self._is_mine:
            self._is_mine = Transport.is_open = False


class Module:
    """Stands for the modules `transport` and `session`."""

    Transport = Transport

    @staticmethod
    def backoff_ms(spread_s, failures):
        return spread_s * 1000


class Clock:
    """Stands for the module `servertime`: errors, those that it was told of; the first may be the clock's."""

    errors = []

    @classmethod
    async def doubt(cls, agent, error) -> None:
        cls.errors.append(error)
        if len(cls.errors) > 1 or "(clock" not in str(error):
            raise error


sys.modules["enos_ota.transport"] = sys.modules["enos_ota.session"] = Module
sys.modules["enos_ota.servertime"] = Clock
enos_ota._WAITING += " servertime"


class Firmware:
    version = "2.0"
    sign_method = "sha256"
    file_url = "https://files:8443/f"

    def __init__(self, file) -> None:
        self.size_bytes = file.size
        self.sign = file.digest()


class Agent(BareAgent):
    http_broker = "https://files:8443"
    mqtt = "mqtts://broker"
    keys = (KEY,)
    signature = "required"
    context = "context"


class Serving(Case):
    def setUp(self) -> None:
        super().setUp()
        self.slow_imports(self.slow())
        self.lines = []
        self.patch(log, "log", lambda level, text: self.lines.append(text))
        self.power_up()

    def power_up(self) -> None:
        """Another board."""
        Clock.errors = []
        self.chip = esp32.power_up()
        self.chip.entry(0, 1, 2)
        running = images.image(elf=b"O" * 32)
        images.put("ota_0", running)
        images.put("ota_0", images.record_bytes(running, "1.0"), SECTOR)
        self.chip.nvs[("enos_ota", "erase")] = b"O" * 32 + b"+"
        self.chip.on = self.saw
        self.changes = []  # of the slot

    def tearDown(self) -> None:
        enos_ota.forget()
        super().tearDown()

    def saw(self, operation, label, offset, size) -> None:
        if operation != "read":
            self.changes.append(operation)

    def job(self, file, **settings):
        enos_ota.forget()
        agent = Agent()
        firmware = Firmware(file)
        for name, value in settings.items():
            setattr(firmware if hasattr(firmware, name) else agent, name, value)
        from enos_ota.upgrade import Upgrade

        made = Upgrade(agent, firmware, BUF)
        del Upgrade
        gc.collect()
        return made

    def succeeds(self, file, **settings) -> None:
        """An upgrade ends with the new slot selected."""
        job = self.job(file, **settings)
        try:
            run(job.run())
        except machine.Reset:
            self.assertEqual(self.changes[-1], "set_boot")
            return
        raise AssertionError("no reset")

    def refused(self, kind, file, **settings):
        """The text of what an upgrade ends in; nothing of the slot was changed."""
        text = self.failed(kind, self.job(file, **settings))
        self.assertEqual(self.changes, [])
        return text

    def failed(self, kind, job):
        """The text of what an upgrade ends in."""
        try:
            run(job.run())
        except machine.Reset:
            raise AssertionError("the board was switched") from None
        except kind as error:
            if type(error) is kind:
                return str(error)
            raise
        raise AssertionError("%s not raised" % kind.__name__)
