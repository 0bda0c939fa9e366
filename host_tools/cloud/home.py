"""The stand-in's state folder: private, used by one process at a time, with `endpoints.json`."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .http_broker import FileService
from .private import make_folder, write_private
from .store import Store

ENDPOINTS = "endpoints.json"


class HomeError(Exception):
    """The state folder cannot be used; the text says why."""


class Home:
    """A state folder that this process has locked until `release`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        try:
            _make_private(self.folder)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise HomeError(f"home {folder} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise HomeError(f"a stand-in runs with home {folder} already") from None
        # What a killed stand-in has left behind.
        (self.folder / ENDPOINTS).unlink(missing_ok=True)

    def announce(self, endpoints: Mapping[str, Any]) -> None:
        """Write `endpoints.json`: clients find the stand-in from now on."""
        write_private(self.folder / ENDPOINTS, json.dumps(endpoints, indent=1).encode())

    def release(self) -> None:
        """Remove `endpoints.json` and let another process have the folder."""
        (self.folder / ENDPOINTS).unlink(missing_ok=True)
        os.close(self._lock)


def _make_private(folder: Path) -> None:
    make_folder(folder)
    folder.chmod(0o700)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def file_service_credentials(store: Store) -> FileService:
    """Credentials of `getFile`: made once, then remembered."""
    made = {
        "access_key": secrets.token_hex(8),
        "secret_key": secrets.token_hex(16),
        "org_id": "o" + str(10**13 + secrets.randbelow(9 * 10**13)),
    }
    for name, value in made.items():
        if store.setting(name) is None:
            store.set_setting(name, value)
    return FileService(**{name: store.setting(name) or "" for name in made})
