"""Makes the releases that the demo and the end-to-end tests deploy, from device/example."""

from __future__ import annotations

import shutil
from pathlib import Path

from host_tools import paths
from host_tools.release.make import ReleaseInfo, make_release
from host_tools.release.synth import synth_vm

GREETING = "hello from the factory"
"""What the example's app says; an edit of it shows that other code runs."""


class Workshop:
    """Releases below `folder`, all around one synthesised VM of stock size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        files: dict[str, str] | None = None,
        build_time: int | None = None,
        name: str | None = None,
        vm: Path | None = None,
    ) -> ReleaseInfo:
        """Make `<name or version>.bin`.

        `greeting` replaces the example's, `app` its whole app.py, `files` adds or replaces files.
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
            (source / path).write_text(content)
        return make_release(
            vm or self.vm,
            source,
            version,
            sequence,
            self.folder / f"{name}.bin",
            build_time=build_time,
        )
