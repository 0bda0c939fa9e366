"""The agent as a package for `mpremote mip install`: compiled files and the lists that name them.

`package.json` goes to the board's /lib. `stubs.json` holds /boot.py and /main.py, for `--target /`. The sources
are no package: compiled on a board, their names alone would fill the memory that an upgrade needs.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from host_tools.board.stubs import NAMES, content
from host_tools.release import sources
from host_tools.release.make import write_atomically


def make_package(out: Path, arch: str) -> dict[str, bytes]:
    """Write the package to the folder `out`; its files by name. Raises: `ReleaseError`."""
    agent = sources.agent_files(arch)
    stubs = {name: content(name) for name in NAMES}
    files = {
        **agent,
        **stubs,
        "package.json": _index(agent, version("enos-ota")),
        "stubs.json": _index(stubs, version("enos-ota")),
    }
    for name, data in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out / name, data)
    return files


def _index(files: dict[str, bytes], number: str) -> bytes:
    urls = [[name, name] for name in sorted(files)]
    return json.dumps({"version": number, "urls": urls, "deps": []}, indent=1).encode() + b"\n"
