"""What the tests of one upgrade share: a file, a server that loses connections, and a board.

The heap of a test has no room for the network: `enos_ota.source`, tested by itself, is not imported.
"""

import binascii
import hashlib
import sys

import esp32
import images
import machine
from enos_ota.errors import LinkError, OtaError
from helpers import Case, run

SECTOR = 4096
NEW, PENDING, VALID = range(3)
BUF = bytearray(SECTOR)


class NoSource:
    """Stands for the module `enos_ota.source` until a test puts its `Server` there."""

    Source = None


sys.modules["enos_ota.source"] = NoSource
from enos_ota import journal, slot, upgrade  # noqa: E402
from enos_ota.upgrade import Upgrade  # noqa: E402


class File:
    """A release of 8 KiB as a file server sees it: image, padding, record; made on the fly."""

    def __init__(self, version="2.0", with_record=True, **kind) -> None:
        self.image = images.image(**kind)
        self.record = images.record_bytes(self.image, version) if with_record else b""
        self.size = 2 * SECTOR if with_record else len(self.image)

    def byte(self, at):
        if at < len(self.image):
            return self.image[at]
        at -= SECTOR
        return self.record[at] if 0 <= at < len(self.record) else 0xFF

    def digest(self, method="sha256"):
        state = hashlib.md5() if method == "md5" else hashlib.sha256()
        piece = bytearray(64)
        for start in range(0, self.size, 64):
            count = min(64, self.size - start)
            for i in range(count):
                piece[i] = self.byte(start + i)
            state.update(memoryview(piece)[:count])
        return binascii.hexlify(state.digest()).decode()


class CutFile(File):
    """The first 64 KiB of an image that is longer; the whole image lies in ota_1 already."""

    def __init__(self) -> None:
        self.size = 65536
        self.head = b"\xe9\x01\x02\x20" + bytes(19) + b"\x01" + b"\0\0\xfb\x3f\xd0\x01\x01\0"
        whole = hashlib.sha256()
        for at in range(0, 66048, 64):
            piece = bytes([self.byte(i) for i in range(at, at + 64)])
            whole.update(piece)
            images.put("ota_1", piece, at)
        images.put("ota_1", whole.digest(), 66048)

    def byte(self, at):
        if at < 32:
            return self.head[at]
        if at < 66032:  # 66,000 bytes of data, whose checksum is that of none
            return 0x5A
        return 0xEF if at == 66047 else 0


class Server:
    """Stands for `Source` and its `Http`. `cuts`: bytes after which each connection is lost in turn."""

    def __init__(self, file) -> None:
        self.file = file
        self.http = self
        self.opened = []
        self.closed = 0
        self.cuts = []
        self.errors = []  # raised by `open`, in turn
        self.chunk = 1000
        self.total = file.size
        self.served = None  # bytes of one answer, if it is less than the rest
        self.left_bytes = 0
        self.on_receive = None

    def __call__(self, config, context, file_url):
        self.file_url = file_url
        return self

    async def open(self, offset):
        self.opened.append(offset)
        if self.errors:
            raise self.errors.pop(0)
        self._at = offset
        self._until = offset + self.cuts.pop(0) if self.cuts else None
        self.left_bytes = self.total - offset
        if self.served is not None:
            self.left_bytes = min(self.left_bytes, self.served)
        return self.total

    def receive_now(self, buf):
        return 0

    async def receive(self, buf):
        if self._until is not None and self._at >= self._until:
            raise LinkError("closed by the server")
        if self.on_receive:
            self.on_receive(self._at)
        count = min(len(buf), self.left_bytes, self.chunk)
        for i in range(count):
            buf[i] = self.file.byte(self._at + i)
        self._at += count
        self.left_bytes -= count
        return count

    def close(self) -> None:
        self.closed += 1
        self.left_bytes = 0


class Firmware:
    """A command for the file."""

    def __init__(self, file, **changes) -> None:
        self.version = "2.0"
        self.sign_method = "sha256"
        self.file_url = "https://h/f.bin"
        self.size_bytes = file.size
        for name, value in changes.items():
            setattr(self, name, value)
        if "sign" not in changes:
            self.sign = file.digest(self.sign_method)


class Agent:
    """What an upgrade needs of the agent."""

    config = context = None

    def __init__(self) -> None:
        self.session = self
        self.reports = []
        self.closed = False

    def report(self, step, desc) -> None:
        self.reports.append((step, desc))

    def close(self) -> None:
        self.closed = True


class OnChip(Case):
    def setUp(self) -> None:
        super().setUp()
        for module in (upgrade, slot, journal):
            self.patch(module, "log", lambda level, text: None)
        self.clock = self.slow(upgrade)
        self.chip = esp32.power_up()
        self.chip.entry(0, 1, VALID)
        images.put("ota_0", images.image(elf=b"O" * 32))
        self.agent = Agent()
        self.events = []
        self.chip.on = self.saw

    def saw(self, operation, label, offset, size) -> None:
        if operation != "read" and label == "ota_1":
            self.events.append((operation, journal.load()["state"]))

    def start(self, file=None, server=None, **command):
        """Run an upgrade to its reset or error."""
        file = file or File()
        self.server = server or Server(file)
        self.patch(upgrade, "Source", self.server)
        work = Upgrade(self.agent, Firmware(file, **command), BUF)
        return run(work.run())

    def succeeds(self, *arguments, **command) -> None:
        try:
            self.start(*arguments, **command)
        except machine.Reset:
            return
        raise AssertionError("no reset")

    def fails(self, kind, *arguments, asked=False, **command):
        """The text of the error; nothing was selected, nor the chip `asked` for it."""
        try:
            self.start(*arguments, **command)
        except machine.Reset:
            raise AssertionError("the board was switched") from None
        except kind as error:
            self.assertTrue(kind is OtaError or type(error) is kind, type(error))
            self.assertEqual(("set_boot", journal.TRIAL) in self.events, asked)
            self.assertEqual(self.chip.states(), [(1, VALID), None])
            return str(error)
        raise AssertionError(kind.__name__ + " not raised")
