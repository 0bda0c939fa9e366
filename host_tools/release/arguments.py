"""What the sub-commands of `enos-ota release` have in common: kinds of arguments, options, errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from host_tools.one_line import one_line
from host_tools.paths import ToolMissingError
from host_tools.release.errors import KeyFileError, ReleaseError
from host_tools.release.make import SLOT_BYTES

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
PASSPHRASE = "ENOS_OTA_PASSPHRASE"
"""Variable of the environment that holds the passphrase of keys, for machines that sign."""

one_line_errors = one_line(ReleaseError, ToolMissingError)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Bytes(click.ParamType[int]):
    """A number of bytes, decimal or 0x…."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse `value`."""
        try:
            return int(str(value), 0)
        except ValueError:
            self.fail(f"{value} is not a number like 1900544 or 0x1D0000", param, ctx)


slot_size_option = click.option(
    "--slot-size", type=Bytes(), default=SLOT_BYTES, help="Default: 0x1D0000."
)


def passphrase_of(path: Path) -> str:
    """The passphrase of a key file, from the environment or a person. Raises: `KeyFileError`."""
    return os.environ.get(PASSPHRASE) or _typed(f"{path}: passphrase", path, confirm=False)


def new_passphrase(path: Path) -> str:
    """A passphrase for a key file to be made. Raises: `KeyFileError`."""
    return os.environ.get(PASSPHRASE) or _typed(f"{path}: new passphrase", path, confirm=True)


def _typed(question: str, path: Path, *, confirm: bool) -> str:
    if not sys.stdin.isatty():
        raise KeyFileError(
            f"{path}: there is no terminal to ask its passphrase: set {PASSPHRASE} in the environment"
        )
    return str(click.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))
