"""The chip, MicroPython, its modules, its memory, its clock."""

from __future__ import annotations

import time

from host_tools.board.doctor.finding import BLOCKER, OK, WARNING, Facts, Finding
from host_tools.release.compile import MPY_MAJOR
from host_tools.release.image import CHIPS
from host_tools.release.make import OLDEST, OLDEST_VM

TRIED = ("esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6")
MPY_MINOR = 3
SESSION_BYTES = 40_000
"""The largest free block that a TLS session wants to begin with, as in the agent."""
CLOCK_2024_S = 1_704_067_200


def checks(facts: Facts) -> list[Finding]:
    """Findings about what runs, in the order they are shown."""
    return [*firmware_checks(facts), *_memory(facts), _clock(facts)]


def firmware_checks(facts: Facts) -> list[Finding]:
    """Those of them that only another firmware changes."""
    return [_chip(facts), _version(facts), _modules(facts), _umqtt(facts)]


def chip_of(facts: Facts) -> str:
    """The chip by the image that runs, as esptool spells it; "" when it is none we know."""
    running = facts["partitions"]["running"]
    for app in facts["partitions"]["apps"]:
        if app["label"] == running:
            return CHIPS.get(app.get("chip_id", -1), "")
    return ""


def _chip(facts: Facts) -> Finding:
    chip = chip_of(facts)
    text = f"{chip or 'unknown'}, {facts['vm']['machine']}, MAC {facts['vm']['mac']}"
    if chip in TRIED:
        return Finding("chip", OK, text)
    return Finding(
        "chip", WARNING, text, f"tried are {', '.join(TRIED)}: test one board before a fleet"
    )


def _version(facts: Facts) -> Finding:
    version = tuple(facts["vm"]["version"])
    mpy = facts["vm"]["mpy"]
    text = f"{'.'.join(map(str, version))}, {facts['vm']['build']}"
    good_mpy = mpy & 0xFF == MPY_MAJOR and (mpy >> 8) & 3 >= MPY_MINOR
    if version >= OLDEST_VM and good_mpy:
        return Finding("MicroPython", OK, text)
    what = f"older than {OLDEST}" if version < OLDEST_VM else "takes another .mpy version"
    return Finding(
        "MicroPython",
        BLOCKER,
        f"{text}: {what}",
        f"write MicroPython {OLDEST} or newer by USB ('enos-ota factory' makes the whole flash)",
    )


def _modules(facts: Facts) -> Finding:
    missing = facts["vm"]["missing"]
    if not missing:
        return Finding("modules", OK, "TLS, digests, deflate, asyncio: all there")
    return Finding(
        "modules",
        BLOCKER,
        f"the firmware lacks {', '.join(missing)}",
        "take a firmware from micropython.org, or add them to your own build",
    )


def _umqtt(facts: Facts) -> Finding:
    version = facts["vm"]["umqtt"]
    if version is None:
        return Finding(
            "umqtt.simple", BLOCKER, "not there", "run 'mpremote mip install umqtt.simple'"
        )
    return Finding("umqtt.simple", OK, str(version))


def _memory(facts: Facts) -> list[Finding]:
    tls = facts.get("tls")
    used, region = facts["memory"]
    found = [
        Finding("memory", OK, f"Python holds {used:,} bytes, {region[1]:,} are free outside it")
    ]
    if tls is None:
        return found  # not asked for
    if not isinstance(tls, list):
        found.append(
            Finding(
                "TLS session",
                BLOCKER,
                f"cannot be made: {tls}",
                "free memory: what runs in /boot.py, and a smaller firmware, are where to look",
            )
        )
        return found
    before, after = tls
    text = f"takes {before[1] - after[1]:,} bytes; largest block {before[2]:,} before, {after[2]:,} in it"
    if before[2] < SESSION_BYTES:
        advice = "no session will work: start less in /boot.py, or take a chip with PSRAM"
        found.append(Finding("TLS session", BLOCKER, text, advice))
    elif after[2] < SESSION_BYTES:
        advice = "upgrades will close MQTT for the download, or restart to do it alone"
        found.append(Finding("TLS session", WARNING, text, advice))
    else:
        found.append(Finding("TLS session", OK, text))
    return found


def _clock(facts: Facts) -> Finding:
    unix_s = facts["vm"]["unix_s"]
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix_s))
    if unix_s >= CLOCK_2024_S:
        return Finding("clock", OK, shown)
    settings = facts["files"]["settings"][0]
    if isinstance(settings, dict) and settings.get("ntp"):
        return Finding("clock", OK, f"{shown}; the agent asks {settings['ntp']}")
    return Finding(
        "clock",
        WARNING,
        f"{shown}: certificates are not valid yet",
        "provision with --set ntp=pool.ntp.org: without it the agent knows only the build time of its release",
    )
