"""Write settings and what they name to a board: each file beside the old one, read back, then put in its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from host_tools import settings as rules
from host_tools.board.certificates import Pair
from host_tools.board.errors import BoardCodeError, BoardError
from host_tools.board.files import Files, Step
from host_tools.factory.files import TRUST, der_names, ders_of, is_ours, kept_cas
from host_tools.settings import Settings

PATHS = ("/enos.json", "/enos.bak")
NEW = ".enos-new"
BLOCK_BYTES = 4096
GIVE = {"ca": "give --ca", "cert": "give --cert", "key": "give --key-file"}


@dataclass(frozen=True)
class Brought:
    """Files that come with the settings: CAs (DER), the board's own certificate and key."""

    cas: list[bytes]
    pair: Pair | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """Path on the board -> content."""
        ders = ders_of(self.cas, self.pair)
        return dict(zip(der_names(ders), ders, strict=True))


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


def merged(old: Settings, new: Settings, brought: Brought) -> Settings:
    """`old` with what `new` says, and the paths of what is brought.

    What only another edition of the agent knows stays. Raises: BoardError naming every key that is wrong.
    """
    known = rules.defaults()
    result = old | new
    if brought.cas:
        result["ca"] = der_names(brought.cas)
    if brought.pair:
        result["cert"], result["key"] = der_names(brought.pair.ders)
    judged = {key: value for key, value in result.items() if key in known or key in new}
    problems = rules.check(judged)
    if problems:
        raise BoardError("settings: " + "; ".join(problems))
    return result


def encoded(settings: Settings) -> bytes:
    """The file's content."""
    return json.dumps(settings, indent=1).encode()


def write(files: Files, settings: Settings, brought: Brought) -> None:
    """Write what is brought, then the settings; then remove the files of ours that these do not name.

    Power cut: the old or the new settings are whole, and the files that they name are there. Repeated, it
    removes what the cut one left, too: a private key above all.
    Raises: BoardError before anything is written when there is no room or a named file is missing; or when the
    flash fails.
    """
    text = encoded(settings)
    named = _named(settings)
    for path, key in named.items():
        if path not in brought.files and not files.size(path):
            raise BoardError(
                f"{key} names {path}, and there is no such file on the board: {GIVE[key]}"
            )
    contents = brought.files | dict.fromkeys(PATHS, text)
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
    files.act([(path, None) for path in _ours(files) if path not in named])


def _named(settings: Settings) -> dict[str, str]:
    """Path -> the setting that names it."""
    single = {settings[key]: key for key in ("cert", "key") if settings.get(key)}
    return dict.fromkeys(settings.get("ca", []), "ca") | single


def _ours(files: Files) -> list[str]:
    """CAs, certificates and keys that were put on the board by this tool, whole or in part."""
    names = files.names()
    kept = kept_cas(files.read("/" + TRUST)) if TRUST in names else set()
    return [
        "/" + name for name in names if is_ours("/" + name.removesuffix(NEW)) and name not in kept
    ]


def shown(settings: Settings) -> dict[str, Any]:
    """The settings with secrets hidden."""
    result: dict[str, Any] = {k: "***" if k in rules.SECRETS else v for k, v in settings.items()}
    result["wifi"] = [entry.get("ssid") for entry in settings.get("wifi", [])]
    return result
