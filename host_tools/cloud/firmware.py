"""Firmware: what EnOS accepts, the digests, and the shapes of `fileUrl`."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .model import Firmware
from .private import write_private
from .store import Store

SIGN_METHODS = ("sha256", "md5")
CONNECT, LARK = "enos-connect", "enos-lark"
URL_SHAPES = (CONNECT, LARK, "relative", "https")
# Limits of EnOS (adding_firmware.md, create_firmware).
SUFFIXES = (".bin", ".tar", ".gz", ".zip")
SIZE_LIMIT_BYTES = 100 * 1024 * 1024


class FirmwareError(ValueError):
    """EnOS would not take this file, version or choice; the text says why."""


class FirmwareShelf:
    """All firmware: bytes in `folder`, everything else in the store."""

    def __init__(self, store: Store, folder: Path, now: Callable[[], float]) -> None:
        self._store = store
        self._folder = folder
        self._now = now
        self.file_service = ""
        """Address that `https` shapes begin with; known once the server listens."""
        folder.mkdir(mode=0o700, exist_ok=True)

    def add(
        self, content: bytes, name: str, version: str, sign_method: str, url_shape: str
    ) -> Firmware:
        """Keep new firmware.

        Raises: FirmwareError.
        """
        self._check(content, name, version, sign_method, url_shape)
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._folder / sha256
        if not path.exists():
            write_private(path, content)
        now = self._now()
        fields: dict[str, Any] = {
            "version": version, "name": name, "size_bytes": len(content), "sha256": sha256,
            "sign": hashlib.new(sign_method, content).hexdigest(), "sign_method": sign_method,
            "url_shape": url_shape, "url": self._url(url_shape, name, now), "created_at": now,
        }  # fmt: skip
        return Firmware(id=self._store.add_firmware(fields), **fields)

    def _check(
        self, content: bytes, name: str, version: str, sign_method: str, url_shape: str
    ) -> None:
        if sign_method not in SIGN_METHODS:
            raise FirmwareError(f"signMethod is one of {', '.join(SIGN_METHODS)}")
        if url_shape not in URL_SHAPES:
            raise FirmwareError(f"url shape is one of {', '.join(URL_SHAPES)}")
        if not version or version != version.strip():
            raise FirmwareError("a version is needed, without blanks around it")
        if not name.lower().endswith(SUFFIXES) or "/" in name:
            raise FirmwareError(f"EnOS takes files ending in {', '.join(SUFFIXES)}: {name!r}")
        if not content:
            raise FirmwareError("the file is empty")
        if len(content) > SIZE_LIMIT_BYTES:
            raise FirmwareError("EnOS takes at most 100 MB")
        if self._store.firmware_of(version) is not None:
            raise FirmwareError(f"there is firmware {version} already: versions are unique")

    def _url(self, shape: str, name: str, now: float) -> str:
        suffix = "." + name.rpartition(".")[2]
        if shape in (CONNECT, LARK):
            return f"{shape}://{secrets.token_hex(8)}{suffix}"
        if shape == "https":
            return f"/files/{secrets.token_hex(8)}{suffix}"
        milliseconds = int(now * 1000)
        while self.at(url := f"/upload/firmware/{milliseconds}/{quote(name)}") is not None:
            milliseconds += 1
        return url

    def all(self) -> list[Firmware]:
        """All firmware, oldest first."""
        return self._store.firmware()

    def of(self, version: str) -> Firmware | None:
        """Firmware by version, None if unknown."""
        return self._store.firmware_of(version)

    def at(self, url: str) -> Firmware | None:
        """Firmware by `fileUrl` (or by path, for shape `https`), None if unknown."""
        return self._store.firmware_at(url)

    def link(self, firmware: Firmware) -> str:
        """An address that serves its bytes to everyone."""
        key = re.sub(r"^[a-z-]+://", "/files/", firmware.url)
        return self.file_service + key

    def behind(self, path: str) -> Firmware | None:
        """Firmware by the path of its `link`, None if unknown."""
        key = path.removeprefix("/files/")
        urls = (path, f"{CONNECT}://{key}", f"{LARK}://{key}")
        return next(filter(None, map(self.at, urls)), None)

    def path(self, firmware: Firmware) -> Path:
        """The file that holds its bytes."""
        return self._folder / firmware.sha256

    def file_url(self, firmware: Firmware) -> str:
        """The `fileUrl` a device is given."""
        if firmware.url_shape == "https":
            return self.file_service + firmware.url
        return firmware.url

    def describe(self, firmware: Firmware) -> dict[str, Any]:
        """The firmware object of `upgrade` and `getversion_reply`."""
        return {
            "version": firmware.version,
            "sign": firmware.sign,
            "signMethod": firmware.sign_method,
            "fileUrl": self.file_url(firmware),
            "fileSize": firmware.size_bytes,
        }
