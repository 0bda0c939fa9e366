"""Many boards from one CSV: what differs between them is in its columns, the rest they have in common."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from host_tools import settings as rules
from host_tools.board.certificates import Pair, PairReader
from host_tools.factory.errors import FactoryError
from host_tools.factory.files import write_private
from host_tools.factory.maker import Maker
from host_tools.settings import Settings, SettingsError

NAME = "name"
IDENTITY = ("device_key", "device_secret")
"""What no two boards may share, so that every board needs its own column of it."""
PAIR = ("cert", "key")
"""Columns that name files on this machine: the board's own certificate and its private key."""
MANIFEST = "manifest.csv"
BOOLS = {"true": True, "false": False}
MOST_WARNINGS = 5

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class BoardPlan:
    """One board of a batch: its name, which its file gets, its complete settings, certificate and key."""

    name: str
    settings: Settings
    pair: Pair | None = None


@dataclass(frozen=True)
class Made:
    """One image, for the manifest: nothing in it is secret."""

    name: str
    device_key: str
    file: str
    size: int
    sha256: str
    chip: str
    release: str


def made(name: str, settings: Settings, path: Path, flash: bytes, maker: Maker) -> Made:
    """The manifest's row for an image."""
    digest = hashlib.sha256(flash).hexdigest()
    version = maker.release.record.version
    return Made(
        name, settings["device_key"], path.name, len(flash), digest, maker.stock.chip, version
    )


def read_boards(
    path: Path, common: Settings, where: Path, maker: Maker, pairs: PairReader
) -> list[BoardPlan]:
    """The boards in a CSV; `common` are the settings that they share, read from `where`.

    Names of files are relative to the CSV. Raises: FactoryError for the first row or column that is wrong.
    """
    header, rows = _read(path)
    _check_header(path, header)
    plans: list[BoardPlan] = []
    seen: dict[tuple[str, str], int] = {}
    for line, row in rows:
        at = f"{path}, line {line}"
        own = {key: _value(key, text, at) for key, text in row.items()}
        pair = _pair(path.parent, own, pairs, at)
        name = str(own.pop(NAME, own["device_key"]))
        if not _FILE_NAME.fullmatch(name):
            raise FactoryError(
                f"{at}: {name!r} cannot be the name of a file: give the board one of letters, digits, "
                f". _ and - in a column '{NAME}'"
            )
        # Some file systems do not tell case apart.
        unique = {**{key: str(own[key]) for key in IDENTITY}, NAME: name.lower()}
        if pair:
            unique["key"] = hashlib.sha256(pair.key).hexdigest()
        for key, value in unique.items():
            first = seen.setdefault((key, value), line)
            if first != line:
                raise FactoryError(f"{at}: the same {key} as in line {first}")
        settings = maker.complete(common | own, f"{at}, with {where}", pair)
        plans.append(BoardPlan(name, settings, pair))
    if not plans:
        raise FactoryError(f"{path}: there is no board in it")
    return plans


def _read(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    try:
        # Spreadsheets begin UTF-8 with a mark.
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise FactoryError(f"{path}: {error.strerror or error}") from None
    except ValueError:
        raise FactoryError(f"{path}: not UTF-8: save it as 'CSV UTF-8'") from None
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    return header, _rows(path, header, reader)


def _rows(path: Path, header: list[str], reader: Any) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise FactoryError(
                    f"{path}, line {reader.line_num}: {len(cells)} values in {len(header)} columns"
                )
            row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            yield reader.line_num, row
    except csv.Error as error:
        raise FactoryError(f"{path}, line {reader.line_num}: {error}") from None


def _check_header(path: Path, header: list[str]) -> None:
    if len(header) == 1 and ";" in header[0]:
        raise FactoryError(f"{path}: its columns must be separated by commas, not semicolons")
    known = rules.defaults()
    for key in header:
        if header.count(key) > 1:
            raise FactoryError(f"{path}: there are two columns {key!r}")
        if key in PAIR and not set(PAIR) <= set(header):
            raise FactoryError(
                f"{path}: columns 'cert' and 'key' go together: files of this machine"
            )
        if key == NAME:
            continue
        if key not in known:
            raise FactoryError(f"{path}: column {rules.unknown(key)}")
        if isinstance(known[key], list):
            raise FactoryError(f"{path}: {key} is a list: put it into --config, for all boards")
    for key in IDENTITY:
        if key not in header:
            raise FactoryError(f"{path}: there is no column {key!r}: every board needs its own")


def _pair(folder: Path, own: dict[str, str | int], pairs: PairReader, at: str) -> Pair | None:
    """Read the files in the columns of `PAIR`, which are no settings: what is on the board has other names."""
    files = [folder / str(own.pop(column)) for column in PAIR if column in own]
    if not files:
        return None
    try:
        return pairs.read(*files)
    except SettingsError as error:
        raise FactoryError(f"{at}: {error}") from None


def _value(key: str, text: str, at: str) -> str | int:
    if not text:
        raise FactoryError(f"{at}: {key} is empty")
    default = rules.defaults().get(key)
    if isinstance(default, bool):
        if text.lower() not in BOOLS:  # spreadsheets shout
            raise FactoryError(f"{at}: {key} must be true or false")
        return BOOLS[text.lower()]
    if not isinstance(default, int):
        return text
    if not text.isdecimal():
        raise FactoryError(f"{at}: {key} must be a whole number")
    return int(text)


def make_batch(plans: list[BoardPlan], maker: Maker, folder: Path) -> list[Made]:
    """Write `NAME.bin` for each board, then the manifest: a folder without one is an unfinished batch.

    Raises: FactoryError; before anything is written when a board's files do not fit.
    """
    # What fits with the longest settings, certificate and key fits with all.
    maker.flash(max((plan.settings for plan in plans), key=_text_bytes), _largest(plans))
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise FactoryError(f"{folder / MANIFEST}: {error.strerror or error}") from None
    rows = []
    for plan in plans:
        path = folder / f"{plan.name}.bin"
        flash = maker.flash(plan.settings, plan.pair)
        write_private(path, flash)
        rows.append(made(plan.name, plan.settings, path, flash, maker))
    write_private(folder / MANIFEST, manifest(rows).encode())
    return rows


def _text_bytes(settings: Settings) -> int:
    return len(repr(settings))


def _largest(plans: list[BoardPlan]) -> Pair | None:
    """Not one board's pair: what takes as much room as the largest of each."""
    pairs = [plan.pair for plan in plans if plan.pair]
    if not pairs:
        return None
    certificate = max((pair.certificate for pair in pairs), key=len)
    return replace(
        pairs[0], certificate=certificate, key=max((pair.key for pair in pairs), key=len)
    )


def pair_warnings(plans: list[BoardPlan]) -> list[str]:
    """What is to be said of the boards' certificates; of a large batch, how much more there would be."""
    found = [text for plan in plans if plan.pair for text in plan.pair.warnings]
    more = (
        [f"and {len(found) - MOST_WARNINGS} more about certificates"]
        if found[MOST_WARNINGS:]
        else []
    )
    return found[:MOST_WARNINGS] + more


def manifest(rows: list[Made]) -> str:
    """The manifest as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Made)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    return out.getvalue()
