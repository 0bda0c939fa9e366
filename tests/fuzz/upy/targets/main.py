"""/main.py: whatever an application dies of, the board resets, and the next boot can read the reason."""

import gc
import json
import sys

import esp32
import grammar
import images
import machine
import past
import rig
from rig import meter

DECLARED = ()
SHARE = 0.4
_VALID = 2
_WHY = ("enos_boot", "why")
_PATH = sys.path[:]
_FOLDER = rig.stubs_folder()
_KINDS = (ValueError, KeyError, OSError, SystemExit, MemoryError, RuntimeError, None)
_WHY_BYTES = 320
_LONGEST = 400


class _Module:
    """A module of the release."""

    Agent = select_first = None


def make(dice):
    """What the application raises, whether NVS is full; the text; `wdt_s`."""
    flags = bytes((dice.below(len(_KINDS)), dice.often(0, 1), dice.below(5)))
    text = dice.pick(
        (grammar.text(dice, 400), grammar.value(dice), b'"' + dice.bytes(dice.few(90)) + b'"')
    )
    return [flags, text, dice.often(b"120", b"", b"0", b"-1", b"\xff", b"99999999", b"9" * 9)]


def play(parts):
    flags, text, watchdog = parts
    chip = esp32.power_up()
    chip.entry(0, 1, _VALID)
    images.put("ota_0", images.image())
    chip.nvs[("enos_boot", "wdt_s")] = watchdog
    chip.nvs_full = bool(flags[1])
    machine.State.cause = past._CAUSES[flags[2]]
    try:
        text = json.loads(text)
        if not isinstance(text, str):
            text = str(text)[:_LONGEST]  # or it would take the memory of the next boot, too
    except ValueError:
        text = "".join([chr(byte) for byte in text])
    kind = _KINDS[flags[0]]

    def main():
        if kind:
            raise kind(text)

    if not _runs(main):
        meter.complain("it did not reset")
    why = chip.nvs.get(_WHY, b"")
    if len(why) > _WHY_BYTES or not (why or flags[1]):
        meter.complain("the reason %r is kept" % why)
    _boots()
    return "reset"


def _runs(main) -> bool:
    # Whether /main.py resets. It drops all modules.
    modules = dict(sys.modules)
    release = _Module()
    release.main = main
    sys.modules["enos_main"] = release
    sys.modules["enos_ota.alone"] = _Module()  # the agent goes first in the next boot
    sys.path[:] = [_FOLDER]
    try:
        import main as stub

        return stub is None
    except machine.Reset:
        return True
    finally:
        sys.path[:] = _PATH
        sys.modules.clear()
        sys.modules.update(modules)
        gc.threshold(16_384)


def _boots() -> None:
    # The next boot: what the agent makes of the reason.
    machine.State.cause = machine.HARD_RESET
    sys.modules["enos_ota.agent"] = _Module
    sys.path.insert(0, "/app")
    from enos_ota import alone, startup

    try:
        if esp32.chip.nvs.get(_WHY, b"").strip() and not alone.first():
            meter.complain("the agent does not go first")
    finally:
        sys.path.remove("/app")
    startup.look_back("1.0.0", 120)


def reset() -> None:
    sys.modules.pop("main", None)
    sys.modules.pop("enos_ota.agent", None)
    from enos_ota import forget

    forget()
