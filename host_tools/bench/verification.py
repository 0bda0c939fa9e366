"""What a signature costs: measured on MicroPython's unix port, estimated for an ESP32 by count of operations."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from host_tools import paths
from host_tools.release import keys
from host_tools.release.record import SECTOR_BYTES
from host_tools.release.signature import key_digest, sign_release

RUNS = 20
DIGITS = 3072 // 16
"""MicroPython's long integers have digits of 16 bits, on an ESP32 as on the unix port."""
PRODUCTS = 17
"""That x^65537 takes: each is one multiplication and one division, of DIGITS² steps each (py/mpz.c)."""
DIGIT_STEPS = 2 * PRODUCTS * DIGITS**2
INSTRUCTIONS_PER_STEP = (19, 24)
"""x86 instructions counted by valgrind: 23.9 M for one power in a 32-bit build, 28.9 M in the 64-bit one."""
CYCLES_PER_INSTRUCTION = (1.0, 1.5)
FREQUENCIES_MHZ = (240, 160)

_SCRIPT = """\
import hashlib, json, sys, time
sys.path[:] = [{device!r}, {lib!r}, ".frozen"]
from enos_ota import signature
with open({file!r}, "rb") as file:
    sector = bytearray(file.read())
spent = [0]
def timed_power(s, e, n):
    start = time.ticks_us()
    found = pow(s, e, n)
    spent[0] = time.ticks_diff(time.ticks_us(), start)
    return found
signature.pow = timed_power  # within the check: a part of the same run is no longer than the whole
def timed(act):
    start = time.ticks_us()
    act()
    return time.ticks_diff(time.ticks_us(), start), spent[0]
def least(act):
    return min([timed(act) for _ in range({runs})])
piece = bytes(4096)
def digest():
    state = hashlib.sha256()
    for _ in range(256):
        state.update(piece)
    return state.digest()
check_us, power_us = least(lambda: signature.check(sector, [{digest!r}], []))
print(json.dumps([check_us, power_us, least(digest)[0]]))
"""


@dataclass(frozen=True)
class Verification:
    """Least times of `RUNS` on this machine, and the estimate for a chip, (from, to) in seconds by MHz."""

    check_us: int
    power_us: int
    sha256_of_1_mib_us: int
    digit_steps: int
    esp32_s: dict[int, tuple[float, float]]

    def as_json(self) -> dict[str, object]:
        """For `bench.json`."""
        return asdict(self)


def measure() -> Verification:
    """Verify a signature of our own, again and again, by the device's own module."""
    key = keys.generate()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sector"
        file.write_bytes(sign_release(bytes(SECTOR_BYTES), key)[-SECTOR_BYTES:])
        script = Path(folder) / "measure.py"
        script.write_text(
            _SCRIPT.format(
                device=str(paths.DEVICE),
                lib=str(paths.UPY_LIB),
                file=str(file),
                runs=RUNS,
                digest=key_digest(key.public_key()).hex(),
            )
        )
        done = subprocess.run(
            [paths.micropython(), str(script)], capture_output=True, text=True, check=True
        )
    check_us, power_us, sha256_us = json.loads(done.stdout)
    return Verification(check_us, power_us, sha256_us, DIGIT_STEPS, estimate())


def estimate() -> dict[int, tuple[float, float]]:
    """Seconds on an ESP32, (from, to), by its clock in MHz: an estimate, nothing that was measured on a chip."""
    least, most = (
        DIGIT_STEPS * steps * cycles
        for steps, cycles in zip(INSTRUCTIONS_PER_STEP, CYCLES_PER_INSTRUCTION, strict=True)
    )
    return {
        mhz: (round(least / mhz / 1e6, 2), round(most / mhz / 1e6, 2)) for mhz in FREQUENCIES_MHZ
    }


def text_of(found: Verification) -> str:
    """The figures in sentences."""
    chips = ", ".join(
        f"{least:.2f} to {most:.2f} s at {mhz} MHz" for mhz, (least, most) in found.esp32_s.items()
    )
    percent = 100 * found.power_us // found.check_us
    return (
        f"One signature: {found.check_us / 1000:.1f} ms here, {percent} % of it for the power; as long "
        f"as SHA-256 of {found.check_us / found.sha256_of_1_mib_us:.1f} MiB.\n"
        f"By {found.digit_steps:,} steps of 16-bit digits, an ESP32 takes {chips} (estimate)."
    )
