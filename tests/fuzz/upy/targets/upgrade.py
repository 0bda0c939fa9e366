"""A whole upgrade to a file of any content: from its first request to the switch, or to the error."""

import binascii
import hashlib

import esp32
import images
import machine
import rig
import webserver
import wire
from dice import mutate
from enos_ota import forget
from enos_ota.errors import OtaError
from rig import meter

DECLARED = (machine.Reset, OtaError)
STEPS = 100_000
LIMIT_MS = 8_000_000
SHARE = 0.3
with open("tests/vectors/release-signed.bin", "rb") as _file:
    _RIGHT = _file.read()
_KEY = binascii.hexlify(hashlib.sha256(_RIGHT[8192 + 36 : 8192 + 812]).digest()).decode()
_BUF = bytearray(4096)
_OTHERS = (
    b"<html>",
    b'{"code":404}',
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"\xff" * 64,
    b"",
    b"\xe9",
    b"\xe9" * 300,
)
_POLICIES = ("required", "if_present", "off")
_VALID = 2


class _Agent:
    """What an upgrade needs of the agent."""

    context = None
    alone = False
    is_informed = True
    starved_ms = None
    is_linked = False
    hushed = False
    clock_set_s = floor_s = doubts = 0

    def __init__(self, policy, downgrade) -> None:
        self.session = self
        self.config = rig.settings(signature=policy, keys=[_KEY], downgrade=downgrade)

    def report(self, step, desc) -> None:
        if not isinstance(step, int) or not 0 <= step <= 98:
            meter.complain("progress %r" % step)

    def close(self) -> None:
        pass

    def keep_order(self) -> None:
        pass


class _Firmware:
    version = "2.0"
    file_url = "https://files/f.bin"


def make(dice):
    """How the network is; policy, method, size and downgrade; the running record; and the file."""
    flags = bytes((dice.below(3), dice.below(2), dice.often(0, 1, 2, 3, 4, 5, 6), dice.below(2)))
    record = images.record_bytes(images.image(), "1.0.0")
    file = _RIGHT
    if dice.one_in(3):
        file = file[:8192]  # not signed
    if dice.one_in(8):
        file = file[:4096][: len(images.image())]  # not even a record
    for _ in range(dice.below(3)):
        # In its parts that are looked at, not in what fills them.
        at, size = dice.pick(
            ((0, 32), (32, 300), (540, 80), (4096, 240), (8192, 1216), (1000, 3000), (4400, 3700))
        )
        file = file[:at] + mutate(dice, file[at : at + size], 2) + file[at + size :]
    if dice.wrong(12):
        file = dice.pick(_OTHERS)
    if dice.wrong(8):
        record = mutate(dice, record)
    return [wire.mode(dice), flags, record, file]


class _Server:
    """Serves ranges of the file."""

    def __init__(self, net, file, knows_ranges) -> None:
        self._net = net
        self._file = memoryview(file)
        self._knows = knows_ranges

    def answer(self, data):
        webserver.check_request(data, self._net.peers[-1])
        span = bytes(data).partition(b"Range: bytes=")[2].partition(b"\r\n")[0]
        first, _, last = span.partition(b"-")
        first, size = int(first), len(self._file)
        if not self._knows:
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, self._file
        if first >= size:
            return (
                b"HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n" % size,
            )
        last = min(int(last or size), size - 1)
        head = b"HTTP/1.1 206 OK\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n"
        return head % (first, last, size, last + 1 - first), self._file[first : last + 1]


def play(parts):
    flags, record, file = parts[1:]
    chip = esp32.power_up()
    chip.entry(0, 1, _VALID)
    chip.nvs[("enos_ota", "erase")] = images.ELF + b"+"
    chip.on = lambda *_: meter.step()
    images.put("ota_0", images.image())
    images.put("ota_0", record, 4096)
    made = wire.install(parts[:1])
    made.on_write = _Server(made, file, flags[2] != 3).answer
    policy = _POLICIES[flags[0] % 3]
    firmware = _Firmware()
    firmware.sign_method = "md5" if flags[1] else "sha256"
    state = hashlib.md5(file) if flags[1] else hashlib.sha256(file)
    firmware.sign = binascii.hexlify(state.digest()).decode()
    sizes = (len(file), None, len(file) + 1, len(file), -1, 1 << 40, 0)
    firmware.size_bytes = sizes[flags[2]]
    from enos_ota.upgrade import Upgrade

    try:
        rig.run(Upgrade(_Agent(policy, bool(flags[3])), firmware, _BUF).run())
    except machine.Reset:
        _check(file, policy)
    return "switched"


def _check(file, policy) -> None:
    from enos_ota import board, otadata

    if not board.is_selected(board.running().get_next_update()) or otadata.on_trial():
        meter.complain("a reset without a switch")
    if not images.same("ota_1", 0, file):
        meter.complain("the slot does not hold the file")
    content, signed = memoryview(file)[:8192], memoryview(_RIGHT)[:8192]
    if policy == "required" and content != signed:
        meter.complain("a file that nobody signed is switched to")


def reset() -> None:
    forget()
