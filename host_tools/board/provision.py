"""Write settings to a board: each file beside the old one, read back, then put in its place."""

from __future__ import annotations

import json
from typing import Any

from host_tools import settings as rules
from host_tools.board.errors import BoardCodeError, BoardError
from host_tools.board.files import Files, Step
from host_tools.factory.files import ca_names, is_ours
from host_tools.settings import Settings

PATHS = ("/enos.json", "/enos.bak")
NEW = ".enos-new"
BLOCK_BYTES = 4096


def on_board(files: Files) -> Settings:
    """The settings that the board has, {} where there are none that can be read."""
    for path in PATHS:
        try:
            found = json.loads(files.read(path))
        except (BoardCodeError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    return {}


def merged(old: Settings, new: Settings, cas: list[bytes]) -> Settings:
    """`old` with what `new` says; the paths of `cas` where there are any.

    What only another edition of the agent knows stays. Raises: BoardError naming every key that is wrong.
    """
    known = rules.defaults()
    result = old | new
    if cas:
        result["ca"] = ca_names(cas)
    judged = {key: value for key, value in result.items() if key in known or key in new}
    problems = rules.check(judged)
    if problems:
        raise BoardError("settings: " + "; ".join(problems))
    return result


def encoded(settings: Settings) -> bytes:
    """The file's content."""
    return json.dumps(settings, indent=1).encode()


def write(files: Files, settings: Settings, cas: list[bytes], old: Settings) -> None:
    """Write settings and CAs, whose names are those of their content.

    Power cut: the old or the new settings are whole, and the CAs that they name are there.
    Raises: BoardError when there is no room, before anything is written, or when the flash fails.
    """
    text = encoded(settings)
    contents = dict(zip(ca_names(cas), cas, strict=True)) | dict.fromkeys(PATHS, text)
    needed = sum(-(-len(data) // BLOCK_BYTES) for data in contents.values()) * BLOCK_BYTES
    if files.free_bytes() < needed + BLOCK_BYTES:
        raise BoardError(
            f"the board's file system is full: {needed + BLOCK_BYTES:,} bytes are needed: remove files with "
            "'mpremote rm'"
        )
    for path, content in contents.items():
        files.write(path + NEW, content)
        steps: list[Step] = [(path + NEW, path)]
        files.act(steps)
    gone = [path for path in old.get("ca", []) if is_ours(path) and path not in settings["ca"]]
    files.act([(path, None) for path in gone])


def shown(settings: Settings) -> dict[str, Any]:
    """The settings with secrets hidden."""
    hidden = ("device_secret", "access_key", "secret_key")
    result: dict[str, Any] = {k: "***" if k in hidden else v for k, v in settings.items()}
    result["wifi"] = [entry.get("ssid") for entry in settings.get("wifi", [])]
    return result
