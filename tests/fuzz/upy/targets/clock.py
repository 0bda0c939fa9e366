"""The clock, by what a server tells that nobody has verified, and by what NVS holds."""

import sys

import esp32
import machine
import rig
import webserver
import wire
from enos_ota import board, forget
from enos_ota.errors import DownloadError
from rig import meter

DECLARED = (DownloadError,)  # where there was doubt before
STEPS = 40_000
LIMIT_MS = 300_000
_CONFIG = rig.settings()
_DATES = (
    b"Sun, 06 Nov 2033 08:49:37 GMT",
    b"Fri, 09 May 2025 08:53:20 GMT",
    b"Thu, 01 Jan 2199 00:00:00 GMT",
    b"Sat, 01 Jan 2000 00:00:00 GMT",
    b"Mon, 19 Jan 2068 03:14:08 GMT",
    b"Tue, 31 Feb 2034 00:00:00 GMT",
    b"\xff\xfe",
    b"",
)


class _Tls:
    """Stands for `tls` and for a context: what is sent is not encrypted."""

    PROTOCOL_TLS_CLIENT = CERT_NONE = CERT_REQUIRED = CERT_OPTIONAL = 0

    @classmethod
    def SSLContext(cls, protocol):  # noqa: N802 - its name
        return cls()

    def wrap_socket(self, raw, **options):
        return raw


class _Agent:
    config = _CONFIG
    context = _Tls()
    clock_set_s = 0

    def __init__(self, floor_s, doubts) -> None:
        self.floor_s = floor_s
        self.doubts = doubts


def make(dice):
    """How the network is; build time, day in NVS and doubts; and answers."""
    floor_s = dice.often(1_746_780_800, 0, 0x7FFFFFFF, 0xFFFFFFFF)
    day = dice.often(dice.pick((0, 20_000, 20_217, 24_000)), 0x7FFFFFFF, dice.word() & 0x7FFFFFFF)
    numbers = floor_s.to_bytes(4, "little") + day.to_bytes(4, "little") + bytes((dice.below(4),))
    parts = [wire.mode(dice), numbers]
    for _ in range(3):
        headers = [dice.often(b"Date: ", b"date:", b"X: " + b"d" * 2100) + dice.pick(_DATES)]
        parts.append(webserver.answer(dice, b"moved", headers=headers))
    return parts


def play(parts):
    chip = esp32.power_up()
    numbers = parts[1]
    machine.State.clock = None
    floor_s = int.from_bytes(numbers[:4], "little")
    day = int.from_bytes(numbers[4:8], "little")
    chip.nvs[("enos_ota", "day")] = day
    made = wire.install(parts[:1] + parts[2:])
    made.on_write = lambda data: webserver.check_request(data, made.peers[-1])
    sys.modules["tls"] = _Tls
    agent = _Agent(floor_s, numbers[8] & 3)
    rig.run(_life(agent))
    kept = chip.nvs[("enos_ota", "day")]
    if kept != day and kept > day and abs(kept * 86_400 - board.unix_time()) > 2 * 86_400:
        meter.complain("day %d is kept, which is far from the clock" % kept)
    return "set" if machine.State.clock else "as it was"


async def _life(agent) -> None:
    from enos_ota import clock, servertime

    await clock.settle(agent)
    await servertime.confirm(agent)
    await servertime.doubt(agent, DownloadError("TLS refused: expired (clock 2000-01-01)"))


def reset() -> None:
    sys.modules.pop("tls", None)
    forget()
