"""Makes the releases that the demo and the end-to-end tests deploy, from device/example."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from host_tools import paths
from host_tools.release import keys
from host_tools.release.make import ReleaseInfo, make_release
from host_tools.release.signature import key_digest
from host_tools.release.synth import synth_vm

GREETING = "hello from the factory"
"""What the example's app says; an edit of it shows that other code runs."""


@cache
def owner_key() -> RSAPrivateKey:
    """The key of this process that signs releases, made when it is first asked for."""
    return keys.generate()


def owner_digest() -> str:
    """By what boards know it, in hex."""
    return key_digest(owner_key().public_key()).hex()


class Workshop:
    """Releases below `folder` around one synthesised VM of stock size, signed by `keys`: the owner's if None."""

    def __init__(self, folder: Path, keys: Sequence[RSAPrivateKey] | None = None) -> None:
        self.folder = folder
        self.keys = (owner_key(),) if keys is None else keys
        self.vm = folder / "vm.bin"
        folder.mkdir(parents=True, exist_ok=True)
        if not self.vm.exists():
            self.vm.write_bytes(synth_vm())

    def release(
        self,
        version: str,
        sequence: int,
        *,
        greeting: str | None = None,
        app: str | None = None,
        files: dict[str, str | bytes] | None = None,
        name: str | None = None,
        vm: Path | None = None,
        keys: Sequence[RSAPrivateKey] | None = None,
        **options: Any,
    ) -> ReleaseInfo:
        """Make `<name or version>.bin`.

        `greeting` replaces the example's, `app` its whole app.py, `files` adds or replaces files. `keys` replace
        those of the workshop, `options` are more of `make_release`.
        """
        name = name or version
        source = self.folder / f"app-{name}"
        if source.exists():
            shutil.rmtree(source)
        shutil.copytree(paths.DEVICE / "example", source)
        target = source / "app.py"
        if app is not None:
            target.write_text(app)
        elif greeting is not None:
            text = target.read_text()
            assert GREETING in text
            target.write_text(text.replace(GREETING, greeting))
        for path, content in (files or {}).items():
            (source / path).write_bytes(content if isinstance(content, bytes) else content.encode())
        return make_release(
            vm or self.vm,
            source,
            version,
            sequence,
            self.folder / f"{name}.bin",
            keys=self.keys if keys is None else keys,
            **options,
        )
