"""The releases that the boards are upgraded to: good ones, and bad ones of every kind."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from host_tools.demo.workshop import Workshop
from host_tools.release.check import check_release
from host_tools.release.synth import STOCK_BYTES, synth_vm

SAYS_RUNNING = "soak: runs "
SAYS_TESTED = "soak: self-test"
SOUR_AFTER_S = 9
"""Longer than a trial without trouble takes."""

_APP = '''"""Says which release it is, for as long as it runs."""

import asyncio

SAYS = "{says}"

print(SAYS)
{at_import}


async def run():
    print(SAYS)
{at_start}
    for second in range(1_000_000):
{each_second}
        print(SAYS)
        await asyncio.sleep(1)


def self_test():
    print("{tested}")
    return True


def on_progress(step, desc):
    pass
'''
_UNLINKED_MAIN = '''"""Takes another server than the settings name."""

import asyncio
import json

import app
from enos_ota.agent import Agent, select_first


def main():
    with open("/enos.json") as file:
        settings = json.load(file)
    settings["mqtt"] = "mqtts://localhost:9"
    agent = Agent(settings, app=app.run, self_test=app.self_test, select=select_first)
    asyncio.run(agent.run())
'''

FIRST = "1.0.0"
GOOD = {
    FIRST: STOCK_BYTES,
    "1.1.0": STOCK_BYTES,
    "2.0.0": 800_000,
    "2.1.0": 800_000,
    "3.0.0": 400_000,
    "3.1.0": 400_000,
}
"""Versions of good releases, and the sizes of their VMs."""

BAD_BYTES = 400_000
RAISES, HANGS, RETURNS, UNLINKED, SOURS = (
    "4-raises", "4-hangs", "4-returns", "4-unlinked", "4-sours",
)  # fmt: skip
BAD = RAISES, HANGS, RETURNS, UNLINKED
"""Bad releases that must not survive their trial; SOURS turns bad after it."""
_CHANGES = {
    RAISES: {"at_import": "raise RuntimeError(SAYS)"},
    HANGS: {"at_start": "    while True:\n        pass"},
    RETURNS: {"at_start": "    return"},
    SOURS: {"each_second": f"        while second >= {SOUR_AFTER_S}:\n            pass"},
}


@dataclass(frozen=True)
class Release:
    """A release file; `marker` is what its code, and no other, says."""

    version: str
    path: Path
    marker: str


def marker_of(version: str) -> str:
    """What the code of a version says of itself: nothing that EnOS or the agent know."""
    return hashlib.sha256(version.encode()).hexdigest()[:12]


MARKED = {marker_of(version): version for version in (*GOOD, *BAD, SOURS)}


def make_releases(folder: Path, wanted: Collection[str]) -> None:
    """Make the releases of the wanted versions below `folder`."""
    shop = Workshop(folder)
    sizes = {**GOOD, **dict.fromkeys((*BAD, SOURS), BAD_BYTES)}
    for sequence, (version, size_bytes) in enumerate(sizes.items(), 1):
        if version not in wanted:
            continue
        # Nothing of one good release can pass for a part of another.
        seed = sequence if version in GOOD else 0
        vm = folder / f"vm-{size_bytes}-{seed}.bin"
        if not vm.exists():
            vm.write_bytes(synth_vm(size_bytes, seed=seed))
        files = {"enos_main.py": _UNLINKED_MAIN} if version == UNLINKED else None
        app = _app(version)
        shop.release(version, sequence, app=app, files=files, vm=vm)


def load_releases(folder: Path) -> dict[str, Release]:
    """The releases that were made below `folder`, by version."""
    paths = {name: folder / f"{name}.bin" for name in (*GOOD, *BAD, SOURS)}
    return {
        name: Release(name, path, marker_of(name)) for name, path in paths.items() if path.exists()
    }


def signers(release: Release) -> list[str]:
    """By which keys a release is signed, as boards know them: those of the process that made it."""
    found = check_release(release.path.read_bytes()).signatures
    return [one.key_digest.hex() for one in found]


def _app(version: str) -> str:
    changes = dict.fromkeys(("at_import", "at_start", "each_second"), "")
    changes |= _CHANGES.get(version, {})
    return _APP.format(says=SAYS_RUNNING + marker_of(version), tested=SAYS_TESTED, **changes)
