"""Write settings to a board: each file beside the old one, read back, then put in its place."""

from __future__ import annotations

import json
from typing import Any

from host_tools import settings as rules
from host_tools.board.errors import BoardCodeError, BoardError
from host_tools.board.files import Files, Step
from host_tools.factory.files import ca_names
from host_tools.settings import Settings

PATHS = ("/enos.json", "/enos.bak")
NEW = ".enos-new"


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

    Raises: BoardError naming every key that the device would not understand.
    """
    known = rules.defaults()
    result = {key: value for key, value in old.items() if key in known} | new
    if cas:
        result["ca"] = ca_names(len(cas))
    problems = rules.check(result)
    if problems:
        raise BoardError("settings: " + "; ".join(problems))
    return result


def encoded(settings: Settings) -> bytes:
    """The file's content."""
    return json.dumps(settings, indent=1).encode()


def write(files: Files, settings: Settings, cas: list[bytes]) -> None:
    """Write settings and CAs. Power cut: the old or the new settings are whole, with their copy.

    Raises: BoardError when there is no room, or the flash fails.
    """
    contents: dict[str, bytes] = dict(zip(ca_names(len(cas)), cas, strict=True))
    contents |= dict.fromkeys(PATHS, encoded(settings))
    for path, content in contents.items():
        # One after the other: a small file system has no room for two of each.
        files.write(path + NEW, content)
        steps: list[Step] = [(path + NEW, path)]
        files.act(steps)


def shown(settings: Settings) -> dict[str, Any]:
    """The settings with secrets hidden."""
    hidden = ("device_secret", "access_key", "secret_key")
    result: dict[str, Any] = {k: "***" if k in hidden else v for k, v in settings.items()}
    result["wifi"] = [entry.get("ssid") for entry in settings.get("wifi", [])]
    return result
