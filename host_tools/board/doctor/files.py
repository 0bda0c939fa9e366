"""The file system: stubs, agent, settings, room."""

from __future__ import annotations

from host_tools.board import stubs
from host_tools.board.doctor import flash
from host_tools.board.doctor.finding import BLOCKER, OK, WARNING, Facts, Finding
from host_tools.board.doctor.vm import chip_of
from host_tools.release import rescue
from host_tools.release.compile import native_arch
from host_tools.release.record import STUB_ABI

DEPLOY = "run 'enos-ota deploy PORT'"
SETTINGS_BLOCKS = 6
"""Room that new settings need, with a CA, a certificate and its key: a file system writes the new one before it
drops the old."""


def checks(facts: Facts) -> list[Finding]:
    """Findings about the files, in the order they are shown."""
    found = [_stub(facts, name) for name in stubs.NAMES]
    return [*found, _agent(facts), *_settings(facts), _room(facts)]


def _stub(facts: Facts, name: str) -> Finding:
    found_file = facts["files"][name]
    kind = stubs.kind(found_file)
    title = "/" + name
    if facts["files"]["frozen_stubs"]:
        unused = "" if found_file is None else f"; {title} is never run"
        return Finding(title, OK, f"frozen into the firmware{unused}")
    if kind == stubs.FOREIGN:
        advice = f"{DEPLOY} --replace: it keeps yours as {name}{stubs.KEPT}"
        return Finding(title, BLOCKER, "is not ours", advice)
    if kind in (stubs.NONE, stubs.EMPTY):
        return Finding(title, WARNING, "not deployed yet", DEPLOY)
    abi = stubs.abi(found_file)
    if abi != STUB_ABI:
        return Finding(title, BLOCKER, f"stub ABI {abi}, ours is {STUB_ABI}", DEPLOY)
    if not stubs.same(name, found_file):
        return Finding(title, WARNING, f"stub ABI {abi}, another edition", DEPLOY)
    return Finding(title, OK, f"stub ABI {abi}")


def _agent(facts: Facts) -> Finding:
    where = facts["files"]["agent"]
    if where is None:
        return Finding("agent", WARNING, "not on the board", f"{DEPLOY}, or write a release")
    path = str(where).rpartition("/")[0]
    if not path.startswith("/") and "enos_ota" in facts["files"]["names"]:
        path = "/" + path  # the current directory, which comes before what is frozen
    has_release = flash.running(facts).get("version") is not None
    if path.startswith("/rescue/"):
        return Finding("agent", OK, f"copied ({path})")
    if path.startswith("/app/") and has_release:
        return Finding("agent", OK, f"in the slot ({path})")
    if not path.startswith("/"):
        return Finding("agent", OK, "frozen into the firmware")
    text = f"{path} comes before a copied one, and only mip renews it"
    return Finding("agent", WARNING, text, f"or remove it: 'mpremote rm -r :{path}'")


def _settings(facts: Facts) -> list[Finding]:
    first, copy = facts["files"]["settings"]
    provision = "run 'enos-ota provision PORT'"
    if first is None and copy is None:
        return [Finding("settings", WARNING, "none yet", provision)]
    bad = [value for value in (first, copy) if not isinstance(value, dict)]
    if len(bad) == 2:
        return [Finding("settings", BLOCKER, f"damaged: {bad[0] or bad[1]}", provision)]
    good = first if isinstance(first, dict) else copy
    text = f"{good['product_key']}/{good['device_key']} at {good['mqtt']}"
    if bad or first["digest"] != copy["digest"]:
        return [Finding("settings", WARNING, f"{text}; the two copies differ", provision)]
    found = [Finding("settings", OK, text)]
    if good["watchdog_s"] == 0:
        advice = "run 'enos-ota provision PORT --set watchdog_s=120'"
        text = "none but in trials: an application that hangs stays so, and no upgrade arrives"
        found.append(Finding("watchdog", WARNING, text, advice))
    return found


def _room(facts: Facts) -> Finding:
    files = facts["files"]
    free_bytes = files["free"] * files["block"]
    needed = SETTINGS_BLOCKS * files["block"]
    agent_bytes = len(rescue.rescue_image(native_arch(chip_of(facts))))
    copied = [] if files["frozen_stubs"] else stubs.sizes()
    for name, size_bytes in ((rescue.NAME, agent_bytes), *copied):
        if name not in files["names"]:
            needed += -(-size_bytes // files["block"]) * files["block"]
    text = f"{free_bytes:,} bytes of {files['blocks'] * files['block']:,} free"
    if free_bytes < needed:
        advice = f"{needed:,} are needed: remove files with 'mpremote rm'"
        return Finding("file system", BLOCKER, f"full: {text}", advice)
    if files["kind"] == "fat":
        advice = "a cut while settings are written may cost them: 'enos-ota factory' makes LittleFS"
        return Finding("file system", WARNING, f"FAT, where renaming is not safe: {text}", advice)
    return Finding("file system", OK, text)
